// Calls under test: the real registry and machine over doubles of every port, with one trace of all that happens.
import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Ledger } from '../quota/ledger.js';
import { codecPolicy, type MediaPolicy } from '../sdp/media-policy.js';
import type { CallSettings } from './call.js';
import type { CallRecord, LimitReached } from './call-record.js';
import { CallRegistry } from './call-registry.js';
import type { Callee, CallRequest, DialAddress, GatewayTerms } from './call-request.js';
import type { EndReason } from './end-reason.js';
import { FakeBooks, FakeJournal, FakeLedger } from './fake-journal.js';
import { FakeCaller, FakeDialler, FakeTrunks } from './fake-legs.js';
import { FakeMedia, FakeRecorder } from './fake-media.js';
import type { CallBooks, LegIdentity, RouteCandidate, RoutePort } from './ports.js';

export const OFFER = sdp('192.0.2.20', 40_000);
export const ANSWER = sdp('192.0.2.10', 30_000);

export function sdp(address: string, port: number, codec = '8 101'): string {
  return [
    ...['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', `m=audio ${port} RTP/AVP ${codec}`],
    ...(codec.includes('101') ? ['a=rtpmap:101 telephone-event/8000'] : []),
    '',
  ].join('\r\n');
}

export const CALLEE: Callee = { e164: '+821055550102', national: '01055550102', numberClass: 'mobile' };

export function gatewayTerms(name: string): GatewayTerms {
  return {
    name,
    network: 'lan',
    signallingAddress: '192.0.2.10',
    media: codecPolicy(['PCMA', 'PCMU']),
    channelMedia: new Map(),
    firstResponseTimeoutMs: 4_000,
    progressTimeoutMs: 20_000,
    ringTimeoutMs: 60_000,
    responses: [],
    busyProbeMs: 0,
    nat: 'off',
    mediaSources: [],
  };
}

export const SETTINGS: CallSettings = {
  limits: {
    maxAttempts: 3,
    setupTimeoutMs: 90_000,
    maxCallSeconds: 7_200,
    sliceSeconds: 30,
    warningToneSeconds: 0,
    abandonTimeoutMs: 33_000,
  },
  recording: { enabled: true, required: false, onLoss: 'continue' },
  maxWaitMs: 2_000,
  journalTimeoutMs: 2_000,
  noMediaTimeoutMs: 0,
  silentAfterMs: 5_000,
  recordingDeadlineMs: 30_000,
};

/** Lets everything that waits for promises only go as far as it can. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

let calls = 0;

export function requestOf(changes: Partial<CallRequest>): CallRequest {
  calls += 1;
  return {
    callId: `00000000-0000-4000-8000-${String(calls).padStart(12, '0')}`,
    sipCallId: `call-${calls}@pbx`,
    trunk: {
      name: 'pbx',
      network: 'lan',
      traffic: 'commercial',
      media: codecPolicy(['PCMA']),
      nat: 'off',
      mediaSources: [],
    },
    calling: '201',
    agent: null,
    account: null,
    dialled: CALLEE.national,
    offerSdp: OFFER,
    maxForwards: 70,
    looped: false,
    hasContact: true,
    signallingAddress: '192.0.2.20',
    passedHeaders: {},
    ...changes,
  };
}

export class CallBench {
  readonly trace: string[] = [];
  readonly clock: ManualClock;
  readonly journal: FakeJournal;
  readonly books: FakeBooks;
  readonly ledger: FakeLedger;
  readonly media = new FakeMedia(this.trace);
  readonly recorder = new FakeRecorder(this.trace);
  readonly dialler: FakeDialler;
  readonly trunks: FakeTrunks;
  /** Who does the transfers of the next calls. */
  transfers: 'simtrunk' | 'gateway' | 'refuse' = 'refuse';
  /** Of calls to mobiles: the channel, and whether it was answered. */
  readonly attemptEnds: string[] = [];
  readonly over: CallRecord[] = [];
  readonly callers: FakeCaller[] = [];
  readonly registry: CallRegistry;
  readonly settings: CallSettings;
  /** Admission's answer to the next calls; null admits. */
  refusal: EndReason | 'throws' | null = null;
  /** The cap behind it. */
  refusedBy: LimitReached | null = null;
  /** Of the next calls' callee. */
  numberClass: NumberClass = 'mobile';
  channels = ['gw1/1', 'gw1/2', 'gw2/1', 'gw2/2'];

  /** `ledger`, which lives by `clock`, and `books` in place of the doubles. */
  constructor(
    changes: Partial<CallSettings> = {},
    { clock, ledger, books }: { clock?: ManualClock; ledger?: Ledger; books?: CallBooks } = {},
  ) {
    this.settings = { ...SETTINGS, ...changes };
    this.clock = clock ?? new ManualClock();
    this.journal = new FakeJournal(this.trace);
    this.books = new FakeBooks(this.journal, this.clock);
    this.ledger = new FakeLedger(this.journal, this.clock, this.trace);
    this.dialler = new FakeDialler(this.trace, this.clock);
    this.trunks = new FakeTrunks(this.trace, this.clock);
    const routes: RoutePort = {
      attemptReported: (channelId, { outcome }) => this.trace.push(`reported ${channelId} ${outcome}`),
      callReceived: (channelId) => this.trace.push(`received ${channelId}`),
      decide: ({ excludeChannels, excludeGateways }) => {
        const candidates = this.channels
          .map((channelId) => this.#candidate(channelId))
          .filter(({ channelId }) => !excludeChannels.includes(channelId) && !this.ledger.isBusy(channelId))
          .filter(({ gateway }) => !excludeGateways.includes(gateway.name));
        const summary = {
          ...{ considered: this.channels.length, refused: {}, winner: null, runnersUp: [], codecs: [] },
          ...{ decidedWallMs: this.clock.wallMs(), version: 1, seed: 1 },
        };
        return { best: candidates[0], candidates, summary, refusal: 'no-channel' };
      },
    };
    this.registry = new CallRegistry(
      {
        admission: {
          admit: () => {
            if (this.refusal === 'throws') throw new Error('unexpected');
            const callee = { ...CALLEE, numberClass: this.numberClass };
            if (this.refusal === null) return { ok: true, callee };
            return {
              ok: false,
              reason: this.refusal,
              callee,
              detail: '',
              ...(this.refusedBy && { limit: this.refusedBy }),
            };
          },
          placed: (callId) => this.trace.push(`placed ${callId.slice(-4)}`),
          ended: (callId) => this.trace.push(`ended ${callId.slice(-4)}`),
        },
        routes,
        ledger: ledger ?? this.ledger,
        media: this.media,
        recorder: this.recorder,
        dialler: this.dialler,
        books: books ?? this.books,
        transfers: { trunks: this.trunks, innerAddressOf: () => null },
        attempts: { ended: (end) => this.attemptEnds.push(`${end.channelId} ${end.outcome === 'answered'}`) },
        clock: this.clock,
        log: createLogger({ level: 'silent', redactNumbers: false }),
      },
      this.settings,
    );
    this.ledger.mayFree = (reservationId) => {
      const callee = this.dialler.legs.find(({ request }) => request.attemptId === reservationId);
      if (callee !== undefined) return callee.hasEnded(SETTINGS.limits.abandonTimeoutMs);
      const mobile = this.callers.find(({ reservationId: ofChannel }) => ofChannel === reservationId);
      return mobile === undefined || (mobile.state === 'over' && !mobile.awaitsAnswer);
    };
    this.registry.onOver((record) => this.over.push(record));
  }

  /** A call from the PBX; resolves when nothing more happens by itself. */
  async offer(changes: Partial<CallRequest> = {}): Promise<FakeCaller> {
    const asked = requestOf(changes);
    const request = { ...asked, trunk: this.trunkOf(asked) };
    const caller = new FakeCaller(request.callId, this.trace);
    caller.reservationId = request.incoming?.reservationId ?? null;
    this.callers.push(caller);
    this.registry.open(request, caller);
    await settled();
    return caller;
  }

  /** What gateways allow in their session descriptions, where a test says so. */
  gatewayMedia: MediaPolicy | null = null;

  #candidate(channelId: string): RouteCandidate {
    const candidate = candidateOf(channelId);
    if (this.gatewayMedia === null) return candidate;
    return Object.assign(candidate, { gateway: { ...candidate.gateway, media: this.gatewayMedia } });
  }

  /** The trunk of a call as it is set now. */
  trunkOf({ trunk }: CallRequest): CallRequest['trunk'] {
    return { ...trunk, transfers: this.transfers };
  }

  /** A call whose INVITE has left. */
  async dial(): Promise<FakeCaller> {
    const caller = await this.offer();
    this.leg.sent();
    return caller;
  }

  /** A call in which both sides talk. */
  async talk(): Promise<FakeCaller> {
    const caller = await this.dial();
    this.leg.listener.progressed(180, null);
    this.leg.answer(ANSWER);
    await settled();
    caller.connected();
    await settled();
    return caller;
  }

  /** The gateway's leg of the latest attempt. */
  get leg() {
    return this.dialler.last;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }

  /** The record that was last published. */
  get record(): CallRecord {
    const published = this.journal.published.at(-1);
    assert.ok(published !== undefined, 'a record is published');
    return published.record;
  }

  /** Index of the first trace line that begins so. */
  at(beginning: string): number {
    const index = this.trace.findIndex((line) => line.startsWith(beginning));
    assert.notEqual(index, -1, `${beginning} in\n${this.trace.join('\n')}`);
    return index;
  }

  /** Nothing is left of any call, and each has exactly one record. */
  assertQuiet(): void {
    const context = this.trace.join('\n');
    assert.deepEqual(this.ledger.violations, [], context);
    assert.ok(!this.trace.some((line) => line.includes('TOO LATE')), context);
    for (const { state } of this.dialler.legs) assert.notEqual(state, 'talking', `a leg is left\n${context}`);
    assert.equal(this.registry.size, 0, `calls are left\n${context}`);
    assert.equal(this.clock.pendingTimers, 0, `timers are left\n${context}`);
    assert.equal(this.media.openSessions, 0, `media sessions are left\n${context}`);
    assert.equal(this.recorder.unfinished, 0, `recordings are left\n${context}`);
    assert.deepEqual([...this.ledger.busyChannels], [], `channels are left\n${context}`);
    assert.deepEqual([...this.journal.live.keys()], [], `live rows are left\n${context}`);
    assert.deepEqual([...this.journal.open.keys()], [], `open records are left\n${context}`);
    const revisions = new Map<string, number[]>();
    for (const { record, revision } of this.journal.published)
      revisions.set(record.callId, [...(revisions.get(record.callId) ?? []), revision]);
    for (const { callId, revision } of this.journal.superseded)
      revisions.set(callId, [...(revisions.get(callId) ?? []), revision].sort());
    assert.deepEqual([...revisions.keys()].sort(), this.over.map(({ callId }) => callId).sort(), context);
    for (const list of revisions.values())
      assert.deepEqual(
        list,
        [...list.keys()].map((index) => index + 1),
        context,
      );
    this.#assertRecords(context);
  }

  /** The last revisions say what the caller was told and what the ledger charged. */
  #assertRecords(context: string): void {
    const last = new Map(this.journal.published.map(({ record }) => [record.callId, record]));
    for (const { callId, told } of this.callers) assert.equal(last.get(callId)?.sipStatus, told, context);
    const ended = [...last.values()].flatMap(({ attempts, incoming }) =>
      attempts
        .filter(({ sipCallId, endedAtMs }) => incoming === null && sipCallId !== null && endedAtMs !== null)
        .map(({ channelId, outcome }) => `${channelId} ${outcome === 'answered'}`),
    );
    assert.deepEqual(this.attemptEnds.toSorted(), ended.toSorted(), `ends of attempts\n${context}`);
    const billed = [...last.values()].flatMap(({ attempts, incoming }) => [
      ...attempts.filter(({ billedSeconds }) => billedSeconds > 0).map((a) => `${a.attemptId} ${a.billedSeconds}`),
      ...(incoming?.billedSeconds ? [`${incoming.reservationId} ${incoming.billedSeconds}`] : []),
    ]);
    const charges = new Map<string, number>();
    for (const { reservationId, billedSeconds } of this.ledger.charges.values()) {
      // A further answer of an attempt's INVITE is named after it.
      const attemptId = reservationId.replace(/\/\d+$/, '');
      if (billedSeconds > 0) charges.set(attemptId, (charges.get(attemptId) ?? 0) + billedSeconds);
    }
    const charged = [...charges].map(([attemptId, seconds]) => `${attemptId} ${seconds}`);
    assert.deepEqual(billed.sort(), charged.sort(), context);
  }
}

/** As routing's are: what few ask for is computed when they do. */
class BenchCandidate implements RouteCandidate {
  /** A hint that may be wrong. */
  readonly channelNumber = 0;
  readonly simId: string;
  readonly simNumber = '+821000000001';
  readonly gateway: GatewayTerms;

  constructor(readonly channelId: string) {
    this.simId = `sim ${channelId}`;
    this.gateway = gatewayTerms(channelId.split('/')[0] ?? '');
  }

  get address(): DialAddress {
    return { requestUri: `sip:${CALLEE.national}@192.0.2.10`, fromUser: this.simNumber, headers: {} };
  }
}

export function candidateOf(channelId: string): RouteCandidate {
  return new BenchCandidate(channelId);
}

export function identityOf(callId: string): LegIdentity {
  return {
    callId,
    local: '<sip:us@192.0.2.1>;tag=1',
    remote: '<sip:them@192.0.2.10>;tag=2',
    cseq: 1,
    remoteTarget: 'sip:them@192.0.2.10',
    nextHop: 'sip:192.0.2.10:5060',
  };
}
