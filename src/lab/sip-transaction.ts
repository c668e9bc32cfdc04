// Transactions of the lab's SIP endpoint over UDP (RFC 3261 §17): retransmissions, ACK of a refusal, CANCEL.
import type { RemoteInfo } from 'node:dgram';
import { headerOf, parameterOf, reasonOf, type SipHeaders, type SipRequest, type SipResponse } from './sip-text.js';

export interface Peer {
  readonly address: string;
  readonly port: number;
}

export interface SipTiming {
  /** RFC 3261 §17.1.1.1, milliseconds. */
  readonly t1Ms: number;
  readonly t2Ms: number;
}

/** What a transaction needs of its endpoint. */
export interface TransactionHost {
  readonly timing: SipTiming;
  /** Value of our Contact header. */
  readonly contact: string;
  transmit(message: SipRequest | SipResponse, peer: Peer): void;
}

export interface ResponseOptions {
  readonly reason?: string;
  readonly headers?: SipHeaders;
  readonly body?: string;
}

/** Sends at once, then after T1, 2·T1, 4·T1 … (capped where asked), until stopped or 64·T1 have gone. */
class Retransmission {
  #timer: NodeJS.Timeout | undefined;
  readonly #deadlineMs: number;

  constructor(timing: SipTiming, capMs: number, send: () => void, expired: () => void) {
    this.#deadlineMs = performance.now() + 64 * timing.t1Ms;
    const next = (delayMs: number): void => {
      const leftMs = this.#deadlineMs - performance.now();
      this.#timer = setTimeout(
        () => {
          if (performance.now() >= this.#deadlineMs - 1) return expired();
          send();
          next(Math.min(delayMs * 2, capMs));
        },
        Math.max(0, Math.min(delayMs, leftMs)),
      );
    };
    send();
    next(timing.t1Ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** A request that came in. An INVITE may be answered several times, up to its final response. */
export class ServerTransaction {
  readonly #host: TransactionHost;
  #retransmission: Retransmission | undefined;
  #last: SipResponse | undefined;
  /** When the last final response was sent; the endpoint forgets the transaction 64·T1 later. */
  finalAtMs: number | undefined;
  onCancel: (() => void) | undefined;
  /** The ACK came (`true`), or never did (`false`). */
  onAck: ((came: boolean) => void) | undefined;

  constructor(
    host: TransactionHost,
    readonly request: SipRequest,
    readonly peer: RemoteInfo,
    readonly localTag: string,
  ) {
    this.#host = host;
  }

  get isFinal(): boolean {
    return this.finalAtMs !== undefined;
  }

  respond(status: number, options: ResponseOptions = {}): void {
    if (this.isFinal) return;
    const { headers } = this.request;
    const copied = headers.filter(([name]) => /^(v|via|from|f|call-id|i|cseq|record-route)$/i.test(name));
    const to = headerOf(this.request, 'to');
    const toTagged = parameterOf(to, 'tag') === undefined && status > 100 ? `${to};tag=${this.localTag}` : to;
    const response: SipResponse = {
      status,
      reason: options.reason ?? reasonOf(status),
      headers: [
        ...copied,
        ['To', toTagged],
        ...(status > 100 && status < 300 ? ([['Contact', this.#host.contact]] as const) : []),
        ...(options.body === undefined ? [] : ([['Content-Type', 'application/sdp']] as const)),
        ...(options.headers ?? []),
      ],
      body: options.body ?? '',
    };
    this.#last = response;
    if (status >= 200) this.finalAtMs = performance.now();
    if (status >= 200 && this.request.method === 'INVITE') {
      const { timing } = this.#host;
      this.#retransmission = new Retransmission(
        timing,
        timing.t2Ms,
        () => this.#host.transmit(response, this.peer),
        () => this.#acknowledged(false),
      );
    } else {
      this.#host.transmit(response, this.peer);
    }
  }

  repeat(): void {
    if (this.#last !== undefined) this.#host.transmit(this.#last, this.peer);
  }

  acknowledge(): void {
    if (this.#retransmission === undefined) return;
    this.#acknowledged(true);
  }

  stop(): void {
    this.#retransmission?.stop();
    this.#retransmission = undefined;
  }

  #acknowledged(came: boolean): void {
    this.stop();
    this.onAck?.(came);
  }
}

export interface ClientEvents {
  onProvisional?: (response: SipResponse) => void;
  /** Once; `undefined` when nobody answered within 64·T1. */
  onFinal: (response: SipResponse | undefined) => void;
}

/** A request that goes out. */
export class ClientTransaction {
  readonly #host: TransactionHost;
  readonly #events: ClientEvents;
  #retransmission: Retransmission;
  #state: 'calling' | 'proceeding' | 'final' = 'calling';
  #cancel: 'no' | 'wanted' | 'sent' = 'no';
  #giveUp: NodeJS.Timeout | undefined;
  finalAtMs: number | undefined;
  /** Acknowledges a repeated 2xx; set by the dialog. */
  onRepeatedSuccess: (() => void) | undefined;

  constructor(
    host: TransactionHost,
    readonly request: SipRequest,
    readonly peer: Peer,
    events: ClientEvents,
  ) {
    this.#host = host;
    this.#events = events;
    const capMs = request.method === 'INVITE' ? Number.POSITIVE_INFINITY : host.timing.t2Ms;
    this.#retransmission = new Retransmission(
      host.timing,
      capMs,
      () => host.transmit(request, peer),
      () => this.#finish(undefined),
    );
  }

  receive(response: SipResponse): void {
    const isInvite = this.request.method === 'INVITE';
    if (response.status < 200) {
      if (this.#state === 'final') return;
      this.#state = 'proceeding';
      if (isInvite) this.#retransmission.stop();
      this.#events.onProvisional?.(response);
      if (this.#cancel === 'wanted') this.#sendCancel();
      return;
    }
    if (isInvite && response.status >= 300) this.#acknowledgeRefusal(response);
    if (this.#state === 'final') {
      if (isInvite && response.status < 300) this.onRepeatedSuccess?.();
      return;
    }
    this.#finish(response);
  }

  /** RFC 3261 §9.1: the CANCEL waits for a provisional response. */
  cancel(): void {
    if (this.#state === 'final' || this.#cancel !== 'no') return;
    this.#cancel = 'wanted';
    if (this.#state === 'proceeding') this.#sendCancel();
  }

  stop(): void {
    this.#retransmission.stop();
    clearTimeout(this.#giveUp);
  }

  #sendCancel(): void {
    this.#cancel = 'sent';
    const cancel = this.#withinTransaction('CANCEL', headerOf(this.request, 'to'));
    // The CANCEL is a transaction of its own under the same branch; its 200 is not awaited, the INVITE's end is.
    this.#retransmission = new Retransmission(
      this.#host.timing,
      this.#host.timing.t2Ms,
      () => this.#host.transmit(cancel, this.peer),
      () => this.#finish(undefined),
    );
  }

  #acknowledgeRefusal(response: SipResponse): void {
    this.#host.transmit(this.#withinTransaction('ACK', headerOf(response, 'to')), this.peer);
  }

  #withinTransaction(method: string, to: string): SipRequest {
    const kept = this.request.headers.filter(([name]) => /^(via|from|call-id|max-forwards|route)$/i.test(name));
    const sequence = headerOf(this.request, 'cseq').split(' ')[0];
    return {
      method,
      uri: this.request.uri,
      headers: [...kept, ['To', to], ['CSeq', `${sequence} ${method}`]],
      body: '',
    };
  }

  /** A response to our CANCEL: it need not be repeated any more, but the INVITE's end may still take 64·T1. */
  cancelAnswered(): void {
    if (this.#state === 'final') return;
    this.#retransmission.stop();
    clearTimeout(this.#giveUp);
    this.#giveUp = setTimeout(() => this.#finish(undefined), 64 * this.#host.timing.t1Ms);
  }

  #finish(response: SipResponse | undefined): void {
    this.stop();
    this.#state = 'final';
    this.finalAtMs = performance.now();
    this.#events.onFinal(response);
  }
}
