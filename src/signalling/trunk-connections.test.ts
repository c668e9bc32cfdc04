import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { BY_CONNECTION } from '../call/incoming-routes.js';
import { answerChallenge } from '../digest/digest-client.js';
import { codecPolicy } from '../sdp/media-policy.js';
import { TcpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, responseText, SDP } from '../sip-server/testing/sip-script.js';
import type { CallingGateway, SignallingTrunk } from './signalling-settings.js';
import { type ArenaOptions, calleeListener, SignallingArena, ToldInbox } from './testing/signalling-arena.js';

/** As a PBX behind a NAT says where it is. */
const CONTACT = 'Contact: <sip:pbx@10.9.0.2:5060;transport=tcp>';
const NO_GATEWAYS: readonly CallingGateway[] = [];

describe('a PBX that is reached by the connection that it has opened', () => {
  let arena: SignallingArena;
  let pbx: TcpPeer;

  async function open(changes: ArenaOptions = {}): Promise<void> {
    const inbound = { connection: true };
    arena = await SignallingArena.open({ inbound, gateways: [], callingGateways: NO_GATEWAYS, ...changes });
    pbx = await TcpPeer.open(arena.server.tcp);
  }

  afterEach(async () => {
    pbx.close();
    await arena.close();
  });

  async function qualifies(from = pbx, contact = CONTACT): Promise<void> {
    from.send(new Call(from, arena.server.tcp).text('OPTIONS', { headers: [contact] }));
    await from.response(200, 'OPTIONS');
  }

  /** A call from a mobile. */
  function dial(host: string) {
    const headers = { 'P-Asserted-Identity': `<sip:+821055550102@${host}>` };
    const address = { requestUri: `sip:700@${host}`, fromUser: '+821055550102', headers };
    return arena.dial({ gateway: 'trunk:pbx', channelId: 'trunk:pbx', address });
  }

  it('gets calls from mobiles over it, at the Contact that it says', async () => {
    await open();
    await qualifies();
    const { told } = dial(BY_CONNECTION);
    const invite = await pbx.request('INVITE');
    assert.equal(invite.uri, 'sip:700@10.9.0.2:5060;transport=tcp');
    assert.equal(invite.header('P-Asserted-Identity'), '<sip:+821055550102@10.9.0.2>');
    assert.equal(pbx.accepted, 0);
    pbx.send(responseText(invite, 200, { toTag: 'p1', headers: [CONTACT], body: SDP }));
    assert.equal(await told.next('answered'), SDP);
    assert.equal((await pbx.request('ACK')).uri, 'sip:pbx@10.9.0.2:5060;transport=tcp');
    assert.equal(pbx.accepted, 0);
  });

  it('is told in the request-URI that it is the connection’s transport, where its Contact says none', async () => {
    await open();
    await qualifies(pbx, 'Contact: <sip:pbx@10.9.0.2:5070>');
    dial(BY_CONNECTION);
    assert.equal((await pbx.request('INVITE')).uri, 'sip:700@10.9.0.2:5070;transport=tcp');
  });

  it('may have an address of its own that is one of ours, too', async () => {
    await open();
    const { address, port } = arena.server.tcp;
    await qualifies(pbx, `Contact: <sip:pbx@${address}:${port};transport=tcp>`);
    dial(BY_CONNECTION);
    assert.equal((await pbx.request('INVITE')).uri, `sip:700@${address}:${port};transport=tcp`);
  });

  it('gets them over the one that it has used last', async () => {
    await open();
    await qualifies();
    const second = await TcpPeer.open(arena.server.tcp);
    await qualifies(second);
    dial(BY_CONNECTION);
    await second.request('INVITE');
    assert.deepEqual(pbx.inbox.untaken, []);
    second.close();
  });

  it('gets them at its address when the connection is gone, and at once', async () => {
    await open();
    await qualifies();
    pbx.hangUp();
    const { port } = arena.gateway.local;
    const { told } = dial(`127.0.0.1:${port}`);
    const invite = await arena.gateway.request('INVITE');
    assert.equal(invite.uri, `sip:700@127.0.0.1:${port}`);
    assert.equal(invite.header('P-Asserted-Identity'), `<sip:+821055550102@127.0.0.1:${port}>`);
    arena.gateway.send(responseText(invite, 486, { toTag: 'p1' }));
    assert.equal(((await told.next('failed')) as { status: number }).status, 486);
  });

  it('cannot be called without an address and without a connection', async () => {
    await open();
    const before = dial(BY_CONNECTION);
    assert.deepEqual(await before.told.next('failed'), { status: null, reasons: [], local: true });
    await qualifies();
    pbx.hangUp();
    const after = dial(BY_CONNECTION);
    assert.equal(((await after.told.next('failed')) as { local: boolean }).local, true);
  });

  it('is not whoever sends OPTIONS from its address, when it has to prove more than that', async () => {
    const account = { username: 'pbx', password: 'open sesame' };
    await open({ trunkAccounts: new Map([['pbx', account]]) });
    const options = new Call(pbx, arena.server.tcp);
    pbx.send(options.text('OPTIONS', { headers: [CONTACT] }));
    const challenges = (await pbx.response(401, 'OPTIONS')).header('WWW-Authenticate');
    const { told } = dial(BY_CONNECTION);
    assert.deepEqual(await told.next('failed'), { status: null, reasons: [], local: true });
    const request = { method: 'OPTIONS', uri: options.uri, body: '' };
    const authorization = `Authorization: ${answerChallenge(challenges, request, account)?.credentials}`;
    pbx.send(options.text('OPTIONS', { cseq: 2, headers: [CONTACT, authorization] }));
    await pbx.response(200, 'OPTIONS');
    dial(BY_CONNECTION);
    assert.equal((await pbx.request('INVITE')).uri, 'sip:700@10.9.0.2:5060;transport=tcp');
  });

  it('is answered OPTIONS that tell of no connection without credentials', async () => {
    await open({ trunkAccounts: new Map([['pbx', { username: 'pbx', password: 'open sesame' }]]) });
    pbx.send(new Call(pbx, arena.server.tcp).text('OPTIONS'));
    await pbx.response(200, 'OPTIONS');
    const { told } = dial(BY_CONNECTION);
    assert.deepEqual(await told.next('failed'), { status: null, reasons: [], local: true });
  });

  it('is not whoever comes from its address without its certificate', async () => {
    const trunk: SignallingTrunk = {
      ...{ name: 'pbx', network: 'lan', traffic: 'commercial', media: codecPolicy(['PCMA']), nat: 'off' },
      ...{ mediaSources: [], agentFrom: 'none', prack: 'off', inbound: { connection: true } },
      ...{ sources: ['127.0.0.1'], certificate: 'pbx.example' },
    };
    await open({ trunks: [trunk] });
    pbx.send(new Call(pbx, arena.server.tcp).text('OPTIONS', { headers: [CONTACT] }));
    await pbx.response(403, 'OPTIONS');
    const { told } = dial(BY_CONNECTION);
    assert.deepEqual(await told.next('failed'), { status: null, reasons: [], local: true });
  });

  it('is called at its address where nothing else is set', async () => {
    await open({ inbound: {} });
    await qualifies();
    dial(`127.0.0.1:${arena.gateway.local.port}`);
    await arena.gateway.request('INVITE');
    assert.deepEqual(pbx.inbox.untaken, []);
  });

  it('gets the calls of its transfers over that of its leg, and at its Contact when that is gone', async () => {
    await open();
    new Call(pbx, arena.server.tcp).invite();
    const { request } = await arena.offered();
    assert.equal(request.trunk.name, 'pbx');
    const { address, port } = pbx.connectedFrom;
    const transfer = () => {
      const told = new ToldInbox();
      arena.application.dialTrunk(
        {
          ...{ trunk: 'pbx', legId: `transfer-${Math.random()}`, requestUri: 'sip:702@10.9.0.2;transport=tcp' },
          nextHop: `sip:${address}:${port};transport=tcp`,
          otherHop: `sip:127.0.0.1:${arena.gateway.local.port}`,
          ...{ fromUser: '100', headers: {}, offerSdp: SDP, maxForwards: 69 },
        },
        calleeListener(told),
      );
      return told;
    };
    const before = transfer();
    const inside = await pbx.request('INVITE');
    assert.equal(inside.uri, 'sip:702@10.9.0.2;transport=tcp');
    pbx.send(responseText(inside, 486, { toTag: 'p1' }));
    await before.next('failed');
    pbx.hangUp();
    const told = transfer();
    const invite = await arena.gateway.request('INVITE');
    assert.equal(invite.uri, 'sip:702@10.9.0.2;transport=tcp');
    arena.gateway.send(responseText(invite, 603, { toTag: 'p1' }));
    assert.equal(((await told.next('failed')) as { status: number }).status, 603);
  });

  it('gets a BYE at its Contact for a call of an earlier process, whose connection went with it', async () => {
    await open();
    const listening = await TcpPeer.open(arena.server.tcp);
    const { port } = listening.local;
    const ended = arena.application.endOrphan(
      {
        ...{ callId: 'orphan@pbx', local: '<sip:0101@trunk>;tag=us', remote: '<sip:701@pbx>;tag=them', cseq: 7 },
        remoteTarget: `sip:pbx@127.0.0.1:${port};transport=tcp`,
        nextHop: `sip:127.0.0.1:${await portOfNobody()};transport=tcp`,
      },
      'restarted',
    );
    const bye = await listening.request('BYE');
    assert.deepEqual([bye.uri, bye.header('Call-ID')], [`sip:pbx@127.0.0.1:${port};transport=tcp`, 'orphan@pbx']);
    listening.send(responseText(bye, 200));
    assert.equal(await ended, 200);
    listening.close();
  });
});

/** Where a connection is refused: it was free a moment ago. */
async function portOfNobody(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
