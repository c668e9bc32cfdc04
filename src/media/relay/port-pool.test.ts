import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PortPool } from './port-pool.js';

const always = (port: number) => port;

function portOf(lent: { port: number } | null): number | null {
  return lent?.port ?? null;
}

describe('PortPool', () => {
  it('lends even ports that have their odd neighbour in the range', () => {
    const pool = new PortPool({ from: 20_001, to: 20_006 });
    assert.deepEqual(
      [portOf(pool.lend(0, always)), portOf(pool.lend(0, always)), portOf(pool.lend(0, always))],
      [20_002, 20_004, null],
    );
  });

  it('reuses the port that has rested longest', () => {
    const pool = new PortPool({ from: 20_000, to: 20_005 });
    for (const port of [20_000, 20_002, 20_004]) assert.equal(portOf(pool.lend(0, always)), port);
    pool.giveBack(20_004, 1_000);
    pool.giveBack(20_000, 2_000);
    assert.equal(portOf(pool.lend(12_000, always)), 20_004);
    assert.equal(portOf(pool.lend(12_000, always)), 20_000);
    assert.equal(pool.restsShortened, 0);
  });

  it('shortens a rest under pressure, and counts it', () => {
    const pool = new PortPool({ from: 20_000, to: 20_001 });
    pool.lend(0, always);
    pool.giveBack(20_000, 1_000);
    assert.equal(portOf(pool.lend(10_999, always)), 20_000);
    assert.equal(pool.restsShortened, 1);
    pool.giveBack(20_000, 20_000);
    assert.equal(portOf(pool.lend(30_000, always)), 20_000);
    assert.equal(pool.restsShortened, 1);
  });

  it('passes over ports of other processes, counts them, and tries them again later', () => {
    const pool = new PortPool({ from: 20_000, to: 20_003 });
    const foreign = new Set([20_000]);
    const bind = (port: number) => (foreign.has(port) ? null : port);
    assert.equal(portOf(pool.lend(0, bind)), 20_002);
    assert.equal(pool.foreign, 1);
    assert.equal(pool.lend(500, bind), null);
    foreign.clear();
    assert.equal(portOf(pool.lend(1_000, bind)), 20_000);
    assert.equal(pool.lent, 2);
  });

  it('never lends a port twice, nor loses one, for any sequence', () => {
    const steps = fc.array(fc.record({ isLend: fc.boolean(), waitMs: fc.nat(8_000), pick: fc.nat(20) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (sequence) => {
        const pool = new PortPool({ from: 20_000, to: 20_009 });
        const lent: number[] = [];
        let nowMs = 0;
        for (const { isLend, waitMs, pick } of sequence) {
          nowMs += waitMs;
          if (isLend) {
            const port = portOf(pool.lend(nowMs, always));
            assert.equal(port === null, lent.length === 5);
            if (port !== null) assert.ok(!lent.includes(port) && lent.push(port));
          } else if (lent.length > 0) {
            pool.giveBack(lent.splice(pick % lent.length, 1)[0] ?? 0, nowMs);
          }
          assert.equal(pool.lent, lent.length);
          assert.equal(pool.free, 5 - lent.length);
        }
      }),
    );
  });

  it('always lends the port that was given back longest ago, and counts each rest under 10 s, for any sequence', () => {
    const steps = fc.array(fc.record({ isLend: fc.boolean(), waitMs: fc.nat(6_000), pick: fc.nat(20) }), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(steps, (sequence) => {
        const pool = new PortPool({ from: 20_000, to: 20_015 });
        const resting = Array.from({ length: 8 }, (_, index) => ({ port: 20_000 + 2 * index, sinceMs: -Infinity }));
        const lent: number[] = [];
        let [nowMs, shortened] = [0, 0];
        for (const { isLend, waitMs, pick } of sequence) {
          nowMs += waitMs;
          if (!isLend && lent.length > 0) {
            const port = lent.splice(pick % lent.length, 1)[0] ?? 0;
            pool.giveBack(port, nowMs);
            resting.push({ port, sinceMs: nowMs });
          } else if (isLend) {
            const oldest = resting.shift();
            assert.equal(portOf(pool.lend(nowMs, always)), oldest?.port ?? null);
            if (oldest === undefined) continue;
            lent.push(oldest.port);
            if (nowMs - oldest.sinceMs < 10_000) shortened += 1;
          }
          assert.equal(pool.restsShortened, shortened);
        }
      }),
    );
  });

  it('goes round the whole range before it lends a port again', () => {
    const pool = new PortPool({ from: 10_000, to: 19_999 });
    for (let call = 0; call < 20_000; call += 1) {
      const port = portOf(pool.lend(call, always));
      assert.equal(port, 10_000 + ((2 * call) % 10_000));
      pool.giveBack(port ?? 0, call);
    }
    assert.deepEqual([pool.lent, pool.free], [0, 5_000]);
  });
});
