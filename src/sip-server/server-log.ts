// How the parts of the server report: constant messages with fields. The thread's entry passes them to the logger outside.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface ServerLog {
  /** Asked before fields are made for a message that nobody reads. */
  readonly isDebugWanted: boolean;
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

export const SILENT_LOG: ServerLog = { isDebugWanted: false, write: () => undefined };
