// Histories of calls for property tests: what callers, gateways, journal, relay and recorder may do, in any order.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ANSWER, CallBench, requestOf, SETTINGS, settled } from './call-test-kit.js';
import { FakeCaller, type FakeLeg } from './fake-legs.js';
import { FakeReferral } from './fake-referral.js';
import { AGENT, announcementOf, incomingOn, QUEUE } from './incoming-test-kit.js';

export type Event =
  | TransferEvent
  | { readonly type: 'offer' | 'stall' | 'go-on' | 'fail' | 'hold' | 'report' | 'lose-media' | 'lose-recording' }
  | { readonly type: 'end' | 'lose-signalling' }
  /** A call from a mobile: with so many destinations, on a channel that calls of trunks use too. */
  | { readonly type: 'mobile'; readonly destinations: number; readonly channel: number }
  | { readonly type: 'grant'; readonly maxCallSeconds: number; readonly isFinal: boolean }
  | { readonly type: 'silence-ledger'; readonly isDeaf: boolean }
  | { readonly type: 'lose-reservation'; readonly index: number }
  | { readonly type: 'advance'; readonly ms: number }
  | {
      readonly type: 'caller';
      readonly index: number;
      readonly does: 'connected' | 'fails' | 'cancels' | 'no PRACK' | 'hangs-up' | 'clears';
    }
  | {
      readonly type: 'callee';
      readonly index: number;
      readonly does:
        | 'sent'
        | 'tries'
        | 'rings'
        | 'plays'
        | 'answers'
        | 'answers again'
        | 'busy'
        | 'SIM busy'
        | 'silent'
        | 'hangs-up'
        | 'clears';
    };

/** What only a trunk that may transfer does, and whom it transfers to. */
type TransferEvent =
  | {
      readonly type: 'refer';
      readonly index: number;
      readonly to: 'number' | 'peer' | 'call';
      readonly other: number;
    }
  | { readonly type: 'succeed'; readonly index: number; readonly hasOffer: boolean }
  | {
      readonly type: 'successor';
      readonly index: number;
      readonly does: 'connected' | 'fails' | 'acknowledges' | 'agrees to nothing' | 'hangs-up' | 'clears';
    }
  | {
      readonly type: 'party';
      readonly index: number;
      readonly does: 'rings' | 'answers' | 'busy' | 'hangs-up' | 'clears';
    };

const index = fc.nat({ max: 11 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('offer' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('mobile' as const),
      destinations: fc.nat({ max: 3 }),
      channel: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        ...(['stall', 'go-on', 'fail', 'hold', 'report', 'lose-media', 'lose-recording'] as const),
        ...(['end', 'lose-signalling'] as const),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.constantFrom(10, 500, 1_000, 4_000, 20_000, 33_000, 60_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({
        type: fc.constant('grant' as const),
        maxCallSeconds: fc.constantFrom(0, 1, 20, 45, 600),
        isFinal: fc.boolean(),
      }),
      fc.record({ type: fc.constant('silence-ledger' as const), isDeaf: fc.boolean() }),
      fc.record({ type: fc.constant('lose-reservation' as const), index }),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('caller' as const),
      index,
      does: fc.constantFrom(
        ...(['connected', 'connected', 'connected', 'fails', 'cancels', 'no PRACK', 'hangs-up', 'clears'] as const),
      ),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      type: fc.constant('callee' as const),
      index,
      does: fc.constantFrom(
        ...(['sent', 'sent', 'sent', 'tries', 'rings', 'answers', 'answers', 'answers', 'busy'] as const),
        ...(['SIM busy', 'silent', 'plays', 'answers again', 'hangs-up', 'clears'] as const),
      ),
    }),
  },
) as fc.Arbitrary<Event>;

const transfer: fc.Arbitrary<TransferEvent> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('refer' as const),
      index,
      to: fc.constantFrom('number' as const, 'number' as const, 'peer' as const, 'call' as const),
      other: index,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('succeed' as const), index, hasOffer: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('successor' as const),
      index,
      does: fc.constantFrom(
        ...(['connected', 'connected', 'acknowledges', 'acknowledges', 'fails', 'agrees to nothing'] as const),
        ...(['hangs-up', 'clears'] as const),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('party' as const),
      index,
      does: fc.constantFrom(...(['rings', 'answers', 'answers', 'busy', 'hangs-up', 'clears'] as const)),
    }),
  },
);

export class History {
  readonly bench: CallBench;
  /** Those who called to take somebody's place. */
  readonly #successors: FakeCaller[] = [];
  readonly #acknowledged = new Set<FakeCaller>();

  constructor(onLoss: 'continue' | 'end', transfers: 'simtrunk' | 'refuse' = 'refuse') {
    this.bench = new CallBench({
      limits: { ...SETTINGS.limits, warningToneSeconds: 10 },
      noMediaTimeoutMs: 60_000,
      silentAfterMs: 5_000,
      recording: { ...SETTINGS.recording, onLoss },
    });
    this.bench.transfers = transfers;
  }

  async happen(happened: Event): Promise<void> {
    const { journal, media, recorder, registry, dialler, callers } = this.bench;
    switch (happened.type) {
      case 'offer':
        await this.bench.offer();
        break;
      case 'mobile':
        await this.#offerFromMobile(happened.destinations, happened.channel);
        break;
      case 'stall':
        journal.stall();
        break;
      case 'go-on':
        journal.goOn();
        break;
      case 'fail':
        journal.failures += 1;
        break;
      case 'hold':
        media.gate.isHeld = true;
        recorder.gate.isHeld = true;
        break;
      case 'report':
        media.gate.release();
        recorder.gate.release();
        break;
      case 'lose-media':
        for (const lost of media.lost) lost();
        break;
      case 'lose-recording':
        recorder.lose('write-error');
        break;
      case 'end':
        registry.endAll('operator');
        break;
      case 'lose-signalling':
        for (const call of registry.calls()) call.loseSignalling();
        break;
      case 'grant':
        this.bench.ledger.grants.push({ maxCallSeconds: happened.maxCallSeconds, isFinal: happened.isFinal });
        break;
      case 'silence-ledger':
        this.bench.ledger.isDeaf = happened.isDeaf;
        break;
      case 'lose-reservation': {
        const leg = dialler.legs[happened.index % dialler.legs.length];
        const reservationIds = [...journal.reservations.keys()];
        const other = reservationIds[happened.index % reservationIds.length];
        if (leg !== undefined)
          registry.loseReservations([leg.request.attemptId, ...(other === undefined ? [] : [other])]);
        break;
      }
      case 'advance':
        this.bench.clock.advance(happened.ms);
        break;
      case 'refer':
        this.#refer(this.#side(happened.index), happened);
        break;
      case 'succeed':
        this.#succeed(this.#side(happened.index), happened.hasOffer);
        break;
      case 'successor':
        this.#successor(this.#successors[happened.index % this.#successors.length], happened.does);
        break;
      case 'party': {
        const { calls } = this.bench.trunks;
        this.#party(calls[happened.index % calls.length]?.leg, happened.does);
        break;
      }
      case 'caller':
        this.#caller(callers[happened.index % callers.length], happened.does);
        break;
      case 'callee':
        this.#callee(dialler.legs[happened.index % dialler.legs.length], happened.does);
    }
    await settled();
  }

  /** Everybody goes home, as the other side's clocks would have it in the end. */
  async end(): Promise<void> {
    const { bench } = this;
    bench.registry.refuse('shutdown');
    bench.journal.failures = 0;
    bench.media.gate.release();
    bench.recorder.gate.release();
    for (const { isCancelled, state } of bench.dialler.legs) {
      assert.ok(
        !isCancelled || state !== 'talking',
        `an answer after a CANCEL was not ended\n${bench.trace.join('\n')}`,
      );
    }
    for (let round = 0; round < 12; round++) {
      bench.journal.goOn();
      await settled();
      for (const caller of [...bench.callers, ...this.#successors]) {
        this.#caller(caller, 'connected');
        this.#caller(caller, 'hangs-up');
        this.#caller(caller, 'cancels');
        this.#caller(caller, 'clears');
      }
      for (const leg of bench.dialler.legs) {
        this.#callee(leg, 'sent');
        // Of calls that were joined no caller is left who could hang up.
        if (round > 2 && bench.transfers !== 'refuse') this.#callee(leg, 'hangs-up');
        this.#callee(leg, 'clears');
        this.#callee(leg, 'busy');
      }
      for (const { leg } of bench.trunks.calls) {
        this.#party(leg, 'busy');
        this.#party(leg, 'clears');
      }
      await bench.advance(1_000);
    }
  }

  #offerFromMobile(destinations: number, channel: number): Promise<FakeCaller> {
    const channelId = this.bench.channels[channel] ?? '';
    const where = [AGENT, QUEUE, announcementOf('/srv/closed.wav')].slice(0, destinations);
    return this.bench.offer(incomingOn(where, { channelId, simId: `sim ${channelId}` }));
  }

  /** Nobody is left on the line. */
  assertSilent(): void {
    const { callers, trunks, trace } = this.bench;
    const parties = trunks.calls.map(({ leg }) => leg.state);
    const states = [...[...callers, ...this.#successors].map(({ state }) => state), ...parties];
    assert.ok(!states.includes('talking'), `${states.join()} in\n${trace.join('\n')}`);
  }

  /** A side of a call, which may be a gateway's, refers. */
  #refer(leg: FakeCaller | FakeLeg | undefined, { to, other }: Extract<Event, { type: 'refer' }>): void {
    if (leg?.state !== 'talking') return;
    const replaces = to === 'call' ? this.#side(other)?.dialogName : undefined;
    const place = to === 'peer' ? 'peer' : 'here';
    leg.listener.referred(new FakeReferral({ user: '01055550103', place, ...(replaces && { replaces }) }));
  }

  #side(index: number): FakeCaller | FakeLeg | undefined {
    const sides = [...this.bench.callers, ...this.bench.dialler.legs];
    return sides[index % sides.length];
  }

  #succeed(leg: FakeCaller | FakeLeg | undefined, hasOffer: boolean): void {
    if (leg === undefined) return;
    const request = requestOf(hasOffer ? {} : { offerSdp: null });
    const successor = new FakeCaller(request.callId, this.bench.trace);
    this.#successors.push(successor);
    this.bench.registry.replace(leg.dialogName, { ...request, trunk: this.bench.trunkOf(request) }, successor);
  }

  #successor(leg: FakeCaller | undefined, does: Extract<Event, { type: 'successor' }>['does']): void {
    if (leg === undefined) return;
    if (does !== 'acknowledges' && does !== 'agrees to nothing') this.#caller(leg, does);
    else if (leg.state === 'talking' && !this.#acknowledged.has(leg)) {
      this.#acknowledged.add(leg);
      leg.acknowledges(does === 'acknowledges' ? ANSWER : null);
    }
  }

  #party(leg: FakeLeg | undefined, does: Extract<Event, { type: 'party' }>['does']): void {
    if (leg === undefined || leg.hasEnded(SETTINGS.limits.abandonTimeoutMs)) return;
    if (leg.state === 'calling') {
      if (does === 'rings') leg.listener.progressed(180, null);
      else if (does === 'answers') leg.answer(ANSWER);
      else if (does === 'busy') leg.fail(486);
    } else if (leg.state === 'talking' && does === 'hangs-up') leg.hangsUp();
    else if (leg.state === 'hanging-up' && does === 'clears') leg.clear();
  }

  #caller(caller: FakeCaller | undefined, does: Extract<Event, { type: 'caller' }>['does']): void {
    if (caller === undefined) return;
    if (does === 'connected' && caller.hasConnectUnderWay) caller.connected();
    else if (does === 'fails' && caller.hasConnectUnderWay) caller.failsToConnect();
    else if (does === 'cancels' && caller.state === 'ringing') caller.cancel();
    else if (does === 'no PRACK' && caller.state === 'ringing') caller.sendsNoPrack();
    else if (does === 'hangs-up' && caller.state === 'talking') caller.hangsUp();
    else if (does === 'clears' && caller.state === 'over' && caller.told === 200) caller.clears();
  }

  #callee(leg: FakeLeg | undefined, does: Extract<Event, { type: 'callee' }>['does']): void {
    if (leg === undefined || leg.hasEnded(SETTINGS.limits.abandonTimeoutMs)) return;
    if (leg.state === 'calling') {
      if (does === 'sent' && !leg.isSent) leg.sent();
      else if (!leg.isSent) return;
      else if (does === 'tries') leg.listener.trying();
      else if (does === 'rings') leg.listener.progressed(180, null);
      else if (does === 'plays') leg.listener.progressed(183, ANSWER);
      else if (does === 'answers') leg.answer(ANSWER);
      else if (does === 'busy') leg.fail(486);
      else if (does === 'SIM busy') leg.fail(503);
      else if (does === 'silent') leg.fail(408, true);
    } else if (does === 'answers again') leg.listener.answeredAgain?.();
    else if (leg.state === 'talking' && does === 'hangs-up') leg.hangsUp();
    else if (leg.state === 'hanging-up' && (does === 'clears' || does === 'hangs-up')) leg.clear();
  }
}

const TALKING: readonly Event[] = [
  { type: 'offer' },
  { type: 'callee', index: 0, does: 'sent' },
  { type: 'callee', index: 0, does: 'answers' },
  { type: 'caller', index: 0, does: 'connected' },
];
const TALKING_AGAIN: readonly Event[] = [
  { type: 'offer' },
  { type: 'callee', index: 1, does: 'sent' },
  { type: 'callee', index: 1, does: 'answers' },
  { type: 'caller', index: 1, does: 'connected' },
];
export const histories = fc.array(event, { minLength: 10, maxLength: 60, size: 'max' });
/** A phone rings for a mobile, and another one of its trunk calls to pick it up. */
function beingPickedUp(hasOffer: boolean): readonly Event[] {
  return [
    { type: 'mobile', destinations: 2, channel: 0 },
    { type: 'callee', index: 0, does: 'sent' },
    { type: 'callee', index: 0, does: 'rings' },
    { type: 'succeed', index: 1, hasOffer },
  ];
}
/** With transfers among them, after a beginning in which two calls are talked over, or one is picked up. */
export const transferHistories = fc
  .tuple(
    fc.constantFrom([...TALKING, ...TALKING_AGAIN], beingPickedUp(true), beingPickedUp(false)),
    fc.array(fc.oneof({ weight: 2, arbitrary: event }, { weight: 1, arbitrary: transfer }), {
      minLength: 10,
      maxLength: 60,
      size: 'max',
    }),
  )
  .map(([beginning, events]): Event[] => [...beginning, ...events]);
export const lossSettings = fc.constantFrom('continue' as const, 'end' as const);
