import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLogger } from '../lib/logger.js';
import { ProvisionalAnswers } from './provisional-answers.js';
import type { ServerResponse, SipRequest } from './srf.js';

interface Sent {
  readonly status: number;
  readonly body: string | undefined;
  readonly isReliable: boolean;
}

type Happening =
  | { readonly does: 'say'; readonly status: number; readonly sdp: string | null }
  | { readonly does: 'prack' | 'fail' };

const happenings = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        does: fc.constant('say' as const),
        status: fc.integer({ min: 180, max: 199 }),
        sdp: fc.constantFrom(null, 'v=0'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('prack' as const, 'fail' as const) }) },
  ) as fc.Arbitrary<Happening>,
  { maxLength: 40 },
);

describe('any history of provisional responses', () => {
  it('has one reliable response under way at most, in the order in which they were said, and our offer in the first', () => {
    fc.assert(
      fc.property(happenings, fc.boolean(), fc.boolean(), (history, requires, offers) => {
        const headers: Record<string, string> = requires ? { Require: '100rel' } : {};
        const request = { body: offers ? 'v=0' : '', get: (name: string) => headers[name] } as unknown as SipRequest;
        const sent: Sent[] = [];
        let underWay: { failed: (error: unknown) => void; pracked: (prack: SipRequest) => void } | null = null;
        const response = {
          finalResponseSent: false,
          send: (...[status, options, failed, pracked]: Parameters<ServerResponse['send']>) => {
            const isReliable = options.headers?.Require === '100rel';
            if (isReliable) {
              assert.equal(underWay, null, 'two under way');
              assert.ok(failed !== undefined && pracked !== undefined);
              underWay = { failed: (error) => failed(error, request), pracked };
            }
            sent.push({ status, body: options.body, isReliable });
          },
        } satisfies ServerResponse;
        const answers: boolean[] = [];
        const provisionals = new ProvisionalAnswers(
          request,
          response,
          createLogger({ level: 'silent', redactNumbers: false }),
          {
            extensions: () => [],
            onPrack: (_prack, isAnswer) => answers.push(isAnswer),
          },
        );
        const said: Happening[] = [];
        for (const happening of history) {
          if (happening.does === 'say') {
            said.push(happening);
            provisionals.send(happening.status, happening.sdp);
          } else if (underWay !== null) {
            const { failed, pracked } = underWay as {
              failed: (error: unknown) => void;
              pracked: (prack: SipRequest) => void;
            };
            underWay = null;
            if (happening.does === 'prack') pracked(request);
            else failed('unknown transaction');
          }
          assert.equal(provisionals.isPrackOwed, underWay !== null);
        }
        assert.ok(sent.every(({ isReliable }) => isReliable === requires));
        const first = sent[0];
        if (requires && !offers && first !== undefined) assert.equal(first.body, 'v=0');
        assert.ok(answers.filter(Boolean).length <= 1);
        // In order: what was sent is found in what was said, each behind the one before.
        let at = 0;
        for (const { status, body } of sent) {
          const known = status === 183 ? null : status;
          at =
            said.findIndex(
              (other, index) =>
                index >= at &&
                other.does === 'say' &&
                (known === null || other.status === known) &&
                (other.sdp ?? undefined) === body,
            ) + 1;
          assert.ok(at > 0, 'out of order');
        }
      }),
    );
  });
});
