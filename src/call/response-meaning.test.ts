import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type FinalResponse, meaningOf, type ResponseRule, type ResponseTerms } from './response-meaning.js';

const NONE: ResponseTerms = { responses: [], busyProbeMs: 0 };
const LATE: FinalResponse = { status: 503, cause: null, elapsedMs: 5_000, rang: false };

function rule(change: Partial<ResponseRule>): ResponseRule {
  return { statuses: [], causes: [], means: 'channel', coolDownMs: 0, ...change };
}

function meant(response: Partial<FinalResponse>, terms = NONE): string {
  return meaningOf(terms, { ...LATE, ...response }).means;
}

describe('what a final response means', () => {
  it('is the channel’s where the gateway could not place the call', () => {
    for (const status of [404, 408, 500, 502, 503, 504]) assert.equal(meant({ status }), 'channel', String(status));
  });

  it('is the callee’s where the callee’s side spoke', () => {
    for (const status of [410, 480, 484, 486, 600, 603, 604]) assert.equal(meant({ status }), 'callee', String(status));
  });

  it('is nobody’s who could be asked again where credentials or codecs are missing, or the gateway redirects', () => {
    for (const status of [300, 302, 401, 402, 403, 407, 488, 501, 505, 606])
      assert.equal(meant({ status }), 'give-up', String(status));
  });

  it('is the callee’s by its cause where the status stands for many things: the same phone is not called again', () => {
    for (const cause of [1, 17, 18, 19, 21, 22, 28]) assert.equal(meant({ cause }), 'callee', String(cause));
    for (const cause of [16, 27, 34, 38, 41, 42, 47]) assert.equal(meant({ cause }), 'channel', String(cause));
  });

  it('is the callee’s where 403 has the cause of a call that was rejected', () => {
    assert.equal(meant({ status: 403, cause: 21 }), 'callee');
    assert.equal(meant({ status: 403, cause: 57 }), 'give-up');
  });

  it('is the channel’s by a cause of the network, though the status is one by which callees decline', () => {
    for (const status of [480, 486, 600, 603])
      for (const cause of [34, 38, 41, 42, 44, 47])
        assert.equal(meant({ status, cause }), 'channel', `${status} ${cause}`);
    for (const cause of [16, 17, 21, 31]) assert.equal(meant({ status: 603, cause }), 'callee', String(cause));
    assert.equal(meant({ status: 484, cause: 34 }), 'callee');
  });

  it('is what the first rule that fits says, by status, by cause or by both', () => {
    const responses = [
      rule({ statuses: [503], causes: [38, 41], means: 'gateway', coolDownMs: 30_000 }),
      rule({ statuses: [486, 503], means: 'give-up', coolDownMs: 1 }),
      rule({ causes: [17], means: 'channel' }),
      rule({ statuses: [486] }),
    ];
    const terms = { responses, busyProbeMs: 0 };
    const verdict = (cause: number) => {
      const { means, coolDownMs } = meaningOf(terms, { ...LATE, cause });
      return [means, coolDownMs];
    };
    assert.deepEqual(verdict(41), ['gateway', 30_000]);
    assert.deepEqual(verdict(17), ['give-up', 1]);
    assert.equal(meant({ status: 480, cause: 17 }, terms), 'channel');
    assert.equal(meant({ status: 480 }, terms), 'callee');
  });

  it('is the channel’s when a busy answer comes too soon to be the callee’s, and nothing rang', () => {
    const terms = { responses: [rule({ statuses: [486], coolDownMs: 7_000 })], busyProbeMs: 1_000 };
    for (const status of [480, 486, 600, 603]) {
      assert.equal(meant({ status, elapsedMs: 999 }, { ...NONE, busyProbeMs: 1_000 }), 'channel', String(status));
      assert.equal(meant({ status, elapsedMs: 999, rang: true }, { ...NONE, busyProbeMs: 1_000 }), 'callee');
      assert.equal(meant({ status, elapsedMs: 1_000 }, { ...NONE, busyProbeMs: 1_000 }), 'callee');
    }
    assert.equal(meaningOf(terms, { ...LATE, status: 486, elapsedMs: 10 }).coolDownMs, 7_000);
    assert.equal(meant({ status: 404, elapsedMs: 0 }, { ...NONE, busyProbeMs: 1_000 }), 'channel');
    assert.equal(meant({ status: 484, elapsedMs: 0 }, { ...NONE, busyProbeMs: 1_000 }), 'callee');
  });

  it('stays the callee’s, however soon it comes, when the network says so by its cause', () => {
    assert.equal(meant({ status: 486, cause: 17, elapsedMs: 10 }, { ...NONE, busyProbeMs: 1_000 }), 'callee');
    assert.equal(meant({ status: 486, cause: 34, elapsedMs: 10 }, { ...NONE, busyProbeMs: 1_000 }), 'channel');
  });

  it('is one of four for every response and any rules', () => {
    const anyRule = fc.record({
      statuses: fc.array(fc.integer({ min: 300, max: 699 }), { maxLength: 2 }),
      causes: fc.array(fc.integer({ min: 1, max: 127 }), { maxLength: 2 }),
      means: fc.constantFrom('channel', 'gateway', 'callee', 'give-up'),
      coolDownMs: fc.nat(),
    }) as fc.Arbitrary<ResponseRule>;
    const response = fc.record({
      status: fc.integer({ min: 300, max: 699 }),
      cause: fc.option(fc.integer({ min: 1, max: 127 }), { nil: null }),
      elapsedMs: fc.nat(10_000),
      rang: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 5 }), fc.nat(2_000), response, (responses, busyProbeMs, heard) => {
        const verdict = meaningOf({ responses, busyProbeMs }, heard);
        assert.ok(['channel', 'gateway', 'callee', 'give-up'].includes(verdict.means));
        // Whoever rang is never taken for a busy channel by a clock.
        assert.deepEqual(
          meaningOf({ responses, busyProbeMs }, { ...heard, rang: true }),
          meaningOf({ responses, busyProbeMs: 0 }, heard),
        );
      }),
    );
  });
});
