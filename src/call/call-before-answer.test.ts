import assert from 'node:assert/strict';
import { ANSWER, CallBench, OFFER, requestOf, sdp, settled } from './call-test-kit.js';
import { MachineBench } from './machine-test-kit.js';

const OTHER_ANSWER = sdp('192.0.2.11', 31_000);

describe('a call before its answer', () => {
  let bench: CallBench;

  beforeEach(() => {
    bench = new CallBench();
  });

  /** What the caller heard from a point of the trace on. */
  const heard = () => bench.trace.filter((line) => line.startsWith('caller '));

  async function end(): Promise<void> {
    for (const leg of bench.dialler.legs) {
      if (leg.state === 'calling') leg.fail(487);
      else if (leg.state === 'talking') leg.hangsUp();
      else if (leg.state === 'hanging-up') leg.clear();
    }
    await settled();
    bench.assertQuiet();
  }

  it('tells the caller what the gateway says, in its order', async () => {
    await bench.dial();
    for (const [status, description] of [
      [183, null],
      [180, null],
      [183, ANSWER],
      [180, null],
      [180, ANSWER],
      [182, null],
    ] as const) {
      bench.leg.listener.progressed(status, description);
    }
    assert.deepEqual(heard(), [
      'caller 183',
      'caller 180',
      'caller 183 with SDP',
      'caller 180',
      'caller 180 with SDP',
      'caller 182',
    ]);
    bench.leg.fail(486);
    await end();
  });

  it('says nothing twice in a row, unless half a minute has passed', async () => {
    await bench.dial();
    bench.leg.listener.progressed(180, null);
    bench.leg.listener.progressed(180, null);
    await bench.advance(29_000);
    bench.leg.listener.progressed(180, null);
    assert.deepEqual(heard(), ['caller 180']);
    await bench.advance(1_000);
    bench.leg.listener.progressed(180, null);
    assert.deepEqual(heard(), ['caller 180', 'caller 180']);
    bench.leg.fail(486);
    await end();
  });

  it('repeats its last word once a minute, as long as it is not answered, over one attempt and the next', () => {
    const machine = new MachineBench({ setupTimeoutMs: 600_000 }, { ringTimeoutMs: 300_000 }).dial('a');
    const repeat = () => machine.after(60_000).types({ type: 'timer:fired', timer: 'repeat', attemptId: null });
    const armed = () => machine.all.filter((effect) => effect.type === 'arm' && effect.timer === 'repeat').length;
    assert.deepEqual(repeat(), []);
    machine.feed({ type: 'attempt:progressed', attemptId: 'a', status: 183, media: true });
    assert.deepEqual([repeat(), armed()], [['progress-caller'], 2]);
    machine.feed({ type: 'attempt:failed', attemptId: 'a', status: 503, reasons: [], local: false });
    assert.deepEqual(repeat(), ['progress-caller']);
    machine.dial('b');
    machine.feed({ type: 'attempt:progressed', attemptId: 'b', status: 180, media: false });
    assert.deepEqual(repeat(), ['ring-caller']);
    const answered = machine.feed({ type: 'attempt:answered', attemptId: 'b' });
    assert.ok(answered.some((effect) => effect.type === 'disarm' && effect.timer === 'repeat'));
    assert.deepEqual(repeat(), []);
  });

  it('is a plain 180 whatever rings without media, where the trunk wants it so', async () => {
    const { trunk } = requestOf({});
    await bench.offer({ trunk: { ...trunk, plainRinging: true } });
    bench.leg.sent();
    bench.leg.listener.progressed(183, null);
    bench.leg.listener.progressed(182, null);
    bench.leg.listener.progressed(183, ANSWER);
    assert.deepEqual(heard(), ['caller 180', 'caller 183 with SDP']);
    bench.leg.fail(486);
    await end();
  });

  it('has the PBX ring where the gateway plays what the caller cannot have', async () => {
    await bench.offer({ offerSdp: null });
    bench.leg.sent();
    bench.leg.listener.progressed(183, ANSWER);
    assert.deepEqual(heard(), ['caller 180']);
    bench.leg.fail(486);
    await end();
  });

  it('plays what each attempt plays, and says it once', async () => {
    const caller = await bench.dial();
    bench.leg.listener.progressed(183, ANSWER);
    bench.leg.fail(503);
    await settled();
    bench.leg.sent();
    bench.leg.listener.progressed(180, null);
    bench.leg.listener.progressed(183, OTHER_ANSWER);
    bench.leg.answer(OTHER_ANSWER);
    await settled();
    caller.connected();
    assert.deepEqual(heard(), ['caller 183 with SDP', 'caller 180', 'caller 183 with SDP', 'caller 200']);
    caller.hangsUp();
    await end();
  });

  it('hears nothing more of an attempt that was given up', async () => {
    await bench.dial();
    const [first] = bench.dialler.legs;
    await bench.advance(4_000);
    assert.equal(bench.dialler.legs.length, 2);
    bench.leg.sent();
    first?.listener.progressed(183, ANSWER);
    const refused: number[] = [];
    first?.listener.renegotiated({
      offerSdp: OTHER_ANSWER,
      accept: () => refused.push(200),
      refuse: (status) => refused.push(status),
      onAnswer: () => {},
    });
    assert.deepEqual([heard(), refused], [[], [481]]);
    bench.leg.fail(486);
    await end();
  });

  it('offers a caller that made no offer what the gateway plays, and its PRACK answers', async () => {
    const caller = await bench.offer({ offerSdp: null });
    caller.mayOfferEarly = true;
    bench.leg.sent();
    bench.leg.listener.progressed(183, ANSWER);
    caller.isDescribed = true;
    caller.listener.answeredEarly?.(OFFER);
    bench.leg.answer(ANSWER);
    await settled();
    caller.connected();
    caller.listener.acknowledged(null);
    assert.deepEqual(heard(), ['caller 183 with SDP', 'caller 200 without SDP']);
    assert.equal(caller.state, 'talking');
    caller.hangsUp();
    await end();
  });

  it('ends with a Reason when that PRACK has no answer', async () => {
    const caller = await bench.offer({ offerSdp: null });
    caller.mayOfferEarly = true;
    bench.leg.sent();
    bench.leg.listener.progressed(183, ANSWER);
    caller.isDescribed = true;
    caller.listener.answeredEarly?.(null);
    await end();
    assert.deepEqual([bench.record.endReason, bench.record.sipStatus], ['late-offer-mismatch', 488]);
  });

  it('does not repeat in the 200 what was agreed reliably and has changed since', async () => {
    const caller = await bench.dial();
    bench.leg.listener.progressed(183, ANSWER);
    caller.isDescribed = true;
    caller.listener.renegotiated({
      offerSdp: `${sdp('192.0.2.20', 40_100)}a=sendonly\r\n`,
      accept: () => {},
      refuse: () => assert.fail('refused'),
      onAnswer: () => {},
    });
    bench.leg.answer(ANSWER);
    await settled();
    caller.connected();
    assert.deepEqual(heard(), ['caller 183 with SDP', 'caller 200 without SDP']);
    caller.hangsUp();
    await end();
  });

  it('ends as without PRACK when the SIP server has given the caller up', async () => {
    const caller = await bench.dial();
    bench.leg.listener.progressed(180, null);
    caller.sendsNoPrack();
    await end();
    const { endReason, endedBy, sipStatus, q850 } = bench.record;
    assert.deepEqual([endReason, endedBy, sipStatus, q850], ['no-prack', 'simtrunk', 504, 102]);
  });

  it('ends so too when the gateway has answered meanwhile', async () => {
    const caller = await bench.dial();
    bench.leg.listener.progressed(180, null);
    bench.leg.answer(ANSWER);
    await settled();
    caller.sendsNoPrack();
    caller.hasConnectUnderWay = false;
    caller.listener.connectFailed();
    await end();
    assert.deepEqual([bench.record.endReason, bench.record.sipStatus], ['no-prack', 504]);
  });

  it('charges each further branch that answered as the ledger does a call, and shows it', async () => {
    const caller = await bench.talk();
    bench.leg.listener.answeredAgain?.();
    bench.leg.listener.answeredAgain?.();
    await bench.advance(3_000);
    caller.hangsUp();
    await end();
    const [attempt] = bench.record.attempts;
    assert.deepEqual([attempt?.forkedAnswers, attempt?.billedSeconds, attempt?.cost], [2, 123, '3']);
  });

  it('charges one that answered after the call, while our BYE is on its way', async () => {
    const caller = await bench.talk();
    await bench.advance(3_000);
    caller.hangsUp();
    await settled();
    bench.leg.listener.answeredAgain?.();
    await end();
    const [attempt] = bench.record.attempts;
    assert.deepEqual([attempt?.forkedAnswers, attempt?.billedSeconds], [1, 63]);
  });

  it('tells the next start of no charge that is not in the journal, and of the legs as they are when it is', async () => {
    const caller = await bench.talk();
    const kept = () => {
      const live = bench.journal.live.get(caller.callId);
      return [live?.record.attempts[0]?.billedSeconds, live?.caller?.remoteTarget];
    };
    // The renewal and the charge.
    bench.journal.failures = 2;
    bench.leg.listener.answeredAgain?.();
    assert.ok(caller.identity);
    caller.identity = { ...caller.identity, remoteTarget: 'sip:moved' };
    caller.listener.identityChanged?.();
    await settled();
    assert.deepEqual(kept(), [0, 'sip:b']);
    await bench.advance(1_000);
    assert.deepEqual(kept(), [60, 'sip:moved']);
    caller.hangsUp();
    await end();
  });

  it('leaves the record as it was published when one answers whose channel is free already', async () => {
    const caller = await bench.talk();
    await bench.advance(3_000);
    caller.hangsUp();
    await settled();
    const { record, journal, ledger } = bench;
    const { length } = journal.published;
    ledger.expire(bench.leg.request.attemptId);
    bench.leg.listener.answeredAgain?.();
    await end();
    assert.deepEqual([bench.record, journal.published.length, ledger.charges.size], [record, length, 1]);
  });

  it('lets the call last no longer than what a further answer has left of the plan', async () => {
    await bench.talk();
    await bench.advance(5_000);
    bench.ledger.grants.push({
      maxCallSeconds: 10,
      isFinal: true,
      limit: { holder: 'sim:1', allowanceId: 'seconds-day' },
    });
    bench.leg.listener.answeredAgain?.();
    await settled();
    await bench.advance(4_999);
    assert.equal(bench.leg.state, 'talking');
    await bench.advance(1);
    assert.equal(bench.leg.state, 'hanging-up');
    await end();
    assert.deepEqual([bench.record.endReason, bench.record.limit?.allowanceId], ['quota-exhausted', 'seconds-day']);
  });

  describe('and the headers that may pass', () => {
    const PASSED = { 'User-to-User': '56a1;encoding=hex' };

    it('go with the message that they came with, and with no other', async () => {
      const caller = await bench.dial();
      const { listener } = bench.leg;
      listener.progressed(180, null, { 'X-Is': 'ringing' });
      listener.progressed(183, ANSWER, {});
      bench.leg.state = 'talking';
      listener.answered(ANSWER, 0, { 'X-Is': 'answer' });
      await settled();
      caller.connected();
      listener.hungUp([], 0, PASSED);
      assert.deepEqual(caller.passed, [{ 'X-Is': 'ringing' }, {}, { 'X-Is': 'answer' }, PASSED]);
      bench.leg.state = 'over';
      await end();
    });

    it('go with the refusal that they belong to, never with that of another attempt or of ours', async () => {
      const caller = await bench.dial();
      bench.leg.listener.progressed(180, null, { 'X-Is': 'first' });
      bench.leg.state = 'over';
      bench.leg.listener.failed({ status: 503, reasons: [], local: false, passed: { 'X-Is': 'failure' } });
      await settled();
      bench.leg.sent();
      bench.leg.listener.progressed(183, null);
      await bench.advance(60_000);
      assert.equal(caller.told, 480);
      assert.deepEqual(caller.passed, [{ 'X-Is': 'first' }, {}, {}]);
      await end();
    });

    it('of the callee’s own answer reach the caller', async () => {
      const caller = await bench.dial();
      bench.leg.state = 'over';
      bench.leg.listener.failed({ status: 486, reasons: [], local: false, passed: PASSED });
      assert.deepEqual(caller.passed, [PASSED]);
      await end();
    });

    it('of the caller’s BYE reach the gateway', async () => {
      const caller = await bench.talk();
      caller.hangsUp(PASSED);
      assert.deepEqual(bench.leg.passed, PASSED);
      await end();
    });

    it('of the caller’s BYE reach no attempt that was given up before', async () => {
      const caller = await bench.dial();
      const [first] = bench.dialler.legs;
      await bench.advance(4_000);
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      caller.connected();
      caller.hangsUp(PASSED);
      first?.answer(ANSWER);
      assert.deepEqual([first?.passed, bench.leg.passed], [{}, PASSED]);
      await end();
    });
  });
});
