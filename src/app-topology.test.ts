// Topology is hidden: nothing that one side says of itself reaches the other, except by the allow list.
import assert from 'node:assert/strict';
import { Arena } from './app/testing/arena.js';
import { type RunningApp, startApp } from './app.js';
import type { RawMessage } from './sip-server/testing/raw-message.js';
import { UdpPeer } from './sip-server/testing/raw-peer.js';
import { Call, calleeRequestText, responseText } from './sip-server/testing/sip-script.js';

/** Every value that a side gives away is marked, and must not be seen by the other. */
const leaky = (side: string) =>
  [
    ...[
      'Subject',
      'Organization',
      'Server',
      'User-Agent',
      'X-Secret',
      'X-Asterisk-HangupCause',
      'Call-Info',
      'Warning',
    ],
    ...['P-Asserted-Identity', 'Remote-Party-ID', 'P-Preferred-Identity', 'Diversion', 'History-Info', 'Referred-By'],
    ...['Privacy', 'Alert-Info', 'Error-Info', 'In-Reply-To', 'P-Charging-Vector', 'Session-ID', 'Geolocation'],
  ].map((name) => `${name}: <sip:leak-${side}@leak.example>`);

const sdp = (side: string, port: number) =>
  [
    'v=0',
    `o=leak-${side} 4711 4711 IN IP4 127.0.0.1`,
    `s=leak-${side}`,
    `i=leak-${side}`,
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `a=tool:leak-${side}`,
    `m=audio ${port} RTP/AVP 8`,
    `a=x-leak:${side}`,
    'a=rtpmap:8 PCMA/8000',
    '',
  ].join('\r\n');

describe('what the two sides see of each other', () => {
  let arena: Arena;
  let app: RunningApp;
  let caller: UdpPeer;
  let gateway: UdpPeer;

  beforeEach(async () => {
    arena = await Arena.open(() => ({ tries: false }));
    const server = { address: '127.0.0.1', port: arena.sipPort };
    caller = await UdpPeer.open(server);
    gateway = await UdpPeer.open(server);
    const gateways = [{ address: `127.0.0.1:${gateway.local.port}` }];
    app = await startApp(arena.config({ gateways, sip: { allowedHeaders: ['X-Campaign'] } }));
  });

  afterEach(async () => {
    await app.close();
    caller.close();
    gateway.close();
    await arena.close();
  });

  function isClean(message: RawMessage, others: readonly string[]): void {
    for (const other of others) assert.ok(!message.text.includes(other), `${other} is seen in:\n${message.text}`);
  }

  it('is the number that was dialled, the SIM that calls, and what the allow list names', async () => {
    const campaign = 'X-Campaign: spring';
    const call = new Call(
      caller,
      { address: '127.0.0.1', port: arena.sipPort },
      {
        user: '01055557777',
        headers: [...leaky('caller'), campaign],
        body: sdp('caller', 40_000),
      },
    );
    call.invite();
    const invite = await gateway.request('INVITE');
    const callerOwn = [
      'leak-caller',
      call.callId,
      call.fromTag,
      call.inviteBranch,
      `:${caller.local.port}`,
      ' 40000 ',
      '"Peer"',
    ];
    isClean(invite, callerOwn);
    assert.equal(invite.header('X-Campaign'), 'spring');

    const contact = `Contact: <sip:leak-gateway@127.0.0.1:${gateway.local.port}>`;
    const headers = [contact, ...leaky('gateway'), campaign];
    const gatewayOwn = [
      'leak-gateway',
      invite.header('Call-ID'),
      invite.branch,
      `:${gateway.local.port}`,
      ' 41000 ',
      'leak-tag',
    ];
    gateway.send(responseText(invite, 183, { toTag: 'leak-tag', headers, body: sdp('gateway', 41_000) }));
    isClean(await caller.response(183, 'INVITE'), gatewayOwn);
    gateway.send(responseText(invite, 200, { toTag: 'leak-tag', headers, body: sdp('gateway', 41_000) }));
    const ok = await caller.response(200, 'INVITE');
    isClean(ok, gatewayOwn);
    assert.equal(ok.header('X-Campaign'), '', 'the allow list is for the way to the gateway');
    call.learn(ok);
    call.ack();
    await gateway.request('ACK');

    const bye = { toTag: 'leak-tag', headers: leaky('gateway') };
    gateway.send(calleeRequestText('BYE', invite, gateway, bye));
    isClean(await gateway.response(200, 'BYE'), callerOwn);
    isClean(await caller.request('BYE'), gatewayOwn);
  });

  it('is nothing of a gateway that refuses', async () => {
    const call = new Call(caller, { address: '127.0.0.1', port: arena.sipPort }, { user: '01055557777' });
    call.invite();
    const invite = await gateway.request('INVITE');
    gateway.send(responseText(invite, 486, { toTag: 'leak-tag', headers: leaky('gateway') }));
    const busy = await caller.response(486, 'INVITE');
    isClean(busy, ['leak', invite.header('Call-ID'), invite.branch, `:${gateway.local.port}`, 'Said by peer']);
    call.ackFailure(busy);
  });
});
