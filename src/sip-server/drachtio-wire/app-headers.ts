// The headers that an application gave for its message: some decide fields of ours, some are never its business, the rest pass.
import { canonicalHeaderName, HEADER_ID } from '../message/header-names.js';
import type { SipMessage } from '../message/sip-message.js';
import { hostPort } from '../message/uri.js';
import type { Listener } from '../transport/flow.js';

export interface AppHeaders {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly callId: string | undefined;
  readonly cseqNumber: number | undefined;
  readonly contact: string | undefined;
  readonly maxForwards: string | undefined;
  readonly contentType: string | undefined;
  /** Everything else, as complete lines. */
  readonly others: string;
}

const ID = HEADER_ID;

/** Via, Route, Record-Route, RSeq and Content-Length of an application are always discarded. */
export function readAppHeaders(message: SipMessage, listener: Listener): AppHeaders {
  let from: string | undefined;
  let to: string | undefined;
  let callId: string | undefined;
  let cseqNumber: number | undefined;
  let contact: string | undefined;
  let maxForwards: string | undefined;
  let contentType: string | undefined;
  let others = '';
  for (let index = 0; index < message.headerCount; index++) {
    const value = message.valueAt(index);
    switch (message.idAt(index)) {
      case ID.via:
      case ID.route:
      case ID['record-route']:
      case ID.rseq:
      case ID['content-length']:
        break;
      case ID.from:
        from ??= withLocalhost(value, listener, true);
        break;
      case ID.to:
        to ??= withLocalhost(value, listener, false);
        break;
      case ID['call-id']:
        callId ??= value === '' ? undefined : value;
        break;
      case ID.cseq:
        cseqNumber ??= readCSeqNumber(value);
        break;
      case ID.contact:
        contact ??= contactWithLocalhost(value, listener);
        break;
      case ID['max-forwards']:
        maxForwards ??= value;
        break;
      case ID['content-type']:
        contentType ??= value;
        break;
      case ID['p-asserted-identity']:
        others += `P-Asserted-Identity: ${withLocalhost(value, listener, false)}\r\n`;
        break;
      default:
        others += `${canonicalHeaderName(message.nameAt(index))}: ${value}\r\n`;
    }
  }
  return { from, to, callId, cseqNumber, contact, maxForwards, contentType, others };
}

function readCSeqNumber(value: string): number | undefined {
  const match = /^(\d{1,10})(?:[ \t]|$)/.exec(value);
  const number = Number(match?.[1]);
  return number < 2 ** 31 ? number : undefined;
}

/** drachtio-srf writes `@localhost` where it wants our own address. */
function withLocalhost(value: string, listener: Listener, isFrom: boolean): string {
  if (!value.includes('localhost')) return value;
  const own = hostPort(listener.advertise, listener.port);
  const replaced = value.replace(/@localhost(?=[>;,?\s]|$)/g, `@${own}`);
  return isFrom ? replaced.replace(/(sips?:)localhost(?=[>;,?\s]|$)/g, `$1${own}`) : replaced;
}

/**
 * As {@link withLocalhost}; over TCP the URI says so too, or the peer's requests would come by UDP.
 * Deviation: drachtio-server leaves the transport out.
 */
function contactWithLocalhost(value: string, listener: Listener): string {
  if (listener.protocol !== 'udp') {
    const bare = /^<?(sips?:[^<>;?\s]*@)localhost>?$/.exec(value);
    if (bare !== null) {
      return `<${bare[1]}${hostPort(listener.advertise, listener.port)};transport=${listener.protocol}>`;
    }
  }
  return withLocalhost(value, listener, false);
}

/** `application/sdp` for a body that is SDP, what the application said otherwise; undefined when neither is known. */
export function contentTypeOf(headers: AppHeaders, body: string): string | undefined {
  return headers.contentType ?? (body.startsWith('v=0') ? 'application/sdp' : undefined);
}
