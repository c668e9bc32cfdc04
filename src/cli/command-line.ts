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

type Options = NonNullable<ParseArgsConfig['options']>;

interface Described<T extends Options> {
  readonly options: T;
  readonly usage: string;
}

/** What a command was given for its options. */
export type ValuesOf<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true }>
>['values'];

/**
 * Reads a command with actions (`simtrunk bans add …`), performs the one that it names, and prints what came of it.
 * @throws SimtrunkError USAGE, and what `perform` throws
 */
export async function runAction<T extends Options>(
  args: string[],
  { options, usage }: Described<T>,
  perform: (values: ValuesOf<T>, positionals: readonly string[]) => Promise<string>,
): Promise<number> {
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, usage);
  process.stdout.write(`${await perform(values, positionals)}\n`);
  return 0;
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
