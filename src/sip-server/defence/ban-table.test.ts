import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BanTable } from './ban-table.js';
import { SourceAddress } from './source-address.js';

const address = new SourceAddress();

function read(text: string): SourceAddress {
  assert.ok(address.read(text), text);
  return address;
}

describe('BanTable', () => {
  const now = new Float64Array(1);
  beforeEach(() => {
    now[0] = 0;
  });

  it('bans until the time that was set, as a plain map does, through any history that fits into it', () => {
    const step = fc.record({
      what: fc.constantFrom('offence', 'operator', 'for-ever', 'lift', 'wait'),
      host: fc.nat({ max: 7 }),
      seconds: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bans = new BanTable(8, now);
        const byOffence = new Map<string, number>();
        const byOperator = new Map<string, number>();
        let nowMs = 0;
        now[0] = nowMs;
        for (const { what, host, seconds } of steps) {
          const text = `10.0.0.${host}`;
          const untilMs = nowMs + seconds * 1_000;
          const isBanned = (byOffence.get(text) ?? 0) > nowMs || (byOperator.get(text) ?? 0) > nowMs;
          if (what === 'wait') {
            nowMs = untilMs;
            now[0] = nowMs;
          } else if (what === 'offence') {
            bans.addOffender(read(text), untilMs);
            byOffence.set(text, untilMs);
          } else if (what === 'lift') {
            assert.equal(bans.lift(read(text)), isBanned);
            byOffence.delete(text);
            byOperator.delete(text);
          } else {
            const until = what === 'operator' ? untilMs : Number.POSITIVE_INFINITY;
            assert.deepEqual(bans.addByOperator(read(text), until), { ok: true });
            byOperator.set(text, until);
          }
          for (let other = 0; other <= 7; other++) {
            const source = `10.0.0.${other}`;
            const operator = (byOperator.get(source) ?? 0) > nowMs;
            assert.equal(bans.has(read(source), false), operator || (byOffence.get(source) ?? 0) > nowMs);
            assert.equal(bans.has(read(source), true), operator, 'a known peer is banned by the operator alone');
          }
          const inForce = [...byOffence.values(), ...byOperator.values()].filter((until) => until > nowMs);
          assert.equal(bans.list().length, inForce.length);
          assert.equal(bans.count(), inForce.length);
        }
      }),
    );
  });

  it('forgets the oldest offender when it is full, and never a ban of the operator', () => {
    const bans = new BanTable(2, now);
    assert.deepEqual(bans.addByOperator(read('10.0.0.1'), Number.POSITIVE_INFINITY), { ok: true });
    for (let host = 2; host < 100; host++) bans.addOffender(read(`10.0.0.${host}`), 5_000);
    now[0] = 1_500;
    assert.deepEqual(bans.list(), [
      { source: '10.0.0.1', by: 'operator', remainingSeconds: null },
      { source: '10.0.0.99', by: 'offences', remainingSeconds: 4 },
      { source: '10.0.0.98', by: 'offences', remainingSeconds: 4 },
    ]);
  });

  it('refuses a ban of the operator when the list is full of such, until one of them has ended', () => {
    const bans = new BanTable(2, now);
    bans.addByOperator(read('10.0.0.1'), 1_000);
    bans.addByOperator(read('10.0.0.2'), 2_000);
    assert.deepEqual(bans.addByOperator(read('10.0.0.3'), 9_000), { ok: false, reason: 'ban-list-full' });
    assert.deepEqual(bans.addByOperator(read('10.0.0.2'), 3_000), { ok: true });
    now[0] = 1_000;
    assert.deepEqual(bans.addByOperator(read('10.0.0.3'), 9_000), { ok: true });
  });
});
