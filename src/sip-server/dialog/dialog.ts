// One dialog: what both sides agreed on when it was made. RFC 3261 §12.

import { parseSipUri, uriParameter } from '../message/uri.js';
import type { Flow } from '../transport/flow.js';
import { isBehindNat } from './route-set.js';

export interface DialogOrigin {
  readonly role: 'uas' | 'uac';
  /** INVITE or SUBSCRIBE. */
  readonly method: string;
  /** As applications know it: `<Call-ID>;from-tag=<tag of the first request's From>`. */
  readonly id: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From value of our requests, with the tag. */
  readonly localParty: string;
  /** To value of our requests, with the tag. */
  readonly remoteParty: string;
  readonly localSeq: number;
  /** Null until the peer has sent a request. */
  readonly remoteSeq: number | null;
  /** URI of the peer's Contact; null when it gave none. */
  readonly remoteTarget: string | null;
  readonly routeSet: readonly string[];
  /** Value of our Contact. */
  readonly contact: string;
  /** Where the peer's message came from. */
  readonly flow: Flow;
}

/** The last ACK that we sent for a 2xx, kept to answer retransmissions of that 2xx. */
export interface SentAck {
  readonly cseqNumber: number;
  readonly bytes: Buffer;
  readonly flow: Flow;
}

export class Dialog {
  readonly origin: DialogOrigin;
  readonly key: string;
  /** The flow that requests take whatever the target says: a peer behind a NAT, or an open connection. */
  pinnedFlow: Flow | null;
  localSeq: number;
  remoteSeq: number | null;
  remoteTarget: string | null;
  contact: string;
  /** CSeq number of our INVITE that was last answered with a 2xx and wants an ACK. */
  ackSeq: number | null = null;
  lastAck: SentAck | null = null;
  /** Our last session description, kept while a session timer may have to repeat it. */
  localSdp = '';
  /** The peer understands UPDATE. */
  allowsUpdate = false;

  constructor(origin: DialogOrigin) {
    this.origin = origin;
    this.key = dialogKey(origin.callId, origin.localTag, origin.remoteTag);
    this.localSeq = origin.localSeq;
    this.remoteSeq = origin.remoteSeq;
    this.remoteTarget = origin.remoteTarget;
    this.contact = origin.contact;
    this.pinnedFlow = pinnedFlowOf(origin);
  }

  /** A request of the peer came: where it sits behind a NAT, that may have moved it, and a connection may be a new one. */
  heardFrom(flow: Flow): void {
    if (this.pinnedFlow?.listener.protocol === flow.listener.protocol) this.pinnedFlow = flow;
  }

  get id(): string {
    return this.origin.id;
  }

  /** A 2xx of the peer has had no ACK yet. */
  get owesAck(): boolean {
    return this.ackSeq !== null && this.lastAck?.cseqNumber !== this.ackSeq;
  }

  /** It has left the table: whatever still waits on its behalf stops. */
  release(): void {}

  /** RFC 3261 §12.2.1.1. */
  nextSeq(): number {
    this.localSeq++;
    return this.localSeq;
  }
}

function pinnedFlowOf(origin: DialogOrigin): Flow | null {
  const { flow, remoteTarget, routeSet, role } = origin;
  const target = remoteTarget === null ? null : parseSipUri(remoteTarget);
  if (target === null) return null;
  if (flow.listener.protocol === 'udp') {
    if (flow.followsContact === true) return null;
    const named = uriParameter(target, 'transport');
    if (named !== undefined && named !== 'udp') return null;
    return isBehindNat(role, routeSet, target, flow.address, flow.port) ? flow : null;
  }
  // The connection that the dialog was made on serves it while it is open.
  return routeSet.length === 0 ? flow : null;
}

/** The key by which a message finds its dialog. RFC 3261 §12: Call-ID, local tag, remote tag. */
export function dialogKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId} ${localTag} ${remoteTag}`;
}
