// Logging by pino: constant messages, fixed keys (callId, leg, channelId, gateway, trunk), numbers redacted by a setting.
import { type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

export interface LoggerSettings {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Replaces the values of number keys by their last four digits. */
  readonly redactNumbers: boolean;
}

const NUMBER_KEYS = ['caller', 'callee', 'calling', 'called', 'number', 'agent'];

/** Makes the root logger, writing JSON lines to standard error so that standard output stays a command's answer. */
export function createLogger(settings: LoggerSettings): Logger {
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      ...(settings.redactNumbers && {
        redact: { paths: NUMBER_KEYS, censor: (value: unknown) => `…${String(value).slice(-4)}` },
      }),
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
