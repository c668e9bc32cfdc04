// Draining a running service: who is refused, who is not, when it is over, and what becomes of the rest.
import assert from 'node:assert/strict';
import { pino } from 'pino';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { ManualClock } from '../lib/clock.js';
import { Drain, type DrainedCalls } from './drain.js';
import { Arena, until } from './testing/arena.js';

const NUMBER = '01055550001';

describe('draining a service', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 10 }));
    app = await startApp(arena.config());
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
  });

  async function talking(number = NUMBER) {
    const call = await arena.phone.call({ number });
    assert.equal(await call.answered, true);
    return call;
  }

  it('refuses new calls with 503, lets live ones last, and is over with the last of them', async () => {
    const live = await talking();
    assert.equal(app.drain.begin({ deadlineSeconds: null, stops: true }).liveCalls, 1);
    const late = await arena.phone.call({ number: NUMBER });
    const { status, reason } = await late.ended;
    assert.equal(status, 503);
    assert.match(reason, /draining/);
    const refused = await arena.cdrOf(late.sipCallId);
    assert.deepEqual([refused.endReason, refused.callee, refused.attempts.length], ['draining', '+821055550001', 0]);
    assert.equal(app.drain.state?.state, 'draining');
    live.hangUp();
    assert.equal((await live.ended).status, 200);
    await app.drain.stopWanted;
    assert.equal(app.drain.state?.state, 'drained');
    assert.equal((await arena.cdrOf(live.sipCallId)).endReason, 'normal');
  });

  it('takes emergency calls all the same, and does not end them at the deadline', async () => {
    const live = await talking();
    app.drain.begin({ deadlineSeconds: null, stops: false });
    const emergency = await talking('112');
    app.drain.begin({ deadlineSeconds: 0, stops: false });
    const { endedBy, reason } = await live.ended;
    assert.equal(endedBy, 'callee');
    assert.match(reason, /draining/);
    const cdr = await arena.cdrOf(live.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy, cdr.billedSeconds], ['draining', 'simtrunk', 1]);
    assert.deepEqual([app.liveCalls, app.drain.state?.state], [1, 'draining']);
    emergency.hangUp();
    await until('it is drained', () => app.drain.state?.state === 'drained');
    assert.equal((await arena.cdrOf(emergency.sipCallId)).endReason, 'normal');
  });

  it('takes calls again when it is taken back', async () => {
    app.drain.begin({ deadlineSeconds: null, stops: false });
    await until('it is drained', () => app.drain.state?.state === 'drained');
    assert.equal(app.drain.resume(), true);
    assert.deepEqual([app.drain.resume(), app.drain.state], [false, null]);
    (await talking()).hangUp();
  });
});

describe('a drain', () => {
  class FakeCalls implements DrainedCalls {
    readonly ended: string[] = [];
    readonly refusals: (string | null)[] = [];
    live = new Map<string, boolean>();
    #idle: (() => void)[] = [];

    get size(): number {
      return this.live.size;
    }

    calls() {
      return [...this.live].map(([name, emergency]) => ({
        state: { emergency },
        end: () => {
          this.ended.push(name);
          this.over(name);
        },
      }));
    }

    refuse(reason: 'draining' | null): void {
      this.refusals.push(reason);
    }

    whenIdle(): Promise<void> {
      return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
    }

    over(name: string): void {
      this.live.delete(name);
      if (this.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  let calls: FakeCalls;
  let clock: ManualClock;
  let drain: Drain;
  let told: boolean[];
  let isStopped: boolean;
  let logged: string[];

  beforeEach(() => {
    calls = new FakeCalls();
    clock = new ManualClock();
    told = [];
    isStopped = false;
    logged = [];
    open(0);
  });

  function open(graceMs: number): void {
    const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line).msg) });
    drain = new Drain(calls, clock, log, {
      onChange: (isDraining) => told.push(isDraining),
      graceMs,
    });
    void drain.stopWanted.then(() => {
      isStopped = true;
    });
  }

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('goes by the deadline that was said last', async () => {
    calls.live.set('a', false).set('b', true);
    drain.begin({ deadlineSeconds: 60, stops: true });
    const { deadlineAtMs, sinceMs } = drain.begin({ deadlineSeconds: 90, stops: true });
    assert.equal(deadlineAtMs, sinceMs + 90_000);
    assert.deepEqual([told, calls.refusals], [[true], ['draining']]);
    assert.deepEqual(logged, ['draining: new calls are refused']);
    clock.advance(89_999);
    assert.deepEqual(calls.ended, []);
    clock.advance(1);
    assert.deepEqual(calls.ended, ['a']);
    await settled();
    assert.equal(isStopped, false);
    calls.over('b');
    await settled();
    assert.equal(isStopped, true);
  });

  it('that was taken back ends nothing, also when its calls end later', async () => {
    calls.live.set('a', false);
    drain.begin({ deadlineSeconds: 60, stops: true });
    drain.resume();
    clock.advance(120_000);
    calls.over('a');
    await settled();
    assert.deepEqual([calls.ended, isStopped, drain.state], [[], false, null]);
    assert.deepEqual(
      [told, calls.refusals],
      [
        [true, false],
        ['draining', null],
      ],
    );
  });

  it('does not end the service when the last request for it does not say so', async () => {
    calls.live.set('a', false);
    drain.begin({ deadlineSeconds: null, stops: true });
    drain.begin({ deadlineSeconds: null, stops: false });
    calls.over('a');
    await settled();
    assert.deepEqual([isStopped, drain.state?.state], [false, 'drained']);
    drain.begin({ deadlineSeconds: null, stops: true });
    await settled();
    assert.equal(isStopped, true);
  });

  it('takes new calls for a moment still where others have to hear of it, and is over after that', async () => {
    open(1_000);
    drain.begin({ deadlineSeconds: null, stops: true });
    assert.deepEqual([told, calls.refusals], [[true], []]);
    clock.advance(999);
    assert.deepEqual(logged.splice(0), ['draining: new calls are taken for a moment still']);
    await settled();
    assert.deepEqual([isStopped, drain.state?.state], [false, 'draining']);
    calls.live.set('late', false);
    clock.advance(1);
    assert.deepEqual([calls.refusals, logged], [['draining'], ['draining: new calls are refused']]);
    calls.over('late');
    await settled();
    assert.equal(isStopped, true);
  });

  it('leaves no call that came in that moment when its deadline is sooner, and none refused when it is taken back', async () => {
    open(1_000);
    drain.begin({ deadlineSeconds: null, stops: false });
    drain.resume();
    clock.advance(2_000);
    assert.deepEqual(calls.refusals, [null]);
    calls.live.set('late', false);
    drain.begin({ deadlineSeconds: 0, stops: true });
    clock.advance(0);
    await settled();
    assert.deepEqual([calls.refusals, calls.ended, isStopped], [[null, 'draining'], ['late'], true]);
    assert.equal(clock.pendingTimers, 0);
  });
});
