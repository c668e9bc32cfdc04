// The PBX side of the lab: places calls into simtrunk's trunk, talks, listens, cancels and hangs up when told to.
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioStream } from './audio-stream.js';
import { type AudioDescription, type LabCodec, parseSdp, writeSdp } from './sdp-text.js';
import { type SipDialog, SipEndpoint } from './sip-endpoint.js';
import { headerOf, type SipHeaders, type SipResponse } from './sip-text.js';
import type { ClientTransaction, Peer, ServerTransaction, SipTiming } from './sip-transaction.js';

export interface SoftphoneSettings {
  /** Where simtrunk listens. */
  readonly trunk: Peer;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Default 0, which takes a free one. */
  readonly port?: number;
  readonly timing?: SipTiming;
}

export interface PlacedCall {
  readonly number: string;
  /** Audio said once from the moment the call has media; without it the call has no RTP socket of its own. */
  readonly says?: Int16Array;
  readonly saysRepeatedly?: boolean;
  readonly codecs?: readonly LabCodec[];
  /** User part of From; default `agent`. */
  readonly from?: string;
  readonly headers?: SipHeaders;
}

export interface TimelineEntry {
  /** Milliseconds since the INVITE was sent. */
  readonly atMs: number;
  readonly event: string;
}

export interface CallOutcome {
  readonly sipCallId: string;
  readonly answered: boolean;
  /** Final response to the INVITE; null when none came. */
  readonly status: number | null;
  /** Its Reason header, or that of the BYE that ended the call. */
  readonly reason: string;
  readonly endedBy: 'caller' | 'callee' | null;
  readonly ringingAfterMs: number | null;
  readonly answeredAfterMs: number | null;
  /** From the 200 to the BYE. */
  readonly talkedMs: number;
  readonly timeline: readonly TimelineEntry[];
}

export class SoftphoneCall {
  readonly ringing: Promise<void>;
  /** Whether it was answered, as soon as that is known. */
  readonly answered: Promise<boolean>;
  readonly ended: Promise<CallOutcome>;
  readonly #startMs = performance.now();
  readonly #timeline: TimelineEntry[] = [];
  readonly #endpoint: SipEndpoint;
  readonly #placed: PlacedCall;
  readonly #stream: AudioStream | undefined;
  readonly #invite: ClientTransaction;
  #dialog: SipDialog | undefined;
  #remote: AudioDescription | undefined;
  #status: number | null = null;
  #reason = '';
  #ringingAfterMs: number | null = null;
  #answeredAfterMs: number | null = null;
  #wantsToEnd = false;
  #over = false;
  #rang: () => void = () => undefined;
  #gotAnswer: (answered: boolean) => void = () => undefined;
  #finished: (outcome: CallOutcome) => void = () => undefined;

  constructor(endpoint: SipEndpoint, trunk: Peer, placed: PlacedCall, stream: AudioStream | undefined) {
    this.#endpoint = endpoint;
    this.#placed = placed;
    this.#stream = stream;
    this.ringing = new Promise((resolve) => {
      this.#rang = resolve;
    });
    this.answered = new Promise((resolve) => {
      this.#gotAnswer = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#finished = resolve;
    });
    const host = trunk.address.includes(':') ? `[${trunk.address}]` : trunk.address;
    const invite = endpoint.newRequest(
      'INVITE',
      `sip:${placed.number.replaceAll('#', '%23')}@${host}:${trunk.port}`,
      `<sip:${placed.from ?? 'agent'}@${endpoint.host}>`,
      [['Content-Type', 'application/sdp'], ...(placed.headers ?? [])],
      writeSdp({
        address: endpoint.address,
        // Nothing is ever sent from a call without audio, and what comes to the discard port (RFC 863) is lost.
        port: stream?.port ?? 9,
        codecs: placed.codecs ?? ['PCMA', 'PCMU'],
        eventPayloadType: 101,
      }),
    );
    this.#note('INVITE');
    this.#invite = endpoint.start(invite, trunk, {
      onProvisional: (response) => this.#provisional(response),
      onFinal: (response) => this.#final(response),
    });
  }

  get sipCallId(): string {
    return headerOf(this.#invite.request, 'call-id');
  }

  get timeline(): readonly TimelineEntry[] {
    return this.#timeline;
  }

  get packetsSent(): number {
    return this.#stream?.packetsSent ?? 0;
  }

  get packetsHeard(): number {
    return this.#stream?.packetsHeard ?? 0;
  }

  heard(): Int16Array {
    return this.#stream?.heard() ?? new Int16Array(0);
  }

  /** Ends the call as a caller does: CANCEL before the answer, BYE after it. */
  hangUp(): void {
    if (this.#over || this.#wantsToEnd) return;
    this.#wantsToEnd = true;
    if (this.#dialog !== undefined) {
      void this.#sendBye(this.#dialog);
      return;
    }
    this.#note('CANCEL');
    this.#invite.cancel();
  }

  #provisional(response: SipResponse): void {
    this.#note(String(response.status));
    if (response.status > 100 && this.#ringingAfterMs === null) {
      this.#ringingAfterMs = this.#sinceStart();
      this.#rang();
    }
    this.#hearFrom(response.body);
  }

  #final(response: SipResponse | undefined): void {
    this.#status = response?.status ?? null;
    this.#note(response === undefined ? 'no response' : String(response.status));
    if (response === undefined || response.status >= 300) {
      this.#reason = response === undefined ? '' : headerOf(response, 'reason');
      this.#finish(this.#wantsToEnd ? 'caller' : 'callee');
      return;
    }
    const dialog = this.#endpoint.dialogOfCaller(this.#invite.request, response);
    this.#dialog = dialog;
    dialog.onRequest = (transaction) => this.#inDialog(transaction);
    dialog.acknowledge(this.#invite);
    this.#answeredAfterMs = this.#sinceStart();
    this.#hearFrom(response.body);
    this.#gotAnswer(true);
    // The answer crossed our CANCEL (RFC 3261 §9.1): it is ended as any answered call.
    if (this.#wantsToEnd) void this.#sendBye(dialog);
  }

  #hearFrom(body: string): void {
    const remote = parseSdp(body) ?? this.#remote;
    if (remote === undefined || this.#stream === undefined) return;
    const isFirst = this.#remote === undefined;
    this.#remote = remote;
    const codec = remote.codecs[0];
    if (codec === undefined) return;
    const { says, saysRepeatedly } = this.#placed;
    if (isFirst && says !== undefined) this.#stream.say({ samples: says, repeats: saysRepeatedly ?? false });
    this.#stream.sendTo(remote.address, remote.port, codec);
  }

  #inDialog(transaction: ServerTransaction): void {
    const { method, body } = transaction.request;
    this.#note(`${method} received`);
    if (method === 'INVITE') {
      const offer = parseSdp(body);
      transaction.respond(200, {
        body: writeSdp({
          address: this.#endpoint.address,
          port: this.#stream?.port ?? 9,
          codecs: offer?.codecs.slice(0, 1) ?? ['PCMA'],
          eventPayloadType: offer?.eventPayloadType,
        }),
      });
      this.#hearFrom(body);
      return;
    }
    transaction.respond(200);
    if (method !== 'BYE') return;
    this.#reason = headerOf(transaction.request, 'reason');
    this.#finish('callee');
    this.#dialog?.end();
  }

  async #sendBye(dialog: SipDialog): Promise<void> {
    this.#note('BYE');
    this.#finish('caller');
    await dialog.request('BYE');
    dialog.end();
  }

  #finish(endedBy: 'caller' | 'callee'): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.close();
    this.#rang();
    this.#gotAnswer(this.#answeredAfterMs !== null);
    this.#finished({
      sipCallId: this.sipCallId,
      answered: this.#answeredAfterMs !== null,
      status: this.#status,
      reason: this.#reason,
      endedBy: this.#status === null ? null : endedBy,
      ringingAfterMs: this.#ringingAfterMs,
      answeredAfterMs: this.#answeredAfterMs,
      talkedMs: this.#answeredAfterMs === null ? 0 : this.#sinceStart() - this.#answeredAfterMs,
      timeline: this.#timeline,
    });
  }

  #note(event: string): void {
    this.#timeline.push({ atMs: this.#sinceStart(), event });
  }

  #sinceStart(): number {
    return Math.round(performance.now() - this.#startMs);
  }
}

export class Softphone {
  readonly #endpoint: SipEndpoint;
  readonly #trunk: Peer;
  readonly #live = new Set<SoftphoneCall>();

  static async open(settings: SoftphoneSettings): Promise<Softphone> {
    const endpoint = await SipEndpoint.open({
      address: settings.address ?? '127.0.0.1',
      port: settings.port ?? 0,
      user: 'pbx',
      ...(settings.timing && { timing: settings.timing }),
      onRequest: (transaction) => transaction.respond(transaction.request.method === 'OPTIONS' ? 200 : 481),
    });
    return new Softphone(endpoint, settings.trunk);
  }

  private constructor(endpoint: SipEndpoint, trunk: Peer) {
    this.#endpoint = endpoint;
    this.#trunk = trunk;
  }

  get address(): string {
    return this.#endpoint.address;
  }

  get port(): number {
    return this.#endpoint.port;
  }

  async call(placed: PlacedCall): Promise<SoftphoneCall> {
    const stream = placed.says === undefined ? undefined : await AudioStream.open(this.#endpoint.address);
    const call = new SoftphoneCall(this.#endpoint, this.#trunk, placed, stream);
    this.#live.add(call);
    void call.ended.then(() => this.#live.delete(call));
    return call;
  }

  /** Hangs up what is live, waits for the ends (not for ever: the other side may be gone), then closes. */
  async close(patienceMs = 3000): Promise<void> {
    for (const call of this.#live) call.hangUp();
    const patience = new AbortController();
    await Promise.race([
      Promise.all([...this.#live].map((call) => call.ended)),
      sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    await this.#endpoint.close();
  }
}
