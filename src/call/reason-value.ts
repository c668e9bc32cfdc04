// Reason header values (RFC 3326): Q.850 and SIP, also in responses (RFC 6432), and the GSM form of some gateways. What cannot be
// read counts as not there; the values themselves are kept raw in the CDR.

export interface ReasonValue {
  /** `Q.850`, `SIP`, `GSM` or another, in capitals. */
  readonly protocol: string;
  readonly cause: number | null;
  readonly text: string | null;
}

const PROTOCOL = /^\s*([A-Za-z0-9.!%*_+`'~-]+)\s*(?=;|$)/;
/** One parameter: a quoted string may hold anything, also semicolons. */
const PARAMETER = /;\s*([A-Za-z0-9.!%*_+`'~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^";\s]*)))?\s*/y;
/** No value of a header is longer by much; the rest is not looked at. */
const LONGEST = 1_000;

/** Null for what is no Reason value. Never throws. */
export function readReason(value: string): ReasonValue | null {
  const text = value.slice(0, LONGEST);
  const head = PROTOCOL.exec(text);
  if (head === null) return null;
  const protocol = (head[1] ?? '').toUpperCase();
  let cause: number | null = null;
  let phrase: string | null = null;
  PARAMETER.lastIndex = head[0].length;
  for (let found = PARAMETER.exec(text); found !== null; found = PARAMETER.exec(text)) {
    const name = found[1]?.toLowerCase();
    // The first of several holds, as for every parameter that may stand once.
    if (name === 'cause' && cause === null) cause = causeNumber(found[2] ?? found[3] ?? '');
    if (name === 'text' && phrase === null) phrase = (found[2] ?? found[3] ?? '').replaceAll(/\\(.)/g, '$1');
  }
  return { protocol: protocol === 'Q850' ? 'Q.850' : protocol, cause, text: phrase };
}

function causeNumber(text: string): number | null {
  return /^\d{1,3}$/.test(text) ? Number(text) : null;
}

/**
 * The Q.850 cause that the Reason values tell: of Q.850 itself, else of GSM, whose causes are numbered alike (3GPP TS 24.008,
 * Annex H; 0 and other makers' own numbers are none), else of a SIP status (RFC 3398 §8.2.6.1). Null when they tell none.
 */
export function causeOf(reasons: readonly string[]): number | null {
  const read = reasons.map(readReason);
  for (const protocol of ['Q.850', 'GSM']) {
    const cause = read.find((reason) => reason?.protocol === protocol && isCause(reason.cause))?.cause;
    if (cause !== undefined) return cause;
  }
  for (const reason of read) {
    const cause = reason?.protocol === 'SIP' && reason.cause !== null ? CAUSE_OF_STATUS[reason.cause] : undefined;
    if (cause !== undefined) return cause;
  }
  return null;
}

function isCause(cause: number | null): boolean {
  return cause !== null && cause >= 1 && cause <= 127;
}

/** RFC 3398 §8.2.6.1; what is not listed there tells nothing. */
const CAUSE_OF_STATUS: Readonly<Record<number, number>> = {
  400: 41,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: 102,
  410: 22,
  413: 127,
  414: 127,
  415: 79,
  416: 127,
  420: 127,
  421: 127,
  423: 127,
  480: 18,
  481: 41,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  500: 41,
  501: 79,
  502: 38,
  503: 41,
  504: 102,
  505: 127,
  513: 127,
  600: 17,
  603: 21,
  604: 1,
};
