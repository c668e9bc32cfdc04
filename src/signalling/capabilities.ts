// What this application can do, as Allow and Supported say it to peers (RFC 3261 §13.2.1, §13.3.1.4), and what of it they may require.
import type { Reliability } from '../call/call-request.js';
import type { SipMessage } from './srf.js';

export const ALLOWED = 'INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, NOTIFY';

/** Reliable provisional responses (RFC 3262). */
export const RELIABLE_EXTENSION = '100rel';

/** Of transfers, towards trunks (RFC 3891, RFC 4488). */
export const TRANSFER_EXTENSIONS: readonly string[] = ['replaces', 'norefersub'];

/** For what makes or changes a dialog. @param extensions option tags that this peer is told of */
export function capabilityHeaders(extensions: readonly string[]): Record<string, string> {
  return extensions.length === 0 ? { Allow: ALLOWED } : { Allow: ALLOWED, Supported: extensions.join(', ') };
}

/** What an INVITE may make use of, beside what it may later on. @param later as of the dialog that it makes */
export function callExtensions(later: readonly string[], prack: Reliability): readonly string[] {
  return prack === 'off' ? later : [RELIABLE_EXTENSION, ...later];
}

/** Option tags in a header such as Supported or Require, in lower case. */
export function optionTags(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((tag) => tag.trim().toLowerCase())
    .filter((tag) => tag !== '');
}

/** What a request requires and we do not have (RFC 3261 §8.2.2.3): refused with 420, never ignored. */
export function unknownExtensions(request: SipMessage, known: readonly string[]): string[] {
  return optionTags(request.get('Require')).filter((tag) => !known.includes(tag));
}
