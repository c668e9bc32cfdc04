import assert from 'node:assert/strict';
import { requestOf } from './call-test-kit.js';
import { FakeReferral } from './fake-referral.js';
import { CALLER, incomingOn, QUEUE } from './incoming-test-kit.js';
import { headersForPeer, placeOfPeer, transferredRequest, trunkOf } from './transfer-requests.js';

const CALLED = { callId: 'second', dialled: '010', offerSdp: 'v=0' };

describe('what a transfer asks for', () => {
  it('is a call of the same trunk and agent, for the one that it is placed for', () => {
    const first = requestOf({ agent: '201', account: 'acme', passedHeaders: { 'X-Campaign': 'spring' } });
    const second = transferredRequest(first, CALLED);
    assert.deepEqual([second.trunk, second.calling, second.agent, second.account], [first.trunk, '201', '201', 'acme']);
    assert.deepEqual([second.dialled, second.offerSdp, second.transferOf], ['010', 'v=0', first.callId]);
    assert.deepEqual([second.passedHeaders, second.sipCallId], [first.passedHeaders, first.sipCallId]);
    assert.equal(second.signallingAddress, null, 'its caller is another session of ours');
  });

  it('is of the trunk as a caller, when a mobile has called it', () => {
    const asCaller = { ...requestOf({}).trunk, network: 'office' };
    const first = requestOf({ agent: null, dialled: '+82104', ...incomingOn([QUEUE], { trunk: asCaller }) });
    const second = transferredRequest({ ...first, agent: null }, CALLED);
    assert.equal(trunkOf(first), asCaller);
    assert.deepEqual([second.trunk, second.calling, second.incoming], [asCaller, first.dialled, undefined]);
    assert.notEqual(second.calling, CALLER);
  });

  it('tells a PBX who refers, and which dialog is to be replaced', () => {
    const replaces = { callId: 'a@pbx', localTag: '1', remoteTag: '2' };
    const referral = Object.assign(new FakeReferral({ user: '702', replaces }), { referredBy: '<sip:701@pbx>' });
    assert.deepEqual(headersForPeer(referral), {
      'Referred-By': '<sip:701@pbx>',
      Replaces: 'a@pbx;to-tag=1;from-tag=2',
    });
    assert.deepEqual(headersForPeer(new FakeReferral({ user: '702' })), {});
  });

  describe('goes to a PBX', () => {
    const leg = { callId: 'a', local: '', remote: '', cseq: 1, remoteTarget: 'sip:701@10.0.0.5:5070;ob' };

    it('where its packets come from', () => {
      const nextHop = 'sip:203.0.113.7:1024';
      assert.deepEqual(placeOfPeer({ ...leg, nextHop }, 'auto'), { at: nextHop, nextHop, otherHop: null });
    });

    it('at its Contact, where its packets say nothing', () => {
      const nextHop = 'sip:10.0.0.5:5070';
      const contact = { at: nextHop, nextHop, otherHop: null };
      assert.deepEqual(placeOfPeer({ ...leg, nextHop: 'sip:203.0.113.7:1024' }, 'off'), contact);
    });

    it('over a connection that it has made, and at its Contact when that is gone', () => {
      const tcp = { ...leg, nextHop: 'sip:203.0.113.7:43210;transport=tcp' };
      const at = 'sip:10.0.0.5:5070;transport=tcp';
      assert.deepEqual(placeOfPeer(tcp, 'auto'), { at, nextHop: tcp.nextHop, otherHop: at });
      assert.deepEqual(placeOfPeer(tcp, 'off'), { at, nextHop: at, otherHop: null });
      assert.deepEqual(placeOfPeer({ ...leg, nextHop: at }, 'auto'), { at, nextHop: at, otherHop: null });
      const tls = {
        ...leg,
        remoteTarget: 'sip:[fd00::5]:5061;transport=TLS',
        nextHop: 'sip:[fd00::5]:43210;transport=tls',
      };
      assert.equal(placeOfPeer(tls, 'auto').otherHop, 'sip:[fd00::5]:5061;transport=tls');
      const lost = placeOfPeer({ ...tcp, remoteTarget: 'nonsense' }, 'auto');
      assert.deepEqual(lost, { at: tcp.nextHop, nextHop: tcp.nextHop, otherHop: null });
    });
  });
});
