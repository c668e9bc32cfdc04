// One row of the table of commands: its arguments are checked before it runs.
import type { z } from 'zod';
import { type Caller, type ControlAnswer, refuse } from './control-protocol.js';

export interface ControlCommand {
  run(given: Readonly<Record<string, unknown>>, by: Caller): Promise<ControlAnswer>;
}

export type ControlTable = Readonly<Record<string, ControlCommand>>;

export function command<T>(
  schema: z.ZodType<T>,
  run: (given: T, by: Caller) => ControlAnswer | Promise<ControlAnswer>,
): ControlCommand {
  return {
    async run(given, by) {
      const read = schema.safeParse(given);
      return read.success ? run(read.data, by) : refuse('bad-arguments', problemsOf(read.error));
    },
  };
}

export function done(result: unknown): ControlAnswer {
  return { ok: true, result };
}

/** The first few problems, in one line. */
export function problemsOf({ issues }: z.ZodError): string {
  const texts = issues.slice(0, 5).map(({ path, message }) => {
    return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
  });
  return `${texts.join('; ')}.`;
}
