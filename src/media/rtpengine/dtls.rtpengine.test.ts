// A caller that agrees on its keys by DTLS (RFC 5764), played by openssl: rtpengine opens what it sends, and seals what it gets.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { remoteOf, rtpPacket, UdpPeer } from '../relay/relay-test-kit.js';
import { type RunningRtpengine, startRtpengine } from './rtpengine.js';
import { RtpengineDaemon } from './testing/rtpengine-daemon.js';
import { engineAt, settingsFor } from './testing/rtpengine-settings.js';
import { SrtpKeys } from './testing/srtp.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

describe('a caller with DTLS', () => {
  let folder: string;
  let daemon: RtpengineDaemon | undefined;
  let rtpengine: RunningRtpengine | undefined;
  const peers: UdpPeer[] = [];

  before(function () {
    const openssl = spawnSync('openssl', ['version']).error === undefined ? null : 'openssl is not installed';
    const missing = RtpengineDaemon.missing() ?? openssl;
    if (missing === null) return;
    process.stderr.write(`      skipped: ${missing}\n`);
    this.skip();
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-dtls-'));
  });

  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    await rtpengine?.close();
    await daemon?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is spoken with in SRTP, and its callee in the clear', async () => {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
    ];
    execFileSync('openssl', [...request, '-subj', '/CN=caller', '-keyout', keyFile, '-out', certFile], {
      stdio: 'ignore',
    });
    const printed = execFileSync('openssl', ['x509', '-in', certFile, '-noout', '-fingerprint', '-sha256']).toString();
    const [, fingerprint = ''] = /=([0-9A-F:]+)/.exec(printed) ?? [];

    daemon = await RtpengineDaemon.start();
    rtpengine = await startRtpengine(
      settingsFor({ engines: [engineAt(daemon.udpUrl)], log, clock: new SystemClock() }),
    );
    const attributes = [`fingerprint:sha-256 ${fingerprint}`, 'setup:actpass'];
    const opened = await rtpengine.port.open({
      ...{ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: 'lan' },
      caller: { protocol: 'UDP/TLS/RTP/SAVP', attributes },
    });
    assert.ok(opened.ok);
    const { session } = opened;
    const place = await UdpPeer.open();
    const { port } = place;
    const callee = await UdpPeer.open();
    peers.push(callee);
    session.setRemote('caller', remoteOf(place, { nat: 'off' }));
    session.setRemote('callee', remoteOf(callee, { nat: 'off' }));
    await session.report();

    // The handshake, from the port that media will come from.
    place.close();
    const material = await keyingMaterial(session.local('caller').rtpPort, port, certFile, keyFile);
    const [ours, theirs] = [
      Buffer.concat([material.subarray(0, 16), material.subarray(32, 46)]),
      Buffer.concat([material.subarray(16, 32), material.subarray(46, 60)]),
    ].map((keys) => new SrtpKeys(keys.toString('base64')));
    const caller = await UdpPeer.open('127.0.0.1', port);
    peers.push(caller);
    for (let sequence = 1; caller.received.length === 0 || callee.received.length === 0; sequence += 1) {
      const packet = rtpPacket({ sequence, ssrc: 5 });
      await caller.sendRtp(ours?.protect(packet) ?? packet, session.local('caller'));
      await callee.sendRtp(rtpPacket({ sequence, ssrc: 6 }), session.local('callee'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(callee.received[0]?.bytes.length, 172);
    assert.deepEqual(callee.received[0]?.bytes.subarray(12), rtpPacket({ sequence: 1 }).subarray(12));
    const heard = caller.received.map(({ bytes }) => bytes).find((bytes) => bytes.length === 182);
    assert.equal(heard && theirs?.open(heard)?.length, 172);
  });
});

/** RFC 5764 §4.2: the client's key, the server's, the client's salt, the server's. */
async function keyingMaterial(to: number, from: number, certFile: string, keyFile: string): Promise<Buffer> {
  const client: ChildProcess = spawn(
    'openssl',
    [
      ...['s_client', '-dtls1_2', '-connect', `127.0.0.1:${to}`, '-bind', `127.0.0.1:${from}`],
      ...['-use_srtp', 'SRTP_AES128_CM_SHA1_80', '-cert', certFile, '-key', keyFile],
      ...['-keymatexport', 'EXTRACTOR-dtls_srtp', '-keymatexportlen', '60'],
    ],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  const gone = once(client, 'exit');
  let said = '';
  const material = await new Promise<string>((resolve) => {
    client.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, hex] = /Keying material: ([0-9A-F]{120})/.exec(said) ?? [];
      if (hex !== undefined) resolve(hex);
    });
  });
  // Without a word: a close would end the association at the other side, too.
  client.kill('SIGKILL');
  await gone;
  return Buffer.from(material, 'hex');
}
