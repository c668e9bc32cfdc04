// What a status port says of the SIM in a channel, as far as the gateway tells.

export interface SimReport {
  /** Null, as everything here: it does not say. */
  readonly present: boolean | null;
  /** In its mobile network. */
  readonly registered: boolean | null;
  /** As the gateway measures it: mostly 0 to 31, as a modem's +CSQ (3GPP TS 27.007 §8.5). */
  readonly signal: number | null;
  /** Money or credit left, in the gateway's own words. */
  readonly balance: string | null;
  readonly inCall: boolean | null;
  /** Of the card that is really there. */
  readonly iccid: string | null;
}

/** A modem that does not know its signal says 99. */
const UNKNOWN_SIGNAL = 99;

/** Null for what is no number, or stands for none. */
export function signalOf(text: string): number | null {
  const signal = Number(text);
  return text.trim() === '' || !Number.isFinite(signal) || signal === UNKNOWN_SIGNAL ? null : signal;
}

/** Null for what is no ICCID, such as the zeros of a port without a card. Some gateways leave its last digit or a filler "F". */
export function iccidOf(text: string): string | null {
  const digits = text.trim().replace(/F+$/i, '');
  return /^\d{18,22}$/.test(digits) && !/^0+$/.test(digits) ? digits : null;
}

/** The last digit is a check digit that not every gateway tells (ITU-T E.118). */
export function isSameCard(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return long.length - short.length <= 2 && long.startsWith(short);
}
