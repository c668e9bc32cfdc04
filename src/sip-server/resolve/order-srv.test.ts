import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { SrvRecord } from './dns-client.js';
import { orderSrv } from './order-srv.js';

const record = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  port: fc.nat(65_535),
  priority: fc.nat(3),
  weight: fc.nat(20),
});
const chance = fc.double({ min: 0, max: 0.999_999, noNaN: true });

describe('orderSrv', () => {
  it('gives every record once, and never a worse priority before a better one', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), fc.infiniteStream(chance), (records, chances) => {
        const ordered = orderSrv(records, () => chances.next().value ?? 0);
        assert.equal(ordered.length, records.length);
        assert.deepEqual(new Set(ordered), new Set(records));
        const priorities = ordered.map(({ priority }) => priority);
        assert.deepEqual(
          priorities,
          [...priorities].sort((a, b) => a - b),
        );
      }),
    );
  });

  it('draws the first of one priority by weight', () => {
    const heavy: SrvRecord = { name: 'heavy', port: 5060, priority: 1, weight: 3 };
    const light: SrvRecord = { name: 'light', port: 5060, priority: 1, weight: 1 };
    const idle: SrvRecord = { name: 'idle', port: 5060, priority: 1, weight: 0 };
    const first = (random: number) => orderSrv([heavy, light, idle], () => random)[0]?.name;
    // 0 to 4 are drawn alike: 0 is the weightless record's, one more the light one's, three the heavy one's.
    assert.deepEqual([0, 0.2, 0.4, 0.6, 0.8].map(first), ['idle', 'heavy', 'heavy', 'heavy', 'light']);
  });
});
