import assert from 'node:assert/strict';
import { codecPolicy } from '../sdp/media-policy.js';
import { ANSWER, CallBench, OFFER, requestOf, sdp, settled } from './call-test-kit.js';
import { FakeCaller } from './fake-legs.js';
import { FakeReferral } from './fake-referral.js';
import type { DialogName } from './ports-dialog.js';

const TARGET = '01055550103';

describe('transfers of a call by its trunk', () => {
  let bench: CallBench;
  let caller: FakeCaller;

  async function talking(transfers: 'simtrunk' | 'gateway' | 'refuse' = 'simtrunk') {
    bench = new CallBench();
    bench.transfers = transfers;
    caller = await bench.talk();
  }

  const of = (callId: string) => bench.journal.published.findLast(({ record }) => record.callId === callId)?.record;

  beforeEach(() => talking());
  afterEach(() => bench.assertQuiet());

  /** The transferor asks for it. */
  async function refer(to: ConstructorParameters<typeof FakeReferral>[0]): Promise<FakeReferral> {
    const referral = new FakeReferral(to);
    caller.listener.referred(referral);
    await settled();
    return referral;
  }

  /** The gateway hangs up, and whatever else is left is ended. */
  async function over() {
    for (const leg of bench.dialler.legs) if (leg.state === 'talking') leg.hangsUp();
    await settled();
    for (const leg of bench.dialler.legs) if (leg.state === 'hanging-up') leg.clear();
    await settled();
    await bench.advance(2_000);
  }

  describe('blind, to a number', () => {
    it('places a call of its own and connects it with the callee, whose leg goes on', async () => {
      const referral = await refer({ user: TARGET });
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100']);
      const [first, second] = bench.dialler.legs;
      assert.ok(first !== undefined && second !== undefined, 'a second channel is dialled');
      second.sent();
      second.listener.progressed(180, null);
      await bench.advance(3_000);
      second.answer(sdp('192.0.2.11', 31_000));
      await settled();
      assert.deepEqual(referral.told.slice(2), ['NOTIFY 180', 'NOTIFY 200']);
      assert.equal(first.state, 'talking', 'the callee is still there');
      caller.hangsUp();
      await bench.advance(7_000);
      assert.equal(first.state, 'talking');
      second.hangsUp();
      await settled();
      first.clear();
      await settled();
      const one = of(caller.callId);
      const two = bench.over.find(({ transferOf }) => transferOf !== null);
      assert.deepEqual(
        one?.transfers.map(({ kind, target, callId, sipStatus }) => [kind, target, callId, sipStatus]),
        [['blind', TARGET, two?.callId, 200]],
      );
      assert.equal(two?.transferOf, one?.callId);
      assert.deepEqual([one?.attempts[0]?.billedSeconds, two?.attempts[0]?.billedSeconds], [10, 7]);
      assert.deepEqual([one?.recording?.report?.state, two?.recording?.report?.state], ['complete', 'complete']);
      await bench.advance(2_000);
    });

    it('has each of the two calls hear the other from its very port alone, from the beginning', async () => {
      await refer({ user: TARGET });
      const { sidesOfOurs } = bench.media;
      const [one, two] = [...sidesOfOurs.values()];
      assert.deepEqual([one, two], [new Set(), new Set(['caller'])], 'the first one has its agent still');
      bench.leg.sent();
      bench.leg.answer(sdp('192.0.2.11', 31_000));
      await settled();
      assert.deepEqual([one, two], [new Set(['caller']), new Set(['caller'])]);
      await over();
    });

    it('goes on as it was when the target is busy, and tells the transferor so', async () => {
      const referral = await refer({ user: TARGET });
      bench.leg.sent();
      bench.leg.fail(486);
      await settled();
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 486']);
      assert.equal(bench.registry.size, 1);
      assert.equal(bench.dialler.legs[0]?.state, 'talking');
      caller.hangsUp();
      await over();
      assert.deepEqual(
        bench.record.transfers.map(({ sipStatus }) => sipStatus),
        [486],
      );
    });

    it('tells what policy says of the target', async () => {
      bench.refusal = 'class-not-allowed';
      const referral = await refer({ user: '060123456' });
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 403']);
      assert.equal(bench.dialler.legs.length, 1);
      caller.hangsUp();
      await over();
    });

    it('keeps the callee, who hears ringing, when the transferor hangs up before the target answers', async () => {
      await refer({ user: TARGET });
      const [first, second] = bench.dialler.legs;
      second?.sent();
      caller.hangsUp();
      await settled();
      assert.equal(first?.state, 'talking');
      bench.at('media plays tone to callee (replace)');
      second?.answer(ANSWER);
      await settled();
      assert.equal(bench.registry.size, 2);
      first?.hangsUp();
      await settled();
      assert.equal(second?.state, 'hanging-up');
      await over();
    });

    it('hangs up on the callee when the transferor has gone and the target does not answer', async () => {
      await refer({ user: TARGET });
      const [first, second] = bench.dialler.legs;
      second?.sent();
      caller.hangsUp();
      second?.fail(603);
      await settled();
      assert.equal(first?.state, 'hanging-up');
      await over();
    });

    it('gives the target up when the callee hangs up meanwhile', async () => {
      const referral = await refer({ user: TARGET });
      const [first, second] = bench.dialler.legs;
      second?.sent();
      first?.hangsUp();
      await settled();
      assert.equal(second?.isCancelled, true);
      second?.fail(487);
      await settled();
      assert.deepEqual(referral.told.at(-1), 'NOTIFY 487');
      const cancelled = bench.over.find(({ transferOf }) => transferOf !== null);
      assert.deepEqual([cancelled?.endReason, cancelled?.attempts[0]?.billedSeconds], ['caller-cancelled', 0]);
    });

    it('charges a target whose 200 crosses the end of the callee, and ends it', async () => {
      await refer({ user: TARGET });
      const [first, second] = bench.dialler.legs;
      second?.sent();
      first?.hangsUp();
      await settled();
      second?.answer(ANSWER);
      await settled();
      assert.equal(second?.state, 'hanging-up');
      await over();
      const late = bench.over.find(({ transferOf }) => transferOf !== null);
      assert.equal(late?.attempts[0]?.answeredLate, true);
    });

    it('ends with the callee when that hangs up just as the target answers', async () => {
      await refer({ user: TARGET });
      const [first, second] = bench.dialler.legs;
      second?.sent();
      bench.journal.stall();
      second?.answer(ANSWER);
      await settled();
      bench.journal.goOn();
      first?.hangsUp();
      await settled();
      assert.notEqual(second?.state, 'talking');
      await over();
    });

    it('hangs up on a transferor that says nothing after the success', async () => {
      await refer({ user: TARGET });
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      assert.equal(caller.state, 'talking');
      await bench.advance(2_000);
      assert.equal(caller.state, 'over');
      await over();
    });

    it('does one transfer at a time', async () => {
      const [first, second] = [new FakeReferral({ user: TARGET }), new FakeReferral({ user: TARGET })];
      caller.listener.referred(first);
      caller.listener.referred(second);
      await settled();
      assert.deepEqual(second.told, ['refused 491']);
      bench.leg.sent();
      bench.leg.fail(480);
      caller.hangsUp();
      await over();
    });

    it('transfers on: the target of one transfer is the callee of the next, in the call that reaches it', async () => {
      const request = () => new FakeReferral({ user: TARGET });
      caller.listener.referred(request());
      await settled();
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      const again = request();
      caller.listener.referred(again);
      assert.deepEqual(again.told, ['refused 481'], 'it has no callee any more');
      await over();
    });
  });

  describe('blind, to somebody at the PBX', () => {
    it('calls the PBX with the callee for the caller, and lets the new leg take the old one’s place', async () => {
      const referral = await refer({ user: '702', uri: 'sip:702@pbx.example', place: 'peer' });
      const call = bench.trunks.last;
      assert.deepEqual([call.request.requestUri, call.request.fromUser], ['sip:702@pbx.example', '+821055550102']);
      call.leg.listener.progressed(180, null);
      call.leg.answer(sdp('192.0.2.21', 41_000));
      await settled();
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 180', 'NOTIFY 200']);
      assert.equal(bench.registry.size, 1, 'it stays one call');
      caller.hangsUp();
      await bench.advance(5_000);
      call.leg.hangsUp();
      await over();
      assert.deepEqual([bench.record.endedBy, bench.record.transfers[0]?.callId], ['caller', null]);
    });

    it('calls the PBX for an extension that is named at our address, too', async () => {
      bench.refusal = 'bad-number';
      const referral = new FakeReferral({ user: '702' });
      caller.listener.referred(referral);
      assert.equal(bench.trunks.last.request.requestUri, 'sip:702@b');
      bench.trunks.last.leg.fail(404);
      await settled();
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 404']);
      bench.refusal = null;
      caller.hangsUp();
      await over();
    });

    it('takes an answer that cannot be used for a failure, and hangs up on it', async () => {
      const referral = new FakeReferral({ user: '702', uri: 'sip:702@pbx.example', place: 'peer' });
      caller.listener.referred(referral);
      bench.trunks.last.leg.answer(sdp('192.0.2.21', 41_000, '18'));
      await settled();
      assert.deepEqual(referral.told.at(-1), 'NOTIFY 488');
      assert.equal(bench.trunks.last.leg.state, 'hanging-up');
      caller.hangsUp();
      await over();
    });

    it('gives up after the setup timeout', async () => {
      const referral = new FakeReferral({ user: '702', uri: 'sip:702@pbx.example', place: 'peer' });
      caller.listener.referred(referral);
      await bench.advance(90_000);
      assert.deepEqual(referral.told.at(-1), 'NOTIFY 408');
      assert.equal(bench.trunks.last.leg.isCancelled, true);
      bench.trunks.last.leg.fail(487);
      caller.hangsUp();
      await over();
    });

    it('cancels it when the callee hangs up', async () => {
      caller.listener.referred(new FakeReferral({ user: '702', uri: 'sip:702@pbx.example', place: 'peer' }));
      bench.leg.hangsUp();
      await settled();
      assert.equal(bench.trunks.last.leg.isCancelled, true);
      bench.trunks.last.leg.answer(ANSWER);
      assert.equal(bench.trunks.last.leg.state, 'hanging-up', 'a late answer is ended');
    });

    it('names the dialog that is to be replaced there, when it is none of ours', async () => {
      const replaces = { callId: 'other@pbx', localTag: 'x', remoteTag: 'y' };
      const referral = new FakeReferral({ user: '702', uri: 'sip:702@pbx.example', place: 'peer', replaces });
      caller.listener.referred(referral);
      assert.equal(bench.trunks.last.request.headers.Replaces, 'other@pbx;to-tag=x;from-tag=y');
      bench.trunks.last.leg.fail(481);
      await settled();
      assert.deepEqual(referral.told.at(-1), 'NOTIFY 481');
      caller.hangsUp();
      await over();
    });
  });

  describe('attended', () => {
    it('joins two calls of the trunk, each with its own charge, and ends both of its legs', async () => {
      const other = await bench.talk();
      const [first, second] = bench.dialler.legs;
      await bench.advance(4_000);
      const referral = await refer({ user: TARGET, replaces: other.dialogName });
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 200']);
      assert.equal(other.state, 'over', 'whose dialog is replaced gets a BYE');
      assert.deepEqual([...bench.media.sidesOfOurs.values()], [new Set(['caller']), new Set(['caller'])]);
      caller.hangsUp();
      await bench.advance(6_000);
      assert.deepEqual([first?.state, second?.state], ['talking', 'talking']);
      first?.hangsUp();
      await settled();
      assert.equal(second?.state, 'hanging-up');
      await over();
      const records = [caller.callId, other.callId].map(of);
      assert.deepEqual(
        records.map((record) => record?.attempts[0]?.billedSeconds),
        [10, 10],
      );
      assert.deepEqual(
        records.map((record) => record?.transfers.map(({ callId }) => callId)),
        [[other.callId], [caller.callId]],
      );
      assert.equal(records[1]?.transferOf, caller.callId);
    });

    it('knows a dialog also by tags the other way round', async () => {
      const other = await bench.talk();
      const { callId, localTag, remoteTag } = other.dialogName;
      const referral = new FakeReferral({
        user: TARGET,
        replaces: { callId, localTag: remoteTag, remoteTag: localTag },
      });
      caller.listener.referred(referral);
      assert.equal(referral.told.at(-1), 'NOTIFY 200');
      await over();
    });

    it('refuses a dialog that is nowhere here, and its own', async () => {
      const unknown = new FakeReferral({ user: TARGET, replaces: { callId: 'nobody', localTag: '1', remoteTag: '2' } });
      caller.listener.referred(unknown);
      const own = new FakeReferral({ user: TARGET, replaces: caller.dialogName });
      caller.listener.referred(own);
      assert.deepEqual([unknown.told, own.told], [['refused 481'], ['refused 400']]);
      caller.hangsUp();
      await over();
    });

    it('leaves both calls what they were told when they have no codec in common, and when the target is busy', async () => {
      const { trunk } = requestOf({});
      const pcmu = { ...trunk, media: codecPolicy(['PCMU']) };
      const other = await bench.offer({ trunk: pcmu, offerSdp: sdp('192.0.2.20', 40_100, '0') });
      bench.leg.sent();
      bench.leg.answer(sdp('192.0.2.10', 30_100, '0'));
      await settled();
      other.connected();
      /** Before a transfer by consultation a PBX puts the callee on hold. */
      const held = [caller, other].map(({ listener }, at) => {
        const accepted: string[] = [];
        const offerSdp = `${sdp('192.0.2.20', 40_000, at === 0 ? '8' : '0')}a=sendonly\r\n`;
        const accept = (text: string) => accepted.push(text);
        listener.renegotiated({ offerSdp, accept, refuse: () => {}, onAnswer: () => {} });
        return accepted;
      });
      const refreshed = () => {
        for (const { listener } of [caller, other]) listener.refreshDue();
        return [caller, other].map(({ reoffers }) => reoffers.splice(0));
      };
      const referral = await refer({ user: TARGET, replaces: other.dialogName });
      assert.deepEqual(referral.told, ['refused 488']);
      assert.deepEqual(refreshed(), held);
      await refer({ user: TARGET });
      bench.leg.sent();
      bench.leg.fail(486);
      await settled();
      assert.deepEqual(refreshed(), held);
      caller.hangsUp();
      other.hangsUp();
      await over();
    });

    it('does not join with another trunk’s call', async () => {
      const foreign = requestOf({});
      const leg = new FakeCaller(foreign.callId, bench.trace);
      bench.callers.push(leg);
      bench.registry.open({ ...foreign, trunk: { ...foreign.trunk, name: 'other', transfers: 'simtrunk' } }, leg);
      await settled();
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      leg.connected();
      const referral = new FakeReferral({ user: TARGET, replaces: leg.dialogName });
      caller.listener.referred(referral);
      assert.deepEqual(referral.told, ['refused 481']);
      leg.hangsUp();
      caller.hangsUp();
      await over();
    });

    it('lets whoever calls with Replaces take the caller’s place', async () => {
      const request = requestOf({ calling: '702', offerSdp: sdp('192.0.2.22', 42_000) });
      const successor = new FakeCaller(request.callId, bench.trace);
      bench.registry.replace(caller.dialogName, { ...request, trunk: bench.trunkOf(request) }, successor);
      successor.connected();
      await settled();
      assert.equal(caller.state, 'over');
      assert.equal(bench.registry.size, 1);
      successor.hangsUp();
      await over();
      assert.deepEqual(
        bench.record.transfers.map(({ kind, target, sipStatus }) => [kind, target, sipStatus]),
        [['attended', '702', 200]],
      );
    });

    /** Somebody at the PBX calls to take a place. */
    function successorOf(name: DialogName, offerSdp: string | null) {
      const request = requestOf({ calling: '702', offerSdp });
      const leg = new FakeCaller(request.callId, bench.trace);
      bench.registry.replace(name, { ...request, trunk: bench.trunkOf(request) }, leg);
      return leg;
    }

    it('offers whoever calls with Replaces and no SDP what goes with the callee, and waits for his answer', async () => {
      const successor = successorOf(caller.dialogName, null);
      bench.at('caller 200');
      successor.connected();
      await settled();
      assert.equal(caller.state, 'talking', 'nobody has heard the successor yet');
      successor.acknowledges(sdp('192.0.2.22', 42_000));
      await settled();
      assert.equal(caller.state, 'over');
      assert.equal(bench.media.remotes.caller, '192.0.2.22');
      assert.equal(bench.registry.size, 1);
      successor.hangsUp();
      await over();
      assert.deepEqual(
        bench.record.transfers.map(({ kind, target, sipStatus }) => [kind, target, sipStatus]),
        [['attended', '702', 200]],
      );
    });

    for (const answer of [null, sdp('192.0.2.22', 42_000, '18')]) {
      it(`goes on as it was when the successor answers ${answer === null ? 'nothing' : 'what was not offered'}`, async () => {
        const successor = successorOf(caller.dialogName, null);
        successor.connected();
        successor.acknowledges(answer);
        await settled();
        assert.deepEqual([successor.state, caller.state], ['over', 'talking']);
        assert.equal(bench.media.remotes.caller, '192.0.2.20');
        const referral = await refer({ user: TARGET });
        assert.equal(referral.told[0], '202', 'it can be transferred still');
        bench.leg.sent();
        bench.leg.fail(486);
        caller.hangsUp();
        await over();
      });
    }

    it('goes on as it was when the successor gives up before he is connected', async () => {
      const successor = successorOf(caller.dialogName, sdp('192.0.2.22', 42_000));
      successor.failsToConnect();
      await settled();
      assert.deepEqual([caller.state, bench.registry.size], ['talking', 1]);
      assert.equal(bench.media.remotes.caller, '192.0.2.20', 'the caller is heard still');
      caller.hangsUp();
      await over();
      assert.deepEqual(bench.record.transfers, []);
    });

    it('waits for a successor whose caller hangs up meanwhile, and no longer than he is on his way', async () => {
      const successor = successorOf(caller.dialogName, null);
      successor.connected();
      caller.hangsUp();
      await settled();
      assert.equal(bench.leg.state, 'talking');
      successor.acknowledges(sdp('192.0.2.22', 42_000));
      const another = successorOf(successor.dialogName, null);
      another.connected();
      successor.hangsUp();
      await settled();
      assert.equal(bench.leg.state, 'talking');
      another.hangsUp();
      await settled();
      assert.equal(bench.leg.state, 'hanging-up');
      await over();
    });

    it('hangs up on a successor who is connected when the call is over', async () => {
      const successor = successorOf(caller.dialogName, null);
      bench.leg.hangsUp();
      successor.connected();
      successor.acknowledges(sdp('192.0.2.22', 42_000));
      await over();
      assert.equal(successor.state, 'over');
    });

    it('takes an ACK without SDP of whoever made an offer, also where the call began without one', async () => {
      caller.hangsUp();
      await over();
      caller = await bench.offer({ offerSdp: null });
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      caller.connected();
      caller.acknowledges(OFFER);
      const successor = successorOf(caller.dialogName, sdp('192.0.2.22', 42_000));
      successor.connected();
      successor.acknowledges(null);
      await settled();
      assert.equal(successor.state, 'talking');
      successor.hangsUp();
      await over();
    });

    it('refuses whoever names no call, or offers nothing that goes with the callee', async () => {
      const refused = (offerSdp: string | null, name = caller.dialogName) => {
        const request = requestOf({ offerSdp });
        const leg = new FakeCaller(request.callId, bench.trace);
        bench.registry.replace(name, { ...request, trunk: bench.trunkOf(request) }, leg);
        return leg.told;
      };
      assert.equal(refused(OFFER, { ...caller.dialogName, isEarlyOnly: true }), 486, 'it has been answered');
      const nobody = { callId: 'nobody', localTag: '1', remoteTag: '2' };
      assert.deepEqual([refused(OFFER, nobody), refused(sdp('192.0.2.22', 42_000, '18'))], [481, 488]);
      caller.hangsUp();
      await over();
    });
  });

  it('ends everything at a shutdown in the midst of a transfer', async () => {
    await refer({ user: TARGET });
    bench.leg.sent();
    bench.registry.endAll('shutdown');
    await settled();
    for (const leg of bench.dialler.legs) {
      if (leg.state === 'calling') leg.fail(487);
      if (leg.state === 'hanging-up') leg.clear();
    }
    await settled();
  });

  it('refuses where the trunk may not', async () => {
    caller.hangsUp();
    await over();
    bench.assertQuiet();
    await talking('refuse');
    const referral = new FakeReferral({ user: TARGET });
    caller.listener.referred(referral);
    assert.deepEqual(referral.told, ['refused 405']);
    caller.hangsUp();
    await over();
  });

  describe('passed to the gateway', () => {
    beforeEach(async () => {
      caller.hangsUp();
      await over();
      await talking('gateway');
    });

    it('refers the gateway to the number as the channel dials it, and tells how it goes', async () => {
      const referral = new FakeReferral({ user: TARGET });
      bench.leg.messageStatus = 202;
      caller.listener.referred(referral);
      bench.at('callee REFER');
      assert.equal(bench.leg.sentMessages[0]?.headers['Refer-To'], '<sip:01055550102@b>');
      assert.equal(bench.leg.notify('SIP/2.0 180 Ringing\r\n'), 200);
      assert.equal(bench.leg.notify('SIP/2.0 200 OK\r\n'), 200);
      assert.deepEqual(referral.told, ['202', 'NOTIFY 100', 'NOTIFY 180', 'NOTIFY 200']);
      assert.equal(bench.leg.notify('SIP/2.0 200 OK\r\n'), 405, 'nobody waits for more');
      bench.leg.hangsUp();
      await settled();
      assert.deepEqual(
        bench.record.transfers.map(({ by, sipStatus }) => [by, sipStatus]),
        [['gateway', 200]],
      );
    });

    it('passes the gateway’s refusal on, and does not ask it for what policy refuses', async () => {
      const referral = new FakeReferral({ user: TARGET });
      bench.leg.messageStatus = 501;
      caller.listener.referred(referral);
      bench.refusal = 'class-not-allowed';
      const premium = new FakeReferral({ user: '060123456' });
      caller.listener.referred(premium);
      assert.deepEqual([referral.told, premium.told], [['refused 501'], ['refused 403']]);
      assert.equal(bench.leg.sentMessages.length, 1);
      caller.hangsUp();
      await over();
    });
  });
});
