import assert from 'node:assert/strict';
import { ANSWER, type CallBench, requestOf, sdp, settled } from './call-test-kit.js';
import { FakeCaller, type FakeLeg } from './fake-legs.js';
import { mobileCall } from './incoming-test-kit.js';
import type { DialogName } from './ports-dialog.js';

const OWN = sdp('192.0.2.22', 42_000);

describe('a call from a mobile that rings a phone, and is picked up by another one', () => {
  let bench: CallBench;
  let mobile: FakeCaller;
  /** The phone that rings. */
  let agent: FakeLeg;

  beforeEach(async () => {
    ({ bench, mobile, agent } = await mobileCall());
    agent.listener.progressed(180, null);
  });
  afterEach(() => bench.assertQuiet());

  function picksUp(offerSdp: string | null, name: DialogName = agent.dialogName): FakeCaller {
    const request = requestOf({ calling: '702', offerSdp, signallingAddress: '192.0.2.22' });
    const leg = new FakeCaller(request.callId, bench.trace);
    bench.registry.replace(name, { ...request, trunk: bench.trunkOf(request) }, leg);
    return leg;
  }

  async function over(...legs: FakeCaller[]): Promise<void> {
    for (const leg of legs) if (leg.state === 'talking') leg.hangsUp();
    await settled();
    for (const leg of [mobile, ...legs]) if (leg.awaitsAnswer) leg.clears();
    if (agent.state === 'calling') agent.fail(487);
    if (agent.state === 'hanging-up') agent.clear();
    await bench.advance(2_000);
  }

  it('is given to the one who picks it up; the phone that rang is cancelled, and told why', async () => {
    const colleague = picksUp(OWN);
    assert.equal(agent.isCancelled, false, 'not before our answer has left');
    colleague.connected();
    await settled();
    assert.deepEqual([agent.isCancelled, agent.cancelReason], [true, 'SIP;cause=200;text="Call completed elsewhere"']);
    mobile.connected();
    assert.deepEqual(bench.media.remotes, { caller: '192.0.2.10', callee: '192.0.2.22' });
    agent.fail(487);
    await bench.advance(5_000);
    assert.equal(mobile.state, 'talking');
    colleague.hangsUp();
    await settled();
    assert.equal(mobile.state, 'over');
    await over();
    const { attempts, incoming, transfers, endedBy } = bench.record;
    assert.deepEqual(
      [endedBy, incoming?.billedSeconds, attempts.map(({ outcome }) => outcome)],
      ['callee', 5, ['answered']],
    );
    assert.deepEqual(
      transfers.map(({ kind, target, sipStatus }) => [kind, target, sipStatus]),
      [['attended', '702', 200]],
    );
  });

  it('is offered to one who makes no offer, and is his with his ACK', async () => {
    const colleague = picksUp(null);
    colleague.connected();
    await settled();
    assert.deepEqual([agent.isCancelled, mobile.state], [false, 'ringing']);
    colleague.acknowledges(OWN);
    await settled();
    assert.equal(agent.isCancelled, true);
    mobile.connected();
    assert.equal(bench.media.remotes.callee, '192.0.2.22');
    await over(mobile, colleague);
  });

  it('rings on when he cannot be connected, or agrees to nothing', async () => {
    agent.listener.heardFrom('192.0.2.40');
    picksUp(OWN).failsToConnect();
    const silent = picksUp(null);
    silent.connected();
    silent.acknowledges(null);
    assert.deepEqual([silent.state, picksUp(sdp('192.0.2.22', 42_000, '18')).told], ['over', 488]);
    await settled();
    agent.answer(ANSWER);
    await settled();
    mobile.connected();
    const { remotes, signallingAddresses } = bench.media;
    assert.deepEqual([remotes.callee, signallingAddresses.callee], ['192.0.2.10', '192.0.2.40']);
    await over(mobile);
    assert.deepEqual(bench.record.transfers, []);
  });

  it('ends the leg of a phone that answers when it was picked up already', async () => {
    const colleague = picksUp(OWN);
    colleague.connected();
    agent.answer(ANSWER);
    await settled();
    assert.equal(agent.state, 'hanging-up');
    mobile.connected();
    assert.equal(bench.media.remotes.callee, '192.0.2.22');
    await over(colleague);
  });

  it('stays with the phone that answers first', async () => {
    const colleague = picksUp(null);
    colleague.connected();
    agent.answer(ANSWER);
    colleague.acknowledges(OWN);
    await settled();
    mobile.connected();
    assert.deepEqual([colleague.state, agent.state, bench.media.remotes.callee], ['over', 'talking', '192.0.2.10']);
    await over(mobile);
  });

  it('has early media of the phone that rings until then', async () => {
    agent.listener.progressed(183, ANSWER);
    bench.at('caller 183 with SDP');
    const colleague = picksUp(OWN);
    assert.equal(bench.media.remotes.callee, '192.0.2.10');
    colleague.connected();
    await settled();
    mobile.connected();
    assert.equal(bench.media.remotes.callee, '192.0.2.22');
    await over(mobile, colleague);
  });

  it('is picked up also by who wants it only while it rings, and by nobody whose trunk may not', async () => {
    bench.transfers = 'refuse';
    assert.equal(picksUp(OWN).told, 403);
    bench.transfers = 'simtrunk';
    assert.equal(picksUp(OWN, { ...agent.dialogName, localTag: 'another' }).told, 481);
    const colleague = picksUp(OWN, { ...agent.dialogName, isEarlyOnly: true });
    colleague.connected();
    await settled();
    mobile.connected();
    await over(mobile, colleague);
  });

  it('is nobody’s to pick up when the mobile has given up, or the next phone rings', async () => {
    agent.fail(486);
    await settled();
    assert.notEqual(bench.leg, agent);
    assert.equal(picksUp(OWN).told, 481);
    const late = picksUp(OWN, bench.leg.dialogName);
    bench.leg.sent();
    mobile.cancel();
    late.connected();
    bench.leg.fail(487);
    await over();
    assert.equal(late.state, 'over');
  });

  it('is not one that the PBX has placed, as long as it is not answered', async () => {
    const placed = await bench.dial();
    bench.leg.listener.progressed(180, null);
    assert.equal(picksUp(OWN, placed.dialogName).told, 481);
    assert.equal(picksUp(OWN, bench.leg.dialogName).told, 481, 'nor a gateway’s');
    placed.cancel();
    bench.leg.fail(487);
    mobile.cancel();
    await over();
  });
});
