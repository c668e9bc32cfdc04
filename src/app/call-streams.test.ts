// The streams of whole calls: one for the caller through failover, and what the CDR says of how they went.
import { strict as assert } from 'node:assert';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { UdpPeer as MediaPeer, rtpPacket } from '../media/relay/relay-test-kit.js';
import { UdpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, responseText } from '../sip-server/testing/sip-script.js';
import { Arena, until } from './testing/arena.js';

const CALLEE = '01055550001';

function sdp(media: MediaPeer): string {
  const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
  return [...lines, `m=audio ${media.port} RTP/AVP 8 101`, 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');
}

function relayPort(body: string): { address: string; port: number } {
  return { address: '127.0.0.1', port: Number(/m=audio (\d+)/.exec(body)?.[1]) };
}

describe('the streams of a call', () => {
  let arena: Arena;
  let app: RunningApp | undefined;
  const opened: { close(): void }[] = [];

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 50 }));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    for (const each of opened.splice(0)) each.close();
    await arena.close();
  });

  it('are one to the caller when another channel takes the call after early media, and the CDR says how they went', async () => {
    const port = await freePort();
    app = await startApp(
      arena.config({
        gateways: [{ name: 'gw1', network: 'lan', address: `127.0.0.1:${port}`, gapMs: 0, probe: false }],
        media: { silentAfterMs: 300, keepDigits: true },
      }),
    );
    const simtrunk = app.listeners[0];
    assert.ok(simtrunk);
    const gateway = await UdpPeer.open(simtrunk, '127.0.0.1', port);
    const caller = await UdpPeer.open(simtrunk, '127.0.0.1');
    const media = [await MediaPeer.open(), await MediaPeer.open(), await MediaPeer.open()] as const;
    opened.push(gateway, caller, ...media);
    const [callerMedia, firstMedia, secondMedia] = media;
    const call = new Call(caller, simtrunk, { user: CALLEE, body: sdp(callerMedia) });
    const contact = `Contact: <sip:gw@127.0.0.1:${port}>`;
    call.invite();

    const first = await gateway.request('INVITE');
    gateway.send(responseText(first, 183, { toTag: 'one', headers: [contact], body: sdp(firstMedia) }));
    await caller.response(183, 'INVITE');
    for (let index = 0; index < 5; index += 1) {
      await firstMedia.send(rtpPacket({ sequence: 0xfffd + index, ssrc: 1 }), relayPort(first.body));
    }
    await callerMedia.receivedCount(5);
    gateway.send(responseText(first, 503, { toTag: 'one' }));

    const second = await gateway.request('INVITE');
    gateway.send(responseText(second, 200, { toTag: 'two', headers: [contact], body: sdp(secondMedia) }));
    const ok = await caller.response(200, 'INVITE');
    call.learn(ok);
    call.ack();
    await gateway.request('ACK');
    for (let index = 0; index < 5; index += 1) {
      await secondMedia.send(rtpPacket({ sequence: 30_000 + index, ssrc: 2 }), relayPort(second.body));
    }
    const heard = (await callerMedia.receivedCount(10)).map(({ bytes }) => bytes);
    assert.deepEqual(
      heard.map((packet) => [packet.readUInt32BE(8), packet.readUInt16BE(2)]),
      heard.map((_, index) => [1, (0xfffd + index) & 0xffff]),
    );

    const key = Uint8Array.of(5, 0x8a, 0x03, 0x20);
    await callerMedia.send(rtpPacket({ sequence: 1, timestamp: 800, payloadType: 101 }, key), relayPort(ok.body));
    await secondMedia.receivedCount(1);
    // Nobody says any more: both sides are silent for longer than the setting.
    await until('silence is counted', async () => ((await app?.counters())?.media?.silentMs ?? 0) > 1_000);
    call.inside('BYE');
    gateway.send(responseText(await gateway.request('BYE'), 200));
    await caller.response(200, 'BYE');
    const cdr = await arena.cdrOf(call.callId);
    const { caller: fromCaller, callee: fromCallee } = cdr.media ?? assert.fail();
    assert.deepEqual([fromCaller.dtmfEvents, fromCaller.dtmfDigits, fromCallee.dtmfDigits], [1, '5', '']);
    assert.deepEqual([fromCallee.packets, fromCallee.lost], [10, 0]);
    assert.ok((fromCallee.mos ?? 0) > 4, `${fromCallee.mos}`);
    assert.ok(fromCaller.silentMs >= 300 && fromCallee.silentMs >= 300, JSON.stringify(cdr.media));
  });
});
