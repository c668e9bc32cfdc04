// The ng requests of one call, under one call-id at one rtpengine, with one tag for each side.
// rtpengine makes a call from any offer that it gets: who repeats one must see that the ports are still the same.
import type { MediaAddress } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import type { NgArgument, NgDictionary } from './bencode.js';
import type { Engine } from './engine.js';
import { readLocal, type SideDescription } from './side-description.js';

const CALLER_TAG = 'caller';
const FORK_TAG = 'fork';

export type CallRequestFailure =
  /** It said no, for instance because it does not know the call. */
  | { readonly ok: false; readonly reason: 'refused'; readonly detail: string }
  /** It has no ports left, or as many sessions as it may have. */
  | { readonly ok: false; readonly reason: 'full'; readonly detail: string }
  /** It may have done what was asked, or not. */
  | { readonly ok: false; readonly reason: 'no-reply'; readonly detail: string };

export interface Exchange {
  readonly caller: SideDescription;
  readonly callee: SideDescription;
  readonly networks: Readonly<Record<Side, EngineNetwork>>;
  /** Octet for the IP header of what rtpengine sends; undefined for its own default. */
  readonly tos: number | undefined;
  /** Codec manipulations of the offer. */
  readonly codec: { readonly consume?: readonly string[]; readonly transcode?: readonly string[] } | undefined;
}

export interface EngineNetwork {
  readonly name: string;
  readonly isV6: boolean;
}

export type ExchangeResult =
  | { readonly ok: true; readonly local: Readonly<Record<Side, MediaAddress>> }
  | CallRequestFailure;

export class EngineCall {
  readonly callId: string;
  readonly #engine: Engine;
  /** Of the callee side that is used, and of the latest. */
  #callee = 0;
  #latestCallee = 0;

  constructor(engine: Engine, callId: string) {
    this.#engine = engine;
    this.callId = callId;
  }

  /** The callee side begins anew, with ports of its own, which the next exchange makes; the returned function goes back. */
  beginCallee(): () => void {
    const before = this.#callee;
    this.#latestCallee += 1;
    this.#callee = this.#latestCallee;
    return () => {
      this.#callee = before;
    };
  }

  tagOf(side: Side): string {
    return side === 'caller' ? CALLER_TAG : `callee-${this.#callee}`;
  }

  /** All that the side was called in this call, the present name last. */
  tagsOf(side: Side): readonly string[] {
    if (side === 'caller') return [CALLER_TAG];
    const present = this.tagOf('callee');
    const all = Array.from({ length: this.#latestCallee + 1 }, (_, at) => `callee-${at}`);
    return [...all.filter((tag) => tag !== present), present];
  }

  sideOf(tag: string): Side | null {
    if (tag === CALLER_TAG) return 'caller';
    return tag === this.tagOf('callee') ? 'callee' : null;
  }

  /** Tells rtpengine both sides, as an offer of the caller's and the callee's answer. */
  async exchange({ caller, callee, networks, tos, codec }: Exchange): Promise<ExchangeResult> {
    const from = this.#engine.settings.interfaces[networks.caller.name];
    const to = this.#engine.settings.interfaces[networks.callee.name];
    const common = {
      'call-id': this.callId,
      'from-tag': this.tagOf('caller'),
      'to-tag': this.tagOf('callee'),
      replace: ['origin', 'zero-address'],
      TOS: tos,
    };
    const offered = await this.#request('offer', {
      ...common,
      ...keysOf(caller),
      // Taken for sides that are new; the others stay where they are.
      direction: from === undefined || to === undefined ? undefined : [from, to],
      'address family': networks.callee.isV6 ? 'IP6' : 'IP4',
      'transport protocol': callee.protocol,
      ICE: callee.usesIce ? 'force' : 'remove',
      'rtcp-mux': ['demux'],
      // A peer behind a NAT cannot be reached before it has sent.
      'DTLS-reverse': 'passive',
      supports: ['load limit'],
      codec,
    });
    if (!offered.ok) return offered;
    const answered = await this.#request('answer', {
      ...common,
      ...keysOf(callee),
      'address family': networks.caller.isV6 ? 'IP6' : 'IP4',
      ICE: caller.usesIce ? 'force' : 'remove',
    });
    if (!answered.ok) return answered;
    const local = { caller: readLocal(textOf(answered.reply.sdp)), callee: readLocal(textOf(offered.reply.sdp)) };
    if (local.caller === null || local.callee === null) {
      return { ok: false, reason: 'refused', detail: 'its description has no audio' };
    }
    return { ok: true, local: { caller: local.caller, callee: local.callee } };
  }

  /** Asks for copies of both sides, caller first; the description that it offers for them. */
  async requestFork(
    codec: { readonly [key: string]: readonly string[] } | undefined,
  ): Promise<{ readonly ok: true; readonly sdp: string } | CallRequestFailure> {
    const result = await this.#request('subscribe request', {
      'call-id': this.callId,
      'from-tags': [this.tagOf('caller'), this.tagOf('callee')],
      'to-tag': FORK_TAG,
      'transport protocol': 'RTP/AVP',
      interface: this.#engine.settings.forkInterface,
      ICE: 'remove',
      codec,
    });
    return result.ok ? { ok: true, sdp: textOf(result.reply.sdp) } : result;
  }

  answerFork(sdp: string): Promise<{ readonly ok: true } | CallRequestFailure> {
    const flags = ['allow-transcoding'];
    return this.#request('subscribe answer', { 'call-id': this.callId, 'to-tag': FORK_TAG, sdp, flags });
  }

  endFork(): Promise<{ readonly ok: true } | CallRequestFailure> {
    return this.#request('unsubscribe', { 'call-id': this.callId, 'to-tag': FORK_TAG });
  }

  /** What rtpengine knows of the call. */
  query(): Promise<{ readonly ok: true; readonly reply: NgDictionary } | CallRequestFailure> {
    return this.#request('query', { 'call-id': this.callId });
  }

  /** Plays a WAV file to a side. */
  play(side: Side, wav: Uint8Array, times: number): Promise<{ readonly ok: true } | CallRequestFailure> {
    const keys = { 'call-id': this.callId, 'from-tag': this.tagOf(side), blob: wav, 'repeat-times': times };
    return this.#request('play media', keys);
  }

  stopPlaying(side: Side): Promise<{ readonly ok: true } | CallRequestFailure> {
    return this.#request('stop media', { 'call-id': this.callId, 'from-tag': this.tagOf(side) });
  }

  /** Whether what the side sends is passed on. */
  setHeard(side: Side, isHeard: boolean): Promise<{ readonly ok: true } | CallRequestFailure> {
    const keys = { 'call-id': this.callId, 'from-tag': this.tagOf(side) };
    return this.#request(isHeard ? 'unblock media' : 'block media', keys);
  }

  /** Whatever became of the requests before, nothing of the call stays at this rtpengine. */
  deleteSurely(): void {
    this.#engine.deleteSurely(this.callId);
  }

  async #request(
    command: Parameters<Engine['request']>[0],
    keys: { readonly [key: string]: NgArgument | undefined },
  ): Promise<{ readonly ok: true; readonly reply: NgDictionary } | CallRequestFailure> {
    const result = await this.#engine.request(command, keys);
    if (result.ok) return result;
    // Its words for a port range that is used up.
    const isFull = result.reason === 'full' || /out of ports/i.test(result.detail);
    return { ok: false, reason: isFull ? 'full' : result.reason, detail: result.detail };
  }
}

function keysOf({ sdp, learning }: SideDescription): { readonly [key: string]: NgArgument } {
  return { sdp, flags: ['port-latching', 'strict-source', `endpoint-learning-${learning}`] };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
