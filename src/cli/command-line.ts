// A command's arguments, or its usage when they are not understood.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { SimtrunkError } from '../lib/errors.js';

/** @throws SimtrunkError USAGE */
export function readCommandLine<T extends ParseArgsConfig>(config: T, usage: string): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw misused((cause as Error).message, usage, cause);
  }
}

export function misused(what: string, usage: string, cause?: unknown): SimtrunkError {
  return new SimtrunkError('USAGE', `${what}\n${usage}`, { cause });
}

/** A whole number of an option, or undefined when it is not given. @throws SimtrunkError USAGE */
export function wholeNumber(text: string | undefined, option: string, usage: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw misused(`--${option} needs a whole number; "${text}" is none.`, usage);
  return Number(text);
}
