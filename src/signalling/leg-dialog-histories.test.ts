// Any history of a dialog: requests and ACKs of the peer, offers of ours, answers in any order, time, and the end at any moment.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Renegotiation, ReofferAnswer } from '../call/ports.js';
import type { SessionAgreement } from './session-expires.js';
import { ACCEPT, DialogBench, type Headers } from './testing/dialog-bench.js';

type Event =
  | { readonly type: 'asks'; readonly method: 'INVITE' | 'UPDATE'; readonly body: string; readonly headers: Headers }
  /** The call answers the oldest offer of the peer. */
  | { readonly type: 'call answers'; readonly accepts: boolean }
  | { readonly type: 'acks' }
  | { readonly type: 'we offer' }
  /** The peer answers our oldest request. */
  | { readonly type: 'peer answers'; readonly status: number; readonly headers: Headers }
  | { readonly type: 'time'; readonly seconds: number }
  | { readonly type: 'turn' };

const sessionHeaders = fc.constantFrom<Headers[]>(
  {},
  { Supported: 'timer' },
  { Supported: 'timer', 'Session-Expires': '600;refresher=uac' },
  { Supported: 'timer', 'Session-Expires': '600;refresher=uas' },
  { 'Session-Expires': '20' },
  { Require: 'x-teleport' },
);

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    type: fc.constant('asks' as const),
    method: fc.constantFrom<('INVITE' | 'UPDATE')[]>('INVITE', 'UPDATE'),
    body: fc.constantFrom('', 'theirs'),
    headers: sessionHeaders,
  }),
  fc.record({ type: fc.constant('call answers' as const), accepts: fc.boolean() }),
  fc.record({ type: fc.constant('acks' as const) }),
  fc.record({ type: fc.constant('we offer' as const) }),
  fc.record({
    type: fc.constant('peer answers' as const),
    status: fc.constantFrom(0, 200, 405, 408, 422, 481, 488, 491, 500),
    headers: fc.constantFrom<Headers[]>(
      {},
      { 'Session-Expires': '600;refresher=uac' },
      { 'Min-SE': '900', 'Retry-After': '2' },
    ),
  }),
  fc.record({ type: fc.constant('time' as const), seconds: fc.constantFrom(1, 5, 60, 300) }),
  fc.record({ type: fc.constant('turn' as const) }),
);

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

class History {
  readonly bench: DialogBench;
  /** Answers of requests of the peer, with the number of the request. */
  readonly asked: { readonly method: string; readonly answer: ReturnType<DialogBench['asks']>; answers: number }[] = [];
  readonly offers: ReofferAnswer[][] = [];
  readonly unanswered: Renegotiation[] = [];
  readonly unacknowledged: number[] = [];
  #answered = 0;

  constructor(agreement: SessionAgreement | null, role: 'uac' | 'uas') {
    this.bench = new DialogBench({ agreement, role });
    if (role === 'uas') this.bench.acks(1);
  }

  async feed(event: Event): Promise<void> {
    const { bench } = this;
    switch (event.type) {
      case 'asks':
        this.asked.push({
          method: event.method,
          answer: bench.asks(event.method, event.body, event.headers),
          answers: 0,
        });
        break;
      case 'call answers': {
        const renegotiation = this.unanswered.shift();
        if (event.accepts) renegotiation?.accept('ours');
        else renegotiation?.refuse(488);
        break;
      }
      case 'acks': {
        const acked = this.asked.find(
          ({ method, answer }) =>
            method === 'INVITE' && answer.status === 200 && !this.unacknowledged.includes(answer.cseq),
        );
        if (acked === undefined) break;
        this.unacknowledged.push(acked.answer.cseq);
        bench.acks(acked.answer.cseq, 'theirs');
        break;
      }
      case 'we offer':
        this.offers.push(bench.offers());
        break;
      case 'peer answers': {
        const request = bench.sent[this.#answered];
        if (request === undefined) break;
        this.#answered++;
        request.answer(event.status, event.headers, event.status === 200 ? 'theirs' : '');
        break;
      }
      case 'time':
        bench.clock.advance(event.seconds * 1_000);
        break;
      case 'turn':
        await turn();
        break;
    }
    this.unanswered.push(...bench.renegotiations.splice(0));
    this.#assertSound();
  }

  #assertSound(): void {
    const open = this.bench.sent.slice(this.#answered).filter(({ method }) => method === 'INVITE');
    assert.ok(open.length <= 1, 'one re-INVITE of ours at a time');
    assert.ok(this.unanswered.length <= 1, 'one offer of the peer at a time');
    assert.ok(open.length === 0 || this.unanswered.length === 0, 'never one of each');
    for (const answers of this.offers) assert.ok(answers.length <= 1, 'each offer of ours is answered once');
  }

  /** The end: everything was answered, and nothing goes on. */
  async end(): Promise<void> {
    await turn();
    this.unanswered.push(...this.bench.renegotiations.splice(0));
    this.bench.leg.close();
    for (const answers of this.offers) assert.equal(answers.length, 1, 'each offer of ours is answered');
    const pending = this.asked.filter(({ answer }) => answer.status === 0);
    assert.equal(pending.length, this.unanswered.length, 'whatever the call was not asked was answered');
    for (const renegotiation of this.unanswered) renegotiation.accept('too late');
    for (const { answer } of pending) assert.equal(answer.status, 0, 'nothing is said in a dialog that is over');
    assert.equal(this.bench.clock.pendingTimers, 0);
    const { length } = this.bench.sent;
    for (const request of this.bench.sent.slice(this.#answered)) request.answer(491);
    this.bench.clock.advance(10_000_000);
    assert.equal(this.bench.sent.length, length, 'nothing is sent any more');
  }
}

describe('any history of a dialog', () => {
  it('has one offer at a time, answers each once, and leaves nothing behind', async () => {
    let [open, taken] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<(SessionAgreement | null)[]>(
          null,
          { seconds: 600, weRefresh: true },
          { seconds: 600, weRefresh: false },
        ),
        fc.constantFrom<('uac' | 'uas')[]>('uac', 'uas'),
        fc.array(event, { minLength: 2, maxLength: 30 }),
        async (agreement, role, events) => {
          const history = new History(agreement, role);
          for (const each of events) await history.feed(each);
          open += Math.sign(history.bench.sent.length);
          taken += Math.sign(history.asked.filter(({ answer }) => answer.status === 200).length);
          await history.end();
        },
      ),
      { numRuns: 400 },
    );
    assert.ok(
      open > 50 && taken > 50,
      `only ${open} with a request of ours, ${taken} with an answered one of the peer`,
    );
  });

  it('asks nothing of a peer that refreshes', async () => {
    const { bench } = new History({ seconds: 600, weRefresh: false }, 'uac');
    for (let n = 0; n < 20; n++) {
      bench.clock.advance(500_000);
      assert.equal(bench.asks('UPDATE', '', { Supported: 'timer' }).status, 200);
    }
    assert.deepEqual([bench.told, bench.sent.length, ACCEPT.mode], [[], 0, 'accept']);
  });
});
