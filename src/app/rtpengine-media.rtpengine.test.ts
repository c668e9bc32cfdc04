// Calls that only rtpengine can carry and record: a caller with SRTP, one with another codec than any channel has.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type RunningApp, startApp } from '../app.js';
import { readWav } from '../lab/read-wav.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { UdpPeer as RtpPeer, rtpPacket } from '../media/relay/relay-test-kit.js';
import { credentialsIn, IcePeer } from '../media/rtpengine/testing/ice-peer.js';
import { RtpengineDaemon } from '../media/rtpengine/testing/rtpengine-daemon.js';
import { SrtpKeys } from '../media/rtpengine/testing/srtp.js';
import { linearToALaw } from '../rtp/g711.js';
import { payloadTypeOf } from '../rtp/rtp-header.js';
import { windowsWithTone } from '../rtp/tone-test-kit.js';
import { UdpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, calleeRequestText, responseText } from '../sip-server/testing/sip-script.js';
import { Arena } from './testing/arena.js';

const CALLER_HZ = 700;
const CALLEE_HZ = 1_700;
const PACE_MS = 20;

interface Leg {
  readonly sdp: string;
  readonly rtp: RtpPeer;
}

describe('calls that need rtpengine', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp | undefined;
  let daemon: RtpengineDaemon;
  let close: (() => void)[] = [];

  before(function () {
    const missing = RtpengineDaemon.missing();
    if (missing === null) return;
    process.stderr.write(`      skipped: ${missing}\n`);
    this.skip();
  });

  beforeEach(async () => {
    arena = await Arena.open(() => {
      throw new Error('The simulated gateway is not called here');
    });
    daemon = await RtpengineDaemon.start();
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    for (const one of close.splice(0)) one();
    close = [];
    await arena.close();
    await daemon.kill();
  });

  async function rtpPeer(): Promise<RtpPeer> {
    const peer = await RtpPeer.open();
    close.push(() => peer.close());
    return peer;
  }

  /** A call that the gateway answers with PCMA; what each was told. */
  async function answered(callerSdp: string, trunk: Record<string, unknown> = {}) {
    const port = await freePort();
    const rtpengine = { engines: [{ url: daemon.udpUrl }], pingIntervalMs: 100 };
    app = await startApp(
      arena.config({
        media: { engine: 'rtpengine', rtpengine },
        trunks: [{ name: 'pbx', network: 'lan', sources: ['127.0.0.1'], ...trunk }],
        gateways: [{ name: 'gw1', network: 'lan', gapMs: 0, probe: false, address: `127.0.0.1:${port}` }],
      }),
    );
    const simtrunk = { address: '127.0.0.1', port: arena.sipPort };
    const [caller, gateway] = [await UdpPeer.open(simtrunk), await UdpPeer.open(simtrunk, '127.0.0.1', port)];
    close.push(
      () => caller.close(),
      () => gateway.close(),
    );
    const call = new Call(caller, simtrunk, { user: '01055550001', body: callerSdp });
    call.invite();
    const invite = await gateway.request('INVITE');
    const callee: Leg = { sdp: invite.body, rtp: await rtpPeer() };
    const contact = `Contact: <sip:gw@127.0.0.1:${port}>`;
    const body = sdp(callee.rtp.port, 'RTP/AVP', [[8, 'PCMA/8000']]);
    gateway.send(responseText(invite, 200, { toTag: 'callee', headers: [contact], body }));
    const ok = await caller.response(200, 'INVITE');
    call.learn(ok);
    call.ack();
    await gateway.request('ACK');
    async function hangUp() {
      gateway.send(calleeRequestText('BYE', invite, gateway, { toTag: 'callee' }));
      await gateway.response(200, 'BYE');
      caller.send(responseText(await caller.request('BYE'), 200));
      return arena.cdrOf(call.callId);
    }
    /** An offer of the caller's in mid-call, and what it is answered. */
    async function update(body: string): Promise<string> {
      call.inside('UPDATE', { headers: [`Contact: <${call.peerUri}>`], body });
      return (await caller.response(200, 'UPDATE')).body;
    }
    return { offer: invite.body, answer: ok.body, callee: callee.rtp, update, hangUp };
  }

  function assertTones(path: string | null | undefined, leftHz: number, rightHz: number): void {
    const [left, right] = readWav(readFileSync(path ?? '')).channels;
    assert.ok(windowsWithTone(left ?? new Int16Array(), leftHz).length > 10, 'the caller is not on the left');
    assert.ok(windowsWithTone(right ?? new Int16Array(), rightHz).length > 10, 'the callee is not on the right');
  }

  it('decrypts what a caller sends by SDES, and records both sides', async () => {
    const rtp = await rtpPeer();
    const inline = randomBytes(30).toString('base64');
    const crypto = `crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${inline}`;
    const { offer, answer, callee, hangUp } = await answered(sdp(rtp.port, 'RTP/SAVP', [[8, 'PCMA/8000']], [crypto]));
    assert.match(offer, /m=audio \d+ RTP\/AVP 8/);
    assert.doesNotMatch(offer, /crypto/);
    assert.match(answer, /m=audio \d+ RTP\/SAVP 8/);
    const [, ours = ''] = /a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(\S+)/.exec(answer) ?? [];
    const [sent, received] = [new SrtpKeys(inline), new SrtpKeys(ours)];
    for (let index = 0; index < 60 || rtp.received.length < 40 || callee.received.length < 40; index += 1) {
      await rtp.send(sent.protect(tonePacket(CALLER_HZ, index, 1)), addressIn(answer));
      await callee.send(tonePacket(CALLEE_HZ, index, 2), addressIn(offer));
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    // In the clear towards the gateway, and sealed towards the caller.
    assert.ok(callee.received.every(({ bytes }) => bytes.length === 172));
    for (const { bytes } of rtp.received) assert.equal(received.open(bytes)?.length, 172);
    const cdr = await hangUp();
    assert.equal(cdr.recording?.state, 'complete');
    assertTones(cdr.recording?.path, CALLER_HZ, CALLEE_HZ);
  });

  it('connects a caller with ICE, and again from another port when it begins ICE anew', async () => {
    const peers = [await IcePeer.open('aaaa'), await IcePeer.open('bbbb')] as const;
    for (const peer of peers) close.push(() => peer.close());
    const inline = randomBytes(30).toString('base64');
    const crypto = `crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${inline}`;
    const offerOf = ({ port, attributes }: IcePeer) =>
      sdp(port, 'RTP/SAVPF', [[8, 'PCMA/8000']], [crypto, 'rtcp-mux', ...attributes]);
    const { offer, answer, callee, update, hangUp } = await answered(offerOf(peers[0]));
    const keys = new SrtpKeys(inline);
    /** Checks by what the answer says, and talks until both are heard. */
    async function talk(peer: IcePeer, told: string, hz: number, from: number): Promise<void> {
      const engine = credentialsIn(told.split('\r\n').map((line) => line.slice(2)));
      const { port } = addressIn(told);
      const before = callee.received.length;
      for (let index = from; peer.media.length < 30 || callee.received.length < before + 30; index += 1) {
        peer.check(port, engine);
        peer.send(keys.protect(tonePacket(hz, index, 1)), port);
        await callee.send(tonePacket(CALLEE_HZ, index, 2), addressIn(offer));
        await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      }
    }
    await talk(peers[0], answer, CALLER_HZ, 0);
    const again = await update(offerOf(peers[1]));
    const ufragOf = (text: string) => /^a=ice-ufrag:(\S+)/m.exec(text)?.[1];
    assert.ok(ufragOf(again) !== undefined && ufragOf(again) !== ufragOf(answer));
    await talk(peers[1], again, CALLER_HZ, 1_000);
    const cdr = await hangUp();
    assert.equal(cdr.recording?.state, 'complete');
    assertTones(cdr.recording?.path, CALLER_HZ, CALLEE_HZ);
  });

  for (const [title, formats, trunk] of [
    ['G.722', [[9, 'G722/8000']], { codecs: ['G722'] }],
    ['Opus', [[111, 'opus/48000/2']], { codecs: ['opus'] }],
  ] as const) {
    it(`transcodes ${title} of a caller for a channel that has PCMA, records both sides, and says so in the CDR`, async () => {
      const rtp = await rtpPeer();
      const { offer, answer, callee, hangUp } = await answered(sdp(rtp.port, 'RTP/AVP', formats), trunk);
      assert.match(offer, /m=audio \d+ RTP\/AVP 8/);
      const payloadType = formats[0][0];
      assert.match(answer, new RegExp(`m=audio \\d+ RTP/AVP ${payloadType}`));
      // The caller sends back what it hears: nobody here can encode its codec.
      let echoed = 0;
      for (let index = 0; index < 80 || callee.received.length < 40; index += 1) {
        await callee.send(tonePacket(CALLEE_HZ, index, 2), addressIn(offer));
        for (; echoed < rtp.received.length; echoed += 1) {
          await rtp.send(rtp.received[echoed]?.bytes ?? Buffer.alloc(0), addressIn(answer));
        }
        await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      }
      assert.ok(rtp.received.every(({ bytes }) => payloadTypeOf(bytes) === payloadType));
      assert.ok(callee.received.every(({ bytes }) => payloadTypeOf(bytes) === 8));
      const cdr = await hangUp();
      assert.equal(cdr.recording?.state, 'complete');
      assertTones(cdr.recording?.path, CALLEE_HZ, CALLEE_HZ);
      assert.deepEqual([cdr.codec, cdr.calleeCodec, cdr.transcoded], [formats[0][1].split('/')[0], 'PCMA', true]);
    });
  }
});

function sdp(
  port: number,
  protocol: string,
  formats: readonly (readonly [number, string])[],
  attributes: readonly string[] = [],
): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} ${protocol} ${formats.map(([payloadType]) => payloadType).join(' ')}`,
    ...formats.map(([payloadType, map]) => `a=rtpmap:${payloadType} ${map}`),
    ...attributes.map((attribute) => `a=${attribute}`),
    '',
  ].join('\r\n');
}

function addressIn(description: string): { address: string; port: number } {
  return { address: '127.0.0.1', port: Number(/m=audio (\d+)/.exec(description)?.[1]) };
}

function tonePacket(frequencyHz: number, index: number, ssrc: number): Buffer {
  const payload = Uint8Array.from({ length: 160 }, (_, at) =>
    linearToALaw(Math.round(10_000 * Math.sin((2 * Math.PI * frequencyHz * (160 * index + at)) / 8_000))),
  );
  return rtpPacket({ sequence: index, ssrc }, payload);
}
