import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { captured, GATEWAY, PBX, sip } from '../testing/captured.js';
import type { CapturedMessage } from './captured-message.js';
import { writePcap } from './pcap.js';

const V6 = {
  local: { address: '2001:db8::1', port: 5060 },
  remote: { address: 'fd00:1:2:3:4:5:6:7', port: 5062 },
};
const OPTIONS = sip('OPTIONS sip:x SIP/2.0', 'OPTIONS');
const OK = sip('SIP/2.0 200 OK', 'OPTIONS');

/** A packet as a reader of pcap files sees it. */
interface ReadPacket {
  readonly micros: number;
  readonly version: number;
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly payload: Buffer;
  readonly sequence: number;
  readonly acknowledged: number;
}

/** RFC 1071: what was summed up with its checksum gives all ones. */
function sumOf(...parts: readonly Buffer[]): number {
  const bytes = Buffer.concat(parts);
  const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
  let sum = 0;
  for (let at = 0; at < even.length; at += 2) sum += even.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function read(file: Buffer): ReadPacket[] {
  assert.equal(file.readUInt32LE(0), 0xa1b2c3d4);
  assert.equal(file.readUInt32LE(20), 101, 'link type RAW');
  const packets: ReadPacket[] = [];
  for (let at = 24; at < file.length; ) {
    const length = file.readUInt32LE(at + 8);
    assert.equal(file.readUInt32LE(at + 12), length);
    const micros = file.readUInt32LE(at) * 1_000_000 + file.readUInt32LE(at + 4);
    packets.push(readIp(file.subarray(at + 16, at + 16 + length), micros));
    at += 16 + length;
  }
  return packets;
}

function readIp(ip: Buffer, micros: number): ReadPacket {
  const version = (ip[0] as number) >> 4;
  const headerBytes = version === 4 ? 20 : 40;
  const [from, to] =
    version === 4 ? [ip.subarray(12, 16), ip.subarray(16, 20)] : [ip.subarray(8, 24), ip.subarray(24, 40)];
  const protocol = ip[version === 4 ? 9 : 6] as number;
  const inner = ip.subarray(headerBytes);
  if (version === 4) {
    assert.equal(ip.readUInt16BE(2), ip.length);
    assert.equal(sumOf(ip.subarray(0, 20)), 0xffff, 'checksum of the IP header');
  } else assert.equal(ip.readUInt16BE(4), inner.length);
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(inner.length, 0);
  pseudo[7] = protocol;
  assert.equal(sumOf(from, to, pseudo, inner), 0xffff, 'checksum of the transport header');
  const isTcp = protocol === 6;
  if (!isTcp) assert.equal(inner.readUInt16BE(4), inner.length);
  return {
    micros,
    version,
    protocol,
    source: `${addressText(from)} ${inner.readUInt16BE(0)}`,
    destination: `${addressText(to)} ${inner.readUInt16BE(2)}`,
    payload: inner.subarray(isTcp ? ((inner[12] as number) >> 4) * 4 : 8),
    sequence: isTcp ? inner.readUInt32BE(4) : 0,
    acknowledged: isTcp ? inner.readUInt32BE(8) : 0,
  };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return bytes.toString('hex').replaceAll(/(.{4})(?!$)/g, '$1:');
}

describe('writePcap', () => {
  it('writes a datagram with its addresses, ports, time and sound checksums', () => {
    const wallMs = Date.UTC(2026, 10, 21) + 0.125;
    const [packet, ...others] = read(writePcap([captured(true, PBX, OPTIONS, { wallMs })]));
    assert.equal(others.length, 0);
    assert.deepEqual(packet, {
      micros: wallMs * 1_000,
      version: 4,
      protocol: 17,
      source: '10.0.0.5 5060',
      destination: '10.0.0.1 5060',
      payload: Buffer.from(OPTIONS),
      sequence: 0,
      acknowledged: 0,
    });
  });

  it('writes IPv6, odd lengths and the largest datagram', () => {
    for (const bytes of [Buffer.from('odd'), Buffer.alloc(65_507, 'x')]) {
      assert.deepEqual(read(writePcap([captured(false, PBX, bytes)]))[0]?.payload, bytes);
    }
    const [packet] = read(writePcap([captured(false, V6.remote, 'abc', { local: V6.local })]));
    assert.equal(packet?.version, 6);
    assert.equal(packet?.source, '2001:0db8:0000:0000:0000:0000:0000:0001 5060');
    assert.equal(packet?.destination, 'fd00:0001:0002:0003:0004:0005:0006:0007 5062');
  });

  it('writes both ways of a connection as streams that go on, large messages in several segments', () => {
    const large = Buffer.alloc(65_535, 'y');
    const messages = [
      captured(true, PBX, OPTIONS, { protocol: 'tcp' }),
      captured(false, PBX, OK, { protocol: 'tcp' }),
      captured(true, PBX, large, { protocol: 'tcp' }),
      captured(false, PBX, OK, { protocol: 'tls' }),
    ];
    const packets = read(writePcap(messages));
    assert.deepEqual(
      packets.map(({ sequence, acknowledged, payload }) => [sequence, acknowledged, payload.length]),
      [
        [1, 1, OPTIONS.length],
        [1, 1 + OPTIONS.length, OK.length],
        [1 + OPTIONS.length, 1 + OK.length, 65_000],
        [1 + OPTIONS.length + 65_000, 1 + OK.length, 535],
        [1 + OK.length, 1 + OPTIONS.length + 65_535, OK.length],
      ],
    );
  });

  it('is read by tshark as the SIP that it is, with all checksums right', async function () {
    this.timeout(30_000);
    if (spawnSync('tshark', ['--version']).error !== undefined) {
      console.log('      skipped: tshark is not installed');
      this.skip();
    }
    const messages: CapturedMessage[] = [
      captured(true, PBX, OPTIONS),
      captured(false, GATEWAY, sip('INVITE sip:7#010@10.0.0.20 SIP/2.0', 'INVITE')),
      captured(false, V6.remote, OPTIONS, { local: V6.local }),
      captured(true, PBX, OPTIONS, { protocol: 'tcp' }),
      captured(false, PBX, OK, { protocol: 'tcp' }),
    ];
    const fields = ['_ws.col.Protocol', 'sip.Method', 'sip.Status-Code', 'sip.Call-ID'];
    const sums = ['ip.checksum.status', 'udp.checksum.status', 'tcp.checksum.status'];
    const checks = ['ip', 'udp', 'tcp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
    const args = [
      ...checks,
      '-T',
      'fields',
      '-E',
      'separator=,',
      ...[...fields, ...sums].flatMap((field) => ['-e', field]),
    ];
    const dir = await mkdtemp(join(tmpdir(), 'pcap-'));
    let output: string;
    try {
      const file = join(dir, 'trace.pcap');
      await writeFile(file, writePcap(messages));
      ({ stdout: output } = await promisify(execFile)('tshark', ['-r', file, ...args]));
    } finally {
      await rm(dir, { recursive: true });
    }
    assert.deepEqual(output.trim().split('\n'), [
      'SIP,OPTIONS,,one,1,1,',
      'SIP,INVITE,,one,1,1,',
      'SIP,OPTIONS,,one,,1,',
      'SIP,OPTIONS,,one,1,,1',
      'SIP,,200,one,1,,1',
    ]);
  });
});
