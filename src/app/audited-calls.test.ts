// Calls as an auditor sees them: whatever callers, gateways, operators and clocks do, and wherever the process is killed, what the
// carrier has seen of each leg, the ledger's history, its usage, and the call detail records say the same.
import fc from 'fast-check';
import { AuditedCalls } from './testing/audited-calls.js';
import { PAYER_SECONDS } from './testing/audited-terms.js';

const index = fc.nat({ max: 4 });
const pick = <T extends string>(...words: readonly T[]) => fc.constantFrom(...words);

const COMMON = [
  { weight: 4, arbitrary: fc.record({ kind: pick('talk'), paid: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: pick('dial'), paid: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: pick('gateway'),
      index,
      does: pick('rings', 'answers', 'answers', 'is busy', 'has no SIM', 'hangs up', 'hangs up', 'clears'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: pick('caller'),
      index,
      does: pick('connects', 'connects', 'hangs up', 'cancels', 'clears'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: pick('pass'), ms: fc.constantFrom(1, 999, 3_400, 17_000, 61_000, 140_000) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: pick('mobile'), index, paid: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: pick('transfer'), index }) },
] as const;

/** Calls of the payer that talk on, whatever else there is. */
const PAID = [
  { weight: 12, arbitrary: fc.record({ kind: pick('talk'), paid: fc.constant(true) }) },
  { weight: 12, arbitrary: fc.record({ kind: pick('pass'), ms: fc.constantFrom(17_000, 61_000) }) },
] as const;

const REPLAN = {
  weight: 1,
  arbitrary: fc.record({ kind: pick('replan'), payerSeconds: fc.constantFrom(...PAYER_SECONDS) }),
};

const UNUSUAL = [
  { weight: 2, arbitrary: fc.record({ kind: pick('gateway'), index, does: pick('answers again') }) },
  { weight: 1, arbitrary: fc.record({ kind: pick('adjust'), index, amount: fc.integer({ min: -40, max: 40 }) }) },
  REPLAN,
  { weight: 1, arbitrary: fc.record({ kind: pick('jump'), ms: fc.integer({ min: -7_200_000, max: 7_200_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: pick('kill'), commits: fc.nat({ max: 6 }) }) },
] as const;

const course = (...steps: readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<unknown> }[]) =>
  fc.array(fc.oneof(...steps), { minLength: 8, maxLength: 40, size: 'max' }) as fc.Arbitrary<
    Parameters<AuditedCalls['happen']>[0][]
  >;

describe('calls, audited', () => {
  it('are charged what the carrier bills, to the second, and never more than the plan has', () =>
    fc.assert(
      fc.asyncProperty(course(...COMMON), async (steps) => {
        const calls = await AuditedCalls.open();
        try {
          for (const step of steps) {
            await calls.happen(step);
            calls.assertWithinLimits();
          }
          await calls.end();
          await calls.assertBooksAgree();
        } finally {
          calls.close();
        }
      }),
      { numRuns: 20 },
    )).timeout(30_000);

  it('use no more of what a payer may use than the largest of its caps, however often other terms come', () =>
    fc.assert(
      fc.asyncProperty(course(...COMMON, ...PAID, ...Array(8).fill(REPLAN)), async (steps) => {
        const calls = await AuditedCalls.open();
        try {
          for (const step of steps) {
            await calls.happen(step);
            calls.assertWithinCaps();
          }
          await calls.end();
          calls.assertWithinCaps();
          await calls.assertBooksAgree();
        } finally {
          calls.close();
        }
      }),
      { numRuns: 15 },
    )).timeout(30_000);

  it('agree in all books through kills, clocks that are set, corrections, other plans and forked answers', () =>
    fc.assert(
      fc.asyncProperty(course(...COMMON, ...UNUSUAL), async (steps) => {
        const calls = await AuditedCalls.open();
        try {
          for (const step of steps) await calls.happen(step);
          await calls.end();
          await calls.assertBooksAgree();
        } finally {
          calls.close();
        }
      }),
      { numRuns: 40 },
    )).timeout(30_000);
});
