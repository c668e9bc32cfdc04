// Silence in whole calls (RFC 3389): what a caller's comfort noise is at a gateway without CN, and what a silent callee is.
import { strict as assert } from 'node:assert';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { speak } from '../lab/speech.js';
import { UdpPeer as MediaPeer, rtpPacket } from '../media/relay/relay-test-kit.js';
import { UdpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, calleeRequestText, responseText } from '../sip-server/testing/sip-script.js';
import { Arena } from './testing/arena.js';

const CALLEE = '01055550001';
const NOISE_DBOV = 45;

function sdp(media: MediaPeer, formats: string): string {
  const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
  return [...lines, `m=audio ${media.port} RTP/AVP ${formats}`, ''].join('\r\n');
}

function mediaPort(body: string): number {
  return Number(/m=audio (\d+)/.exec(body)?.[1]);
}

describe('silence in a call', () => {
  let arena: Arena;
  let app: RunningApp | undefined;
  const opened: { close(): void }[] = [];

  beforeEach(async () => {
    // A callee that never says anything.
    arena = await Arena.open(() => answers({ afterMs: 50, hangsUpAfterMs: 800 }));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    for (const each of opened.splice(0)) each.close();
    await arena.close();
  });

  it('is comfort noise at a gateway that has CN, and noise when that has given it up', async () => {
    const port = await freePort();
    app = await startApp(
      arena.config({
        gateways: [{ name: 'gw1', network: 'lan', address: `127.0.0.1:${port}`, gapMs: 0, probe: false }],
      }),
    );
    const simtrunk = app.listeners[0];
    assert.ok(simtrunk);
    const [gateway, caller] = [
      await UdpPeer.open(simtrunk, '127.0.0.1', port),
      await UdpPeer.open(simtrunk, '127.0.0.1'),
    ];
    const [callerMedia, gatewayMedia] = [await MediaPeer.open(), await MediaPeer.open()];
    opened.push(gateway, caller, callerMedia, gatewayMedia);
    const call = new Call(caller, simtrunk, { user: CALLEE, body: sdp(callerMedia, '8 13') });
    call.invite();
    const invite = await gateway.request('INVITE');
    const contact = `Contact: <sip:gw@127.0.0.1:${port}>`;
    gateway.send(responseText(invite, 200, { toTag: 'callee', headers: [contact], body: sdp(gatewayMedia, '8 13') }));
    const ok = await caller.response(200, 'INVITE');
    call.learn(ok);
    call.ack();
    await gateway.request('ACK');
    assert.match(ok.body, /m=audio \d+ RTP\/AVP 8 13\r/);
    const toRelay = { address: '127.0.0.1', port: mediaPort(ok.body) };
    const comfortNoise = rtpPacket({ sequence: 1, payloadType: 13 }, Uint8Array.of(NOISE_DBOV));
    await callerMedia.send(comfortNoise, toRelay);
    assert.deepEqual((await gatewayMedia.receivedCount(1))[0]?.bytes, comfortNoise);

    const reinvite = { toTag: 'callee', cseq: 1, headers: [contact], body: sdp(gatewayMedia, '8') };
    gateway.send(calleeRequestText('INVITE', invite, gateway, reinvite));
    const agreed = await gateway.response(200, 'INVITE');
    assert.match(agreed.body, /m=audio \d+ RTP\/AVP 8\r/);
    gateway.send(calleeRequestText('ACK', invite, gateway, { toTag: 'callee', cseq: 1 }));
    await callerMedia.send(rtpPacket({ sequence: 2, payloadType: 13 }, Uint8Array.of(NOISE_DBOV)), toRelay);
    for (const { bytes } of (await gatewayMedia.receivedCount(6)).slice(1)) {
      assert.deepEqual([(bytes[1] ?? 0) & 0x7f, bytes.length], [8, 172]);
      assert.ok(new Set(bytes.subarray(12)).size > 10, 'it is no silence');
    }
    gateway.send(calleeRequestText('BYE', invite, gateway, { toTag: 'callee', cseq: 2 }));
    await gateway.response(200, 'BYE');
    caller.send(responseText(await caller.request('BYE'), 200));
    assert.equal((await arena.cdrOf(call.callId)).endedBy, 'callee');
  });

  it('is what the settings say for a caller whose callee sends nothing', async () => {
    for (const [whenSilent, hears] of [
      ['nothing', 0],
      ['noise', 20],
    ] as const) {
      app = await startApp(arena.config({ media: { comfortNoise: { whenSilent, levelDbov: 30 } } }));
      const call = await arena.phone.call({ number: CALLEE, says: speak(8, 1) });
      await call.ended;
      const heard = call.heard();
      assert.ok(
        hears === 0 ? heard.length === 0 : heard.length >= hears * 160,
        `${whenSilent}: ${heard.length} samples`,
      );
      await app.close();
    }
  });
});
