// A caller with SRTP and full ICE at Debian's rtpengine: it connects, begins ICE anew from another port, and is heard from there.
import assert from 'node:assert/strict';
import type { MediaRemote, MediaSession } from '../../call/ports.js';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { remoteOf, rtpPacket, UdpPeer } from '../relay/relay-test-kit.js';
import { type RunningRtpengine, startRtpengine } from './rtpengine.js';
import { credentialsIn, IcePeer } from './testing/ice-peer.js';
import { RtpengineDaemon } from './testing/rtpengine-daemon.js';
import { engineAt, settingsFor } from './testing/rtpengine-settings.js';
import { SrtpKeys } from './testing/srtp.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const KEY = Buffer.alloc(30, 7).toString('base64');
const PACE_MS = 20;

describe('a caller with ICE', () => {
  let daemon: RtpengineDaemon | undefined;
  let rtpengine: RunningRtpengine | undefined;
  const closers: (() => void)[] = [];

  before(function () {
    const missing = RtpengineDaemon.missing();
    if (missing === null) return;
    process.stderr.write(`      skipped: ${missing}\n`);
    this.skip();
  });

  afterEach(async () => {
    for (const close of closers.splice(0)) close();
    await rtpengine?.close();
    await daemon?.kill();
  });

  async function icePeer(ufrag: string): Promise<IcePeer> {
    const peer = await IcePeer.open(ufrag);
    closers.push(() => peer.close());
    return peer;
  }

  const transportOf = (peer: IcePeer) => ({
    protocol: 'RTP/SAVPF' as const,
    attributes: [`crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`, ...peer.attributes, 'rtcp-mux'],
  });

  const remoteAt = (peer: IcePeer, callee: UdpPeer): MediaRemote => ({
    ...remoteOf(callee, { nat: 'off', rtcpMux: true }),
    ...{ address: peer.address, rtpPort: peer.port, transport: transportOf(peer) },
  });

  /** Checks and speaks until both hear each other. */
  async function connect(session: MediaSession, peer: IcePeer, callee: UdpPeer, sequence: number): Promise<void> {
    const keys = new SrtpKeys(KEY);
    const { rtpPort, transport } = session.local('caller');
    const engine = credentialsIn(transport?.attributes ?? []);
    const before = callee.received.length;
    for (let at = sequence; peer.media.length === 0 || callee.received.length === before; at += 1) {
      peer.check(rtpPort, engine);
      peer.send(keys.protect(rtpPacket({ sequence: at, ssrc: 5 })), rtpPort);
      await callee.sendRtp(rtpPacket({ sequence: at, ssrc: 6 }), session.local('callee'));
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    assert.ok(peer.answered > 0);
  }

  it('begins ICE anew from another port, with new credentials on both sides, and is heard from there', async () => {
    daemon = await RtpengineDaemon.start();
    const engines = [engineAt(daemon.udpUrl)];
    rtpengine = await startRtpengine(settingsFor({ engines, log, clock: new SystemClock() }));
    const [first, second, callee] = [await icePeer('aaaa'), await icePeer('bbbb'), await UdpPeer.open()];
    closers.push(() => callee.close());
    const opened = await rtpengine.port.open({
      ...{ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: 'lan' },
      caller: transportOf(first),
    });
    assert.ok(opened.ok);
    const { session } = opened;
    session.setRemote('caller', remoteAt(first, callee));
    session.setRemote('callee', remoteOf(callee, { nat: 'off' }));
    assert.equal(await session.settled?.(), true);
    await connect(session, first, callee, 1);
    const before = session.local('caller');

    session.setRemote('caller', remoteAt(second, callee));
    assert.equal(await session.settled?.(), true);
    const after = session.local('caller');
    assert.equal(after.rtpPort, before.rtpPort);
    const [old, renewed] = [before, after].map(({ transport }) => credentialsIn(transport?.attributes ?? []));
    assert.ok(renewed?.ufrag !== '' && renewed?.ufrag !== old?.ufrag && renewed?.pwd !== old?.pwd);
    await connect(session, second, callee, 1_000);
    // What is sealed for the caller opens with the key that it was told, which is the same.
    const [, key = ''] = /inline:(\S+)/.exec(after.transport?.attributes.join(' ') ?? '') ?? [];
    assert.ok(second.media.some((packet) => new SrtpKeys(key).open(packet)?.length === 172));
  });
});
