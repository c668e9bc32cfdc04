import assert from 'node:assert/strict';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import { codecPolicy } from '../sdp/media-policy.js';
import type { CallRequest } from './call-request.js';
import type { CallerLeg, CallerLegListener } from './ports.js';
import { ProbeCalls, type ProbeSettings } from './probe-calls.js';
import type { ProbeSign } from './probe-leg.js';

const SETTINGS: ProbeSettings = {
  trunk: {
    ...{ name: 'pbx', network: 'lan', traffic: 'commercial', account: 'acme', nat: 'auto', mediaSources: [] },
    media: codecPolicy(['PCMA']),
  } as unknown as ProbeSettings['trunk'],
  ...{ address: '10.0.0.1', number: '01012345678', afterMs: 60_000, maxAfterMs: 200_000 },
};
const ALERTING: ProbeSign = { kind: 'alerting' };

/** A call as the prober sees it: what it asked for, and what its leg says. */
class Placed implements CallerLegListener {
  readonly request: CallRequest;
  readonly leg: CallerLeg;
  readonly said: string[] = [];

  constructor(request: CallRequest, leg: CallerLeg) {
    this.request = request;
    this.leg = leg;
    leg.listen(this);
  }

  cancelled(): void {
    this.said.push('CANCEL');
  }
  connected(): void {
    this.said.push('connected');
  }
  connectFailed(): void {}
  acknowledged(): void {
    this.said.push('ACK');
  }
  hungUp(): void {
    this.said.push('BYE');
  }
  renegotiated(): void {}
  refreshDue(): void {}
  sessionOver(): void {}
  messaged(): void {}
  referred(): void {}
}

describe('probe calls', () => {
  let clock: ManualClock;
  let placed: Placed[];
  let resumed: string[];
  let probes: ProbeCalls;

  beforeEach(() => {
    clock = new ManualClock();
    placed = [];
    resumed = [];
    probes = new ProbeCalls(SETTINGS, {
      clock,
      log: pino({ level: 'silent' }),
      open: (request, leg) => placed.push(new Placed(request, leg)),
      resume: (channelId) => resumed.push(channelId),
    });
  });

  afterEach(() => {
    probes.close();
    assert.equal(clock.pendingTimers, 0);
  });

  function last(): Placed {
    const call = placed.at(-1);
    assert.ok(call !== undefined, 'no call was placed');
    return call;
  }

  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('go to the number over the suspended channel alone, as if by the trunk, after the pause', () => {
    probes.watch('gw1/3', ALERTING);
    clock.advance(59_999);
    assert.equal(placed.length, 0);
    clock.advance(1);
    const { request } = last();
    assert.deepEqual([request.onlyChannel, request.dialled, request.trunk.name], ['gw1/3', '01012345678', 'pbx']);
    assert.deepEqual([request.account, request.calling, request.agent], ['acme', 'probe', null]);
    assert.match(request.offerSdp ?? '', /c=IN IP4 10\.0\.0\.1\r\nt=0 0\r\nm=audio 9 RTP\/AVP 8 0/);
  });

  it('take the channel back as soon as it rings, and give up before anybody answers', async () => {
    probes.watch('gw1/3', ALERTING);
    clock.advance(60_000);
    last().leg.ring(180);
    last().leg.progress(183, 'v=0');
    await settled();
    assert.deepEqual([resumed, last().said], [['gw1/3'], ['CANCEL']]);
    clock.advance(10_000_000);
    assert.equal(placed.length, 1);
  });

  it('take an answer for a sign too, and hang up at once; but not where what is missing is ringing before it', async () => {
    const outcomes: [ProbeSign, boolean, number][] = [
      [ALERTING, false, 1],
      [{ kind: 'alerting-first' }, false, 0],
      [{ kind: 'alerting-first' }, true, 1],
    ];
    for (const [sign, rings, sound] of outcomes) {
      resumed = [];
      probes.watch('gw1/3', sign);
      clock.advance(60_000);
      if (rings) last().leg.ring(180);
      last().leg.connect('v=0');
      await settled();
      assert.equal(resumed.length, sound, JSON.stringify(sign));
      assert.equal(last().said.at(-1), 'BYE');
      probes.forget('gw1/3');
    }
  });

  it('talk long enough where answers were too short', async () => {
    probes.watch('gw1/3', { kind: 'talk', lastingMs: 3_500 });
    clock.advance(60_000);
    last().leg.ring(180);
    last().leg.connect('v=0');
    await settled();
    clock.advance(3_499);
    assert.deepEqual([resumed, last().said], [[], ['connected', 'ACK']]);
    clock.advance(1);
    await settled();
    assert.deepEqual([resumed, last().said], [['gw1/3'], ['connected', 'ACK', 'BYE']]);
  });

  it('that go no better are repeated after twice the pause, up to the longest', async () => {
    probes.watch('gw1/3', { kind: 'talk', lastingMs: 3_500 });
    for (const [pauseMs, end] of [
      [60_000, 'refuse'],
      [120_000, 'hang-up'],
      [200_000, 'refuse'],
      [200_000, 'refuse'],
    ] as const) {
      const before = placed.length;
      clock.advance(pauseMs - 1);
      assert.equal(placed.length, before);
      clock.advance(1);
      assert.equal(placed.length, before + 1);
      if (end === 'refuse') last().leg.refuse(503, undefined);
      else {
        last().leg.connect('v=0');
        await settled();
        last().leg.hangUp(undefined);
      }
    }
    assert.deepEqual(resumed, []);
  });

  it('are placed one at a time', () => {
    probes.watch('gw1/1', ALERTING);
    probes.watch('gw1/2', ALERTING);
    clock.advance(65_000);
    assert.deepEqual(
      placed.map(({ request }) => request.onlyChannel),
      ['gw1/1'],
    );
    last().leg.refuse(503, undefined);
    clock.advance(1_000);
    assert.deepEqual(
      placed.map(({ request }) => request.onlyChannel),
      ['gw1/1', 'gw1/2'],
    );
  });

  it('are placed at once when an operator says so, and for suspended channels only', () => {
    assert.equal(probes.probeNow('gw1/3'), false);
    probes.watch('gw1/3', ALERTING);
    assert.equal(probes.probeNow('gw1/3'), true);
    clock.advance(0);
    assert.equal(placed.length, 1);
    assert.equal(probes.probeNow('gw1/3'), true);
    clock.advance(0);
    assert.equal(placed.length, 1);
  });

  it('say nothing of a channel that was resumed meanwhile', async () => {
    probes.watch('gw1/3', ALERTING);
    clock.advance(60_000);
    probes.forget('gw1/3');
    last().leg.ring(180);
    await settled();
    assert.deepEqual([resumed, last().said], [[], ['CANCEL']]);
  });

  it('are not placed without a number, and are when a new config has one', () => {
    probes.reconfigure(null);
    probes.watch('gw1/3', ALERTING);
    assert.equal(probes.probeNow('gw1/3'), false);
    clock.advance(1_000_000);
    assert.equal(placed.length, 0);
    probes.reconfigure(SETTINGS);
    clock.advance(59_999);
    assert.equal(placed.length, 0);
    clock.advance(1);
    assert.equal(placed.length, 1);
  });
});
