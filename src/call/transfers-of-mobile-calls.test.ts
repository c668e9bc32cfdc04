import assert from 'node:assert/strict';
import { ANSWER, type CallBench, sdp, settled } from './call-test-kit.js';
import type { FakeCaller, FakeLeg } from './fake-legs.js';
import { FakeReferral } from './fake-referral.js';
import { CALLER, mobileCall } from './incoming-test-kit.js';

const TARGET = '01055550103';

describe('transfers of a call from a mobile, by the trunk that it was given to', () => {
  let bench: CallBench;
  /** The gateway's leg. */
  let mobile: FakeCaller;
  /** The PBX's. */
  let agent: FakeLeg;

  beforeEach(async () => {
    ({ bench, mobile, agent } = await mobileCall());
    agent.answer(ANSWER);
    await settled();
    mobile.connected();
    await settled();
  });
  afterEach(() => bench.assertQuiet());

  async function referred(to: ConstructorParameters<typeof FakeReferral>[0]) {
    const referral = new FakeReferral(to);
    agent.listener.referred(referral);
    await settled();
    return referral;
  }

  const of = (callId: string) => bench.journal.published.findLast(({ record }) => record.callId === callId)?.record;

  it('go to a number over another SIM, and each SIM is charged for its own leg', async () => {
    const referral = await referred({ user: TARGET });
    const target = bench.leg;
    assert.notEqual(target, agent);
    target.sent();
    await bench.advance(3_000);
    target.answer(sdp('192.0.2.11', 31_000));
    await settled();
    assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 200']);
    agent.hangsUp();
    await bench.advance(7_000);
    assert.equal(mobile.state, 'talking');
    mobile.hangsUp();
    await settled();
    assert.equal(target.state, 'hanging-up');
    target.clear();
    await settled();
    const first = of(mobile.callId);
    const second = bench.over.find(({ transferOf }) => transferOf === mobile.callId);
    assert.deepEqual(
      [first?.incoming?.billedSeconds, first?.attempts[0]?.billedSeconds, second?.attempts[0]?.billedSeconds],
      [10, 0, 7],
    );
    assert.deepEqual([second?.calling, second?.agent, second?.trunk], ['701', '701', 'pbx']);
    await bench.advance(2_000);
  });

  it('end with the target: the mobile is hung up on when it leaves', async () => {
    await referred({ user: TARGET });
    bench.leg.sent();
    bench.leg.answer(ANSWER);
    await settled();
    bench.leg.hangsUp();
    await settled();
    assert.equal(mobile.state, 'over');
    mobile.clears();
    // The transferor says nothing more, and is ended.
    await bench.advance(2_000);
    assert.equal(agent.state, 'hanging-up');
    agent.clear();
    await settled();
  });

  it('go to somebody else at the PBX, who hears the mobile’s number', async () => {
    const referral = await referred({ user: '702', uri: 'sip:702@pbx.example', place: 'peer' });
    const { request, leg } = bench.trunks.last;
    assert.equal(request.fromUser, CALLER);
    leg.answer(sdp('192.0.2.21', 41_000));
    await settled();
    assert.equal(referral.told.at(-1), 'NOTIFY 200');
    agent.hangsUp();
    await bench.advance(4_000);
    assert.equal(mobile.state, 'talking');
    leg.hangsUp();
    await settled();
    assert.equal(mobile.state, 'over');
    mobile.clears();
    await settled();
    assert.deepEqual([bench.record.endedBy, bench.record.incoming?.billedSeconds], ['callee', 4]);
  });

  it('keep the mobile, who hears ringing, when the agent has gone before the target answers', async () => {
    await referred({ user: TARGET });
    const target = bench.leg;
    target.sent();
    agent.hangsUp();
    await settled();
    assert.equal(mobile.state, 'talking');
    bench.at('media plays tone to caller (replace)');
    target.fail(486);
    await settled();
    assert.equal(mobile.state, 'over');
    mobile.clears();
    await settled();
  });

  it('are over at once when the mobile goes, too, before the target answers: the agent, who has gone, gets no BYE', async () => {
    await referred({ user: TARGET });
    const target = bench.leg;
    target.sent();
    agent.hangsUp();
    await settled();
    mobile.hangsUp();
    await settled();
    assert.ok(target.isCancelled);
    target.fail(487);
    await settled();
    assert.ok(!bench.trace.includes(`callee BYE ${agent.request.attemptId}`));
    bench.assertQuiet();
  });

  it('join it with another call of the agent', async () => {
    const consultation = await bench.talk();
    const second = bench.leg;
    const referral = await referred({ user: TARGET, replaces: consultation.dialogName });
    assert.equal(referral.told.at(-1), 'NOTIFY 200');
    assert.equal(consultation.state, 'over');
    agent.hangsUp();
    await bench.advance(5_000);
    mobile.hangsUp();
    await settled();
    assert.equal(second.state, 'hanging-up');
    second.clear();
    await settled();
    assert.equal(of(mobile.callId)?.incoming?.billedSeconds, 5);
    assert.equal(of(consultation.callId)?.attempts[0]?.billedSeconds, 5);
  });

  it('are not the gateway’s to ask for', async () => {
    const referral = new FakeReferral({ user: TARGET });
    mobile.listener.referred(referral);
    assert.deepEqual(referral.told, ['refused 405']);
    mobile.hangsUp();
    await settled();
    agent.clear();
    await settled();
  });
});
