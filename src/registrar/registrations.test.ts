import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { type RegistrarResponse, Registrations } from './registrations.js';

/** Lets promises that are settled already do what follows. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('our registration at a carrier', () => {
  let clock: ManualClock;
  let sent: number[];
  let answers: ((response: RegistrarResponse | null) => void)[];
  let registrations: Registrations;

  beforeEach(() => {
    clock = new ManualClock();
    sent = [];
    answers = [];
    const register = (_: string, expiresSeconds: number) => {
      sent.push(expiresSeconds);
      return new Promise<RegistrarResponse | null>((resolve) => answers.push(resolve));
    };
    const log = createLogger({ level: 'silent', redactNumbers: false });
    registrations = new Registrations([{ name: 'carrier', expiresSeconds: 600 }], { register }, clock, log);
    registrations.start();
  });

  async function answer(response: Partial<RegistrarResponse> | null): Promise<void> {
    const none = { contact: undefined, expires: undefined, minExpires: undefined, retryAfter: undefined };
    answers.shift()?.(response === null ? null : { status: 200, ...none, sentContact: '<sip:a@us>', ...response });
    await turn();
  }

  const state = () => {
    const [{ state, status, expiresAtMs } = { state: '', status: 0, expiresAtMs: 0 }] = registrations.states();
    return [state, status, expiresAtMs === null ? null : (expiresAtMs - clock.wallMs()) / 1_000];
  };

  it('is refreshed before it ends, by what the registrar gives and not by what was asked', async () => {
    assert.deepEqual([sent, state()], [[600], ['registering', null, null]]);
    await answer({ contact: '<sip:b@other>;expires=9999, <sip:a@us>;expires=100', expires: '50' });
    assert.deepEqual(state(), ['registered', 200, 100]);
    clock.advance(79_999);
    assert.equal(sent.length, 1);
    clock.advance(1);
    assert.deepEqual(sent, [600, 600]);
    await answer({ expires: '50' });
    assert.deepEqual(state(), ['registered', 200, 50]);
    clock.advance(40_000);
    await answer({});
    assert.deepEqual(state(), ['registered', 200, 600]);
  });

  it('is tried again after growing pauses, up to five minutes', async () => {
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      await answer(tries % 2 === 0 ? null : { status: 403 });
      const before = sent.length;
      let waited = 0;
      while (sent.length === before) {
        clock.advance(1_000);
        waited++;
      }
      pauses.push(waited);
    }
    assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    assert.deepEqual(state(), ['failed', null, null]);
    await answer({});
    assert.deepEqual(state(), ['registered', 200, 600]);
  });

  it('asks for as long as the registrar wants at least, and waits as long as it says', async () => {
    await answer({ status: 423, minExpires: '1800' });
    assert.deepEqual(sent, [600, 1800]);
    await answer({ status: 503, retryAfter: '60 (maintenance)' });
    clock.advance(59_999);
    assert.equal(sent.length, 2);
    clock.advance(1);
    assert.equal(sent.length, 3);
    // One that says too little, or nothing, is no reason to ask again at once.
    await answer({ status: 423, minExpires: '5' });
    assert.equal(sent.length, 3);
  });

  it('still holds while a refresh fails, until it ends', async () => {
    await answer({});
    clock.advance(480_000);
    await answer({ status: 500 });
    assert.deepEqual(state(), ['failed', 500, 120]);
    clock.advance(120_000);
    assert.deepEqual(state(), ['failed', 500, null]);
  });

  it('is taken back at the end, without waiting for long', async () => {
    await answer({});
    const closed = registrations.close();
    assert.deepEqual(sent, [600, 0]);
    clock.advance(1_000);
    await closed;
    assert.equal(clock.pendingTimers, 0);
  });

  it('goes on over a reload that leaves it alone, is taken back when it is gone, and begins anew when it has changed', async () => {
    await answer({});
    const carrier = { name: 'carrier', expiresSeconds: 600 };
    await registrations.reconfigure([carrier, { name: 'other', expiresSeconds: 60 }], new Set());
    assert.deepEqual(sent, [600, 60]);
    await answer({});
    const changing = registrations.reconfigure([{ ...carrier, expiresSeconds: 300 }], new Set(['carrier']));
    assert.deepEqual(sent, [600, 60, 0, 0]);
    await answer({});
    await answer({});
    await changing;
    assert.deepEqual(sent.slice(4), [300]);
    await answer({});
    assert.deepEqual(state(), ['registered', 200, 300]);
    // A registrar that does not answer keeps nobody waiting.
    const leaving = registrations.reconfigure([], new Set());
    clock.advance(1_000);
    await leaving;
    assert.deepEqual(registrations.states(), []);
  });
});
