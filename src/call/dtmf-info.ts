// Digits in INFO, as gateways and PBXs write them: `application/dtmf-relay` (Signal and Duration) and `application/dtmf` (the digit).
// Neither has an RFC; draft-kaplan-dispatch-info-dtmf-package §A has them as they are found.
import type { DialogMessage } from './ports-dialog.js';

export interface KeyedDigit {
  /** A digit, `*`, `#` or A to D. */
  readonly digit: string;
  readonly durationMs: number;
}

const RELAY = 'application/dtmf-relay';
const PLAIN = 'application/dtmf';
const DEFAULT_DURATION_MS = 160;
/** A shorter one many do not hear (ITU-T Q.24), and nobody presses longer. */
const SHORTEST_MS = 40;
const LONGEST_MS = 5_000;
/** Some number the keys beyond 9, as RFC 4733 §3.2 does. */
const BY_NUMBER: ReadonlyMap<string, string> = new Map([...'*#ABCD'].map((key, at) => [String(10 + at), key]));

export function isDtmf(contentType: string | null): boolean {
  return contentType === RELAY || contentType === PLAIN;
}

/** Null when it names no key. */
export function readDtmfInfo(contentType: string | null, body: string | null): KeyedDigit | null {
  const text = (body ?? '').slice(0, 200);
  const isRelay = contentType === RELAY;
  const signal = (isRelay ? /^\s*Signal\s*=\s*(\S+)\s*$/im.exec(text)?.[1] : text.trim()) ?? '';
  const key = (BY_NUMBER.get(signal) ?? signal).toUpperCase();
  if (!/^[0-9*#A-D]$/.test(key)) return null;
  const duration = Number(isRelay ? /^\s*Duration\s*=\s*(\d{1,6})\s*$/im.exec(text)?.[1] : Number.NaN);
  const durationMs = Number.isNaN(duration) ? DEFAULT_DURATION_MS : duration;
  return { digit: key, durationMs: Math.min(LONGEST_MS, Math.max(SHORTEST_MS, durationMs)) };
}

export function dtmfInfo({ digit, durationMs }: KeyedDigit): DialogMessage {
  const body = `Signal=${digit}\r\nDuration=${Math.round(durationMs)}\r\n`;
  return { method: 'INFO', headers: { 'Content-Type': RELAY }, body };
}
