// Takes telephone numbers out of a log line, wherever they stand: under their own keys, in SIP URIs, in error texts.

/** Texts under these keys are numbers as a whole, also short ones. */
const NUMBER_KEYS = new Set([
  'caller',
  'callee',
  'calling',
  'called',
  'dialled',
  'number',
  'callerNumber',
  'simNumber',
]);

/** Identifiers that tie log, CDR and journal together may look like numbers. */
const IDENTIFIER_KEYS = new Set(['time', 'callId', 'sipCallId', 'attemptId', 'reservationId', 'recordingId']);

/** Seven digits or more, as E.164 allows up to fifteen; not a part of a word, and not the first part of a UUID. */
const NUMBER_IN_TEXT = /(?<![\w.-])\+?\d{7,15}(?!\w|-[0-9a-f]{4}-)/gi;

/** The line, a JSON object, with its numbers cut to their last four digits. */
export function redactLine(line: string): string {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return redactText(line);
  }
  return `${JSON.stringify(fields, redactField)}\n`;
}

function redactField(key: string, value: unknown): unknown {
  if (typeof value !== 'string' || IDENTIFIER_KEYS.has(key)) return value;
  return NUMBER_KEYS.has(key) ? lastFour(value) : redactText(value);
}

function redactText(text: string): string {
  return text.replaceAll(NUMBER_IN_TEXT, lastFour);
}

function lastFour(number: string): string {
  return `…${number.slice(-4)}`;
}
