import assert from 'node:assert/strict';
import { glarePauseMs } from './own-offers.js';
import { ACCEPT, DialogBench } from './testing/dialog-bench.js';

const OURS = { seconds: 600, weRefresh: true };
const THEIRS = { seconds: 600, weRefresh: false };

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a leg in its dialog', () => {
  describe('asked by its peer', () => {
    it('hands an offer on and answers it with its own Contact and abilities', () => {
      const bench = new DialogBench();
      const answer = bench.asks('INVITE', 'offer');
      assert.equal(bench.renegotiations[0]?.offerSdp, 'offer');
      bench.renegotiations[0]?.accept('answer');
      assert.deepEqual([answer.status, answer.body, answer.headers.Contact], [200, 'answer', '<sip:us@192.0.2.1>']);
      assert.match(answer.headers.Allow ?? '', /UPDATE/);
      assert.equal(answer.headers.Supported, 'timer');
    });

    it('answers an UPDATE without an offer by itself, and without a description', () => {
      const bench = new DialogBench();
      const answer = bench.asks('UPDATE');
      assert.deepEqual([answer.status, answer.body, bench.renegotiations.length], [200, '', 0]);
      assert.equal(answer.headers['Content-Type'], undefined);
    });

    it('waits for the answer to its delayed offer in the ACK, and refuses other offers until then', async () => {
      const bench = new DialogBench();
      const asked = bench.asks('INVITE');
      const answers: (string | null)[] = [];
      bench.renegotiations[0]?.onAnswer((sdp) => answers.push(sdp));
      bench.renegotiations[0]?.accept('our offer');
      assert.equal(bench.asks('UPDATE', 'offer').status, 491);
      const again = bench.asks('INVITE', 'offer');
      await settled();
      assert.equal(again.status, 491);
      assert.equal(bench.acks(asked.cseq, 'their answer'), true);
      assert.deepEqual(answers, ['their answer']);
      assert.equal(bench.asks('UPDATE', 'offer').status, 0);
      assert.equal(bench.renegotiations.length, 2);
    });

    it('hears the ACK before the re-INVITE that came behind it', async () => {
      const bench = new DialogBench();
      const first = bench.asks('INVITE');
      const heard: (string | null)[] = [];
      bench.renegotiations[0]?.onAnswer((sdp) => heard.push(sdp));
      bench.renegotiations[0]?.accept('our offer');
      // drachtio-srf tells of the ACK in a later turn.
      setImmediate(() => bench.acks(first.cseq, 'their answer'));
      const second = bench.asks('INVITE', 'offer');
      await settled();
      assert.deepEqual(heard, ['their answer']);
      assert.deepEqual([second.status, bench.renegotiations.length], [0, 2]);
    });

    it('tells a second offer to wait while the first has no answer', () => {
      const bench = new DialogBench();
      bench.asks('INVITE', 'first');
      const second = bench.asks('UPDATE', 'second');
      assert.equal(second.status, 500);
      assert.ok(Number(second.headers['Retry-After']) <= 10);
      bench.renegotiations[0]?.refuse(488);
      assert.equal(bench.asks('UPDATE', 'third').status, 0);
    });

    it('refuses its offer with 491 while one of ours is open, and takes an UPDATE without one', () => {
      const bench = new DialogBench();
      bench.offers();
      assert.equal(bench.asks('INVITE', 'theirs').status, 491);
      assert.equal(bench.asks('INVITE').status, 491);
      assert.equal(bench.asks('UPDATE', 'theirs').status, 491);
      assert.equal(bench.asks('UPDATE').status, 200);
    });

    it('refuses what requires an extension of others, and a body that describes no session', () => {
      const bench = new DialogBench();
      const answer = bench.asks('INVITE', 'offer', { Require: 'timer, x-teleport' });
      assert.deepEqual([answer.status, answer.headers.Unsupported], [420, 'x-teleport']);
      assert.equal(bench.asks('INVITE', 'text', { 'Content-Type': 'text/plain' }).status, 415);
      assert.equal(bench.renegotiations.length, 0);
    });

    it('has no dialog any more once it is being ended, and leaves what was open to the server', () => {
      const bench = new DialogBench({ agreement: OURS });
      const open = bench.asks('INVITE', 'offer');
      const ours = bench.offers();
      bench.leg.close();
      assert.equal(bench.asks('INVITE', 'offer').status, 481);
      assert.equal(bench.asks('UPDATE').status, 481);
      bench.renegotiations[0]?.accept('answer');
      assert.equal(open.status, 0);
      assert.deepEqual(ours, [{ status: 481, sdp: null }]);
      assert.deepEqual(bench.offers(), [{ status: 481, sdp: null }]);
      assert.equal(bench.clock.pendingTimers, 0);
    });

    it('answers what is open before a BYE of ours, once', () => {
      const bench = new DialogBench();
      const open = bench.asks('INVITE', 'offer');
      bench.leg.end();
      assert.equal(open.status, 487);
      bench.renegotiations[0]?.refuse(488);
      bench.leg.end();
      assert.equal(open.status, 487);
    });
  });

  describe('with an offer of its own', () => {
    it('sends it as a re-INVITE, and hands over the answer', () => {
      const bench = new DialogBench();
      const answers = bench.offers('ours');
      assert.deepEqual([bench.last.method, bench.last.body], ['INVITE', 'ours']);
      bench.last.answer(200, {}, 'theirs');
      assert.deepEqual(answers, [{ status: 200, sdp: 'theirs' }]);
    });

    it('sends one at a time', () => {
      const bench = new DialogBench();
      const [first, second] = [bench.offers('first'), bench.offers('second')];
      assert.equal(bench.sent.length, 1);
      bench.last.answer(488);
      assert.deepEqual([first[0]?.status, second.length, bench.last.body], [488, 0, 'second']);
      bench.last.answer(200, {}, 'theirs');
      assert.equal(second[0]?.status, 200);
    });

    it('puts it off until the peer has its answer and has acknowledged it', () => {
      const bench = new DialogBench();
      const asked = bench.asks('INVITE', 'theirs');
      const answers = bench.offers();
      assert.equal(bench.sent.length, 0);
      bench.renegotiations[0]?.refuse(488);
      assert.equal(bench.sent.length, 1);
      bench.last.answer(200, {}, 'ok');
      assert.equal(answers[0]?.status, 200);
      assert.equal(bench.acks(asked.cseq), false);
    });

    it('drops one that was put off when the peer’s own offer was taken: it is not about the session as it is now', () => {
      const bench = new DialogBench();
      bench.asks('INVITE', 'theirs');
      const answers = bench.offers();
      bench.renegotiations[0]?.accept('answer');
      assert.deepEqual(answers, [{ status: 491, sdp: null }]);
      assert.equal(bench.sent.length, 0);
    });

    it('waits for the ACK of the 200 that made the dialog', () => {
      const bench = new DialogBench({ role: 'uas' });
      bench.offers();
      assert.equal(bench.sent.length, 0);
      assert.equal(bench.acks(1), false);
      assert.equal(bench.sent.length, 1);
    });

    it('tries again after a glare, as long after as RFC 3261 §14.1 says', () => {
      for (const [role, fromMs, toMs] of [
        ['uac', 2_100, 4_000],
        ['uas', 0, 2_000],
      ] as const) {
        const bench = new DialogBench({ role });
        bench.acks(1);
        const answers = bench.offers();
        bench.last.answer(491);
        bench.clock.advance(fromMs - 10);
        assert.equal(bench.sent.length, 1);
        bench.clock.advance(toMs - fromMs + 10);
        assert.deepEqual([bench.sent.length, bench.last.body], [2, 'ours']);
        bench.last.answer(200, {}, 'theirs');
        assert.deepEqual(answers, [{ status: 200, sdp: 'theirs' }]);
        for (const [random, expected] of [
          [0, fromMs],
          [0.9999999, toMs],
        ] as const) {
          assert.equal(
            glarePauseMs(role, () => random),
            expected,
          );
        }
      }
    });

    it('takes the peer’s offer after a glare, and does not try its own again', () => {
      const bench = new DialogBench();
      const answers = bench.offers();
      bench.last.answer(491);
      const asked = bench.asks('INVITE', 'theirs');
      bench.renegotiations[0]?.accept('answer');
      assert.deepEqual([asked.status, answers[0]?.status], [200, 491]);
      bench.clock.advance(10_000);
      assert.equal(bench.sent.length, 1);
    });

    it('tries again when the peer says after how long', () => {
      const bench = new DialogBench();
      bench.offers();
      bench.last.answer(500, { 'Retry-After': '3' });
      bench.clock.advance(2_999);
      assert.equal(bench.sent.length, 1);
      bench.clock.advance(1);
      assert.equal(bench.sent.length, 2);
    });

    it('gives up after a few tries', () => {
      const bench = new DialogBench();
      const answers = bench.offers();
      for (let n = 0; n < 5; n++) {
        bench.last.answer(491);
        bench.clock.advance(4_000);
      }
      assert.deepEqual([bench.sent.length, answers[0]?.status], [5, 491]);
    });

    it('tells that nobody is there, or nobody who knows the dialog', () => {
      for (const status of [408, 481]) {
        const bench = new DialogBench();
        assert.equal(bench.offers().length, 0);
        bench.last.answer(status);
        assert.deepEqual(bench.told, ['session over']);
      }
    });

    it('ends nothing when it could not be sent', () => {
      const bench = new DialogBench();
      const answers = bench.offers();
      bench.last.answer(0);
      assert.deepEqual([answers[0]?.status, bench.told], [481, []]);
    });
  });

  describe('with a session timer', () => {
    it('refreshes by UPDATE without a description where the peer knows UPDATE', () => {
      const bench = new DialogBench({ agreement: OURS });
      bench.clock.advance(300_000);
      assert.deepEqual([bench.last.method, bench.last.body], ['UPDATE', '']);
      assert.equal(bench.last.headers['Session-Expires'], '600;refresher=uac');
      bench.last.answer(200, { 'Session-Expires': '600;refresher=uac' });
      bench.clock.advance(299_000);
      assert.equal(bench.sent.length, 1);
      bench.clock.advance(1_000);
      assert.equal(bench.sent.length, 2);
    });

    it('asks the call for a re-INVITE otherwise, and on a server with timers of its own', () => {
      const plain = new DialogBench({ agreement: OURS }, {});
      plain.clock.advance(300_000);
      assert.deepEqual([plain.told, plain.sent.length], [['refresh due'], 0]);
      const foreign = new DialogBench({ agreement: OURS, isServerOurs: false });
      foreign.clock.advance(290_000);
      assert.deepEqual([foreign.told, foreign.sent.length], [['refresh due'], 0]);
    });

    it('falls back to a re-INVITE when an UPDATE is refused all the same', () => {
      const bench = new DialogBench({ agreement: OURS });
      bench.clock.advance(300_000);
      bench.last.answer(405);
      assert.deepEqual(bench.told, ['refresh due']);
    });

    it('goes on with a peer that does not know of timers where that is set, and else lets it be', () => {
      for (const mode of ['accept', 'request'] as const) {
        const bench = new DialogBench({ agreement: OURS, terms: { ...ACCEPT, mode } });
        bench.clock.advance(300_000);
        bench.last.answer(200);
        bench.clock.advance(300_000);
        assert.equal(bench.sent.length, mode === 'request' ? 2 : 1);
      }
    });

    it('goes up with its interval when the peer says 422', () => {
      const bench = new DialogBench({ agreement: OURS });
      bench.clock.advance(300_000);
      bench.last.answer(422, { 'Min-SE': '1200' });
      assert.equal(bench.last.headers['Session-Expires'], '1200;refresher=uac');
      assert.equal(bench.last.headers['Min-SE'], '1200');
      bench.last.answer(200, { 'Session-Expires': '1200;refresher=uac' });
      bench.clock.advance(599_000);
      assert.equal(bench.sent.length, 2);
    });

    it('goes below what the peer said it can bear in no refresh, and asks for none for that alone', () => {
      const bench = new DialogBench({ agreement: OURS }, { Allow: 'UPDATE', 'Min-SE': '300' });
      bench.clock.advance(300_000);
      assert.deepEqual(
        [bench.last.headers['Session-Expires'], bench.last.headers['Min-SE']],
        ['600;refresher=uac', '300'],
      );
      const without = new DialogBench({}, { 'Min-SE': '300' });
      without.offers();
      assert.equal(without.last.headers['Session-Expires'], undefined);
    });

    it('goes up no further with a peer that always wants more', () => {
      for (const headers of [{ Allow: 'UPDATE' }, {}]) {
        const bench = new DialogBench({ agreement: OURS }, headers);
        bench.clock.advance(300_000);
        bench.offers('the same');
        for (let n = 1; n < 20; n++) {
          bench.last.answer(422, { 'Min-SE': String(600 + n) });
          bench.clock.advance(10);
        }
        assert.ok(bench.sent.length <= 8, `${bench.sent.length} requests`);
      }
    });

    it('is told when nobody refreshes, and gives a peer that is gone no more time', () => {
      const silent = new DialogBench({ agreement: THEIRS });
      silent.clock.advance(567_000);
      assert.deepEqual(silent.told, []);
      silent.clock.advance(1_000);
      assert.deepEqual(silent.told, ['session over']);
      const gone = new DialogBench({ agreement: OURS });
      gone.clock.advance(300_000);
      gone.last.answer(481);
      assert.deepEqual(gone.told, ['session over']);
    });

    it('does not end a call for a refusal: who refuses is there', () => {
      const bench = new DialogBench({ agreement: OURS }, {});
      for (let n = 0; n < 4; n++) {
        bench.clock.advance(300_000);
        assert.deepEqual(bench.told.splice(0), ['refresh due']);
        bench.offers('the same');
        bench.last.answer(488);
      }
    });

    it('ends it for an UPDATE that nobody answers', () => {
      const bench = new DialogBench({ agreement: OURS });
      bench.clock.advance(568_000);
      assert.deepEqual([bench.sent.length, bench.told], [1, ['session over']]);
    });

    it('is renewed by any re-INVITE or UPDATE of the peer', () => {
      for (const [method, body] of [
        ['INVITE', 'offer'],
        ['UPDATE', 'offer'],
        ['UPDATE', ''],
      ] as const) {
        const bench = new DialogBench({ agreement: THEIRS });
        bench.clock.advance(500_000);
        const answer = bench.asks(method, body, { Supported: 'timer' });
        bench.renegotiations[0]?.accept('answer');
        assert.equal(answer.headers['Session-Expires'], '600;refresher=uac');
        assert.equal(answer.headers.Require, 'timer');
        bench.clock.advance(500_000);
        assert.deepEqual(bench.told, []);
      }
    });

    it('is not renewed by an offer that was refused', () => {
      const bench = new DialogBench({ agreement: THEIRS });
      bench.clock.advance(500_000);
      bench.asks('INVITE', 'offer');
      bench.renegotiations[0]?.refuse(488);
      bench.clock.advance(68_000);
      assert.deepEqual(bench.told, ['session over']);
    });

    it('refuses an interval that is too short for it', () => {
      const bench = new DialogBench({ agreement: THEIRS });
      const answer = bench.asks('UPDATE', '', { 'Session-Expires': '60;refresher=uac' });
      assert.deepEqual([answer.status, answer.headers['Min-SE']], [422, '90']);
    });
  });

  it('ends no process by what its call throws, also where a timer asked it', async () => {
    const bench = new DialogBench({ agreement: OURS }, {});
    bench.told.push = () => {
      throw new Error('a defect');
    };
    bench.clock.advance(300_000);
    bench.clock.advance(300_000);
    const first = bench.asks('INVITE', 'offer');
    bench.renegotiations[0]?.accept('answer');
    bench.renegotiations.push = () => {
      throw new Error('a defect');
    };
    const second = bench.asks('INVITE', 'offer');
    await settled();
    assert.equal(second.status, 500);
    bench.acks(first.cseq);
  });

  it('knows for its BYE after a crash how far its CSeq went and where the peer is now', () => {
    const bench = new DialogBench();
    const identity = {
      callId: 'c',
      local: 'l',
      remote: 'r',
      cseq: 1,
      remoteTarget: 'sip:peer@192.0.2.9',
      nextHop: 'n',
    };
    assert.equal(bench.leg.identityNow(identity), identity);
    bench.offers();
    bench.last.answer(200, { Contact: '"A <b>" <sip:moved@192.0.2.10>;q=1' }, 'theirs');
    assert.deepEqual(bench.leg.identityNow(identity), { ...identity, cseq: 2, remoteTarget: 'sip:moved@192.0.2.10' });
    bench.asks('UPDATE', '', { Contact: 'sip:again@192.0.2.11;expires=5' });
    assert.equal(bench.leg.identityNow(identity).remoteTarget, 'sip:again@192.0.2.11');
    assert.deepEqual(bench.told.splice(0), ['identity', 'identity']);
    for (let n = 0; n < 49; n++) {
      bench.offers();
      bench.last.answer(488);
    }
    assert.deepEqual([bench.told, bench.leg.identityNow(identity).cseq], [['identity'], 51]);
  });
});
