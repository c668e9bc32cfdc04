import assert from 'node:assert/strict';
import { captured, GATEWAY, PBX, sip } from '../testing/captured.js';
import { readHep } from '../testing/read-hep.js';
import { encodeHep, MAX_HEP_BYTES } from './hep-packet.js';

const NOBODY = { captureId: 1, password: '' };

describe('encodeHep', () => {
  it('writes the example of the specification, byte for byte', () => {
    const message = captured(true, { address: '212.202.0.1', port: 12_010 }, 'INVITE sip:bob', {
      wallMs: 1_313_440_459_120,
      local: { address: '82.116.0.211', port: 5060 },
    });
    const expected = [
      ['48455033', '0071', '00000001000702', '00000002000711', '00000003000ad4ca0001', '00000004000a527400d3'],
      ['0000000700082eea', '00000008000813c4', '00000009000a4e4982cb', '0000000a000a0001d4c0', '0000000b000701'],
      ['0000000c000a000000e4', '0000000f0014', Buffer.from('INVITE sip:bob').toString('hex')],
    ];
    assert.equal(encodeHep(message, { captureId: 228, password: '' })?.toString('hex'), expected.flat().join(''));
  });

  it('carries a password, IPv6 addresses and TCP', () => {
    const local = { address: '2001:db8::1', port: 5061 };
    const remote = { address: 'fd00::5', port: 40_000 };
    const text = sip('SIP/2.0 200 OK', 'BYE');
    const packet = encodeHep(captured(false, remote, text, { local, protocol: 'tls' }), {
      captureId: 4_294_967_295,
      password: 'geheim',
    });
    assert.ok(packet !== null);
    assert.deepEqual(readHep(packet), {
      family: 10,
      protocol: 6,
      source: '2001:0db8:0000:0000:0000:0000:0000:0001 5061',
      destination: 'fd00:0000:0000:0000:0000:0000:0000:0005 40000',
      wallMs: captured(false, remote, text).wallMs,
      type: 1,
      captureId: 4_294_967_295,
      password: 'geheim',
      payload: text,
    });
  });

  it('refuses what does not fit into a datagram', () => {
    const overhead = encodeHep(captured(true, PBX, ''), NOBODY)?.length ?? 0;
    const most = Buffer.alloc(MAX_HEP_BYTES - overhead);
    assert.equal(encodeHep(captured(false, GATEWAY, most), NOBODY)?.length, MAX_HEP_BYTES);
    assert.equal(encodeHep(captured(false, GATEWAY, Buffer.alloc(most.length + 1)), NOBODY), null);
  });
});
