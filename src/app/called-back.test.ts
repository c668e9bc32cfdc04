// A PBX behind a NAT, which nobody can connect to: calls from mobiles, and transfers, reach it by the TCP connection that it has.
import { strict as assert } from 'node:assert';
import { type RunningApp, startApp } from '../app.js';
import { TcpPeer, UdpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, calleeRequestText, responseText, SDP } from '../sip-server/testing/sip-script.js';
import { Arena } from './testing/arena.js';

const GATEWAY = '127.0.0.2';
/** As the PBX says where it is; nobody listens there. */
const CONTACT = '<sip:pbx@10.9.0.2:5060;transport=tcp>';

describe('a PBX that nobody can connect to', () => {
  let arena: Arena;
  let app: RunningApp | undefined;
  let pbx: TcpPeer;
  let gateway: UdpPeer;

  beforeEach(async () => {
    arena = await Arena.open(() => {
      throw new Error('The simulated gateway is not called here');
    });
    const listeners = ['udp', 'tcp'].map((transport) => ({ transport, port: 0 }));
    app = await startApp(
      arena.config({
        networks: [{ name: 'lan', bind: '127.0.0.1', mediaPorts: arena.mediaPorts, sip: listeners }],
        trunks: [{ name: 'pbx', network: 'lan', sources: ['127.0.0.1'], inbound: { connection: true } }],
        gateways: [{ name: 'gw1', network: 'lan', address: GATEWAY, gapMs: 0, probe: false, inbound: {} }],
      }),
    );
    const [udp, tcp] = app.listeners;
    assert.ok(udp && tcp);
    gateway = await UdpPeer.open(udp, GATEWAY);
    pbx = await TcpPeer.open(tcp);
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    pbx.close();
    gateway.close();
    await arena.close();
  });

  function server() {
    const tcp = app?.listeners[1];
    assert.ok(tcp);
    return tcp;
  }

  it('gets calls from mobiles over the connection that it keeps, and transfers them to its own', async () => {
    pbx.send(new Call(pbx, server()).text('OPTIONS', { headers: [`Contact: ${CONTACT}`] }));
    await pbx.response(200, 'OPTIONS');

    const udp = app?.listeners[0];
    assert.ok(udp);
    const mobile = new Call(gateway, udp, { user: '1' });
    mobile.invite();
    const invite = await pbx.request('INVITE');
    assert.match(invite.uri, /^sip:\+82\d+@10\.9\.0\.2:5060;transport=tcp$/);
    pbx.send(responseText(invite, 200, { toTag: 'agent', headers: [`Contact: ${CONTACT}`], body: SDP }));
    mobile.learn(await gateway.response(200, 'INVITE'));
    mobile.ack();
    await pbx.request('ACK');

    const referTo = 'Refer-To: <sip:702@10.9.0.2>';
    const contact = `Contact: ${CONTACT}`;
    pbx.send(calleeRequestText('REFER', invite, pbx, { toTag: 'agent', headers: [referTo, contact] }));
    await pbx.response(202, 'REFER');
    const target = await pbx.request('INVITE');
    assert.equal(target.uri, 'sip:702@10.9.0.2');
    pbx.send(responseText(target, 200, { toTag: '702', headers: [contact], body: SDP }));
    for (const told of ['100 Trying', '200 OK']) {
      const notify = await pbx.request('NOTIFY');
      assert.match(notify.body, new RegExp(told));
      pbx.send(responseText(notify, 200));
    }
    pbx.send(calleeRequestText('BYE', invite, pbx, { toTag: 'agent', cseq: 2 }));
    await pbx.response(200, 'BYE');
    mobile.inside('BYE');
    await gateway.response(200, 'BYE');
    const bye = await pbx.request('BYE');
    assert.equal(bye.header('Call-ID'), target.header('Call-ID'));
    pbx.send(responseText(bye, 200));
    const { direction, endedBy, transfers } = await arena.cdrOf(mobile.callId);
    assert.deepEqual([direction, endedBy, transfers.map(({ sipStatus }) => sipStatus)], ['in', 'caller', [200]]);
    assert.equal(pbx.accepted, 0);
  });
});
