// The catalogue of exceptions. An expected refusal is a value, not one of these.

/** Every code that a {@link SimtrunkError} can carry, with what it means to an operator. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'The config file has problems; all are listed.',
  CONFIG_UNREADABLE: 'The config file cannot be read.',
  LISTENER_UNAVAILABLE: 'An address or port of the config cannot be bound.',
  CERTIFICATE_UNUSABLE: 'A certificate or key of a TLS listener cannot be read or used.',
  SIP_SERVER_UNREACHABLE: 'The drachtio server cannot be reached or refused the secret.',
  JOURNAL_UNAVAILABLE: 'The journal file cannot be opened or written.',
  JOURNAL_IN_USE: 'Another process has this journal open.',
  REDIS_AWAY: 'The Redis of the shared ledger cannot be reached or does not answer.',
  RECORDING_UNAVAILABLE: 'The recording folder cannot be written.',
  RELAY_UNAVAILABLE: 'The media relay did not start or has ended.',
  RTPENGINE_UNAVAILABLE: 'An rtpengine that is asked for cannot be started or does not answer.',
  CONTROL_IN_USE: 'Another process answers on the control socket of this dataDir.',
  CONTROL_UNAVAILABLE: 'The control socket cannot be made below dataDir.',
  CONTROL_FAILED: 'The running service cannot be reached over its control socket, or did not answer.',
  CONTROL_REFUSED: 'The running service refused a command; the message says why.',
  SERVICE_NOT_RUNNING: 'A command needs the running service, and none runs on this dataDir.',
  RELOAD_FAILED: 'A changed config could not be taken over; everything is as it was.',
  USAGE: 'The command line is not understood.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An exception with a code from the catalogue and a message that says what to do. */
export class SimtrunkError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SimtrunkError';
    this.code = code;
  }
}
