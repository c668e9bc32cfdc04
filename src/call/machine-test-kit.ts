// The call machine under test: inputs go in one by one, and time is moved by hand.
import type { Grant } from '../quota/ledger.js';
import { codecPolicy } from '../sdp/media-policy.js';
import type { CallEffect, CallInput } from './call-events.js';
import { stepCall } from './call-machine.js';
import type { CallRequest, ChosenChannel, GatewayTerms } from './call-request.js';
import { type CallLimits, type CallState, openCall } from './call-state.js';

const GATEWAY: GatewayTerms = {
  name: 'gw1',
  network: 'lan',
  signallingAddress: '127.0.0.1',
  media: codecPolicy(['PCMA']),
  channelMedia: new Map(),
  firstResponseTimeoutMs: 4000,
  progressTimeoutMs: 20_000,
  ringTimeoutMs: 60_000,
  responses: [],
  busyProbeMs: 0,
  nat: 'auto',
  mediaSources: [],
};
const REQUEST: CallRequest = {
  callId: 'call-1',
  sipCallId: 'sip-1',
  trunk: {
    name: 'pbx',
    network: 'lan',
    traffic: 'commercial',
    media: codecPolicy(['PCMA']),
    nat: 'auto',
    mediaSources: [],
  },
  calling: '100',
  agent: null,
  account: null,
  dialled: '01012345678',
  offerSdp: 'v=0',
  maxForwards: 70,
  looped: false,
  hasContact: true,
  signallingAddress: '127.0.0.1',
  passedHeaders: {},
};
const LIMITS: CallLimits = {
  maxAttempts: 3,
  setupTimeoutMs: 90_000,
  maxCallSeconds: 7200,
  sliceSeconds: 30,
  warningToneSeconds: 0,
  abandonTimeoutMs: 33_000,
};
export const DECISION = {
  considered: 2,
  refused: {},
  winner: null,
  runnersUp: [],
  codecs: [],
  decidedWallMs: 0,
  version: 1,
  seed: 1,
};

/** A call under test; each input returns its effects. */
export class MachineBench {
  state: CallState;
  nowMs = 0;
  readonly all: CallEffect[] = [];

  readonly #gateway: GatewayTerms;

  constructor(limits: Partial<CallLimits> = {}, gateway: Partial<GatewayTerms> = {}) {
    this.#gateway = { ...GATEWAY, ...gateway };
    this.state = openCall(REQUEST, { ...LIMITS, ...limits }, 0);
  }

  feed(input: CallInput): readonly CallEffect[] {
    const step = stepCall(this.state, input, { wallMs: this.nowMs, monotonicMs: this.nowMs });
    this.state = step.state;
    this.all.push(...step.effects);
    return step.effects;
  }

  types(input: CallInput): string[] {
    return this.feed(input)
      .map((effect) => effect.type)
      .filter((type) => type !== 'arm' && type !== 'disarm' && type !== 'report-attempt');
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  reserve(attemptId: string, channelId = `gw1/${attemptId}`): string[] {
    const channel: ChosenChannel = {
      attemptId,
      channelId,
      simId: `sim-${channelId}`,
      simNumber: '+821000000000',
      gateway: this.#gateway,
      address: { requestUri: 'sip:1@127.0.0.1', fromUser: '+821000000000', headers: {} },
      maxCallSeconds: 600,
    };
    return this.types({ type: 'channel:reserved', channel, decision: DECISION });
  }

  /** To an INVITE that has left. */
  dial(attemptId = 'a'): this {
    if (this.state.phase === 'admitting') this.feed({ type: 'call:admitted', emergency: false });
    this.reserve(attemptId);
    this.feed({ type: 'attempt:sent', attemptId, sipCallId: `leg-${attemptId}` });
    return this;
  }

  talk(attemptId = 'a', grant: Grant | null = null): this {
    this.dial(attemptId);
    this.feed({ type: 'attempt:progressed', attemptId, status: 180, media: false });
    this.after(2000).feed({ type: 'attempt:answered', attemptId });
    this.feed({ type: 'attempt:confirmed', attemptId, grant });
    this.after(10).feed({ type: 'caller:connected' });
    return this;
  }

  fail(attemptId: string, status: number | null, local = false, reasons: readonly string[] = []): string[] {
    return this.types({ type: 'attempt:failed', attemptId, status, reasons, local });
  }

  get refusal(): { status: number; q850: number | null } | undefined {
    const refusal = this.all.find((effect) => effect.type === 'refuse-caller');
    return refusal?.answer;
  }
}
