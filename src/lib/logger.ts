// Logging by pino: constant messages, fixed keys (callId, leg, channelId, gateway, trunk), numbers redacted by a setting.
import { type Logger as PinoLogger, pino } from 'pino';
import { redactLine } from './redact-line.js';

export type Logger = PinoLogger;

export interface LoggerSettings {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Cuts telephone numbers to their last four digits, wherever in a line they stand. */
  readonly redactNumbers: boolean;
}

/** Makes the root logger, writing JSON lines to standard error so that standard output stays a command's answer. */
export function createLogger(settings: LoggerSettings): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  return pino(
    { level: settings.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    settings.redactNumbers ? { write: (line: string) => destination.write(redactLine(line)) } : destination,
  );
}
