import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AmrWbModes } from './amr-wb-modes.js';
import { writeRtpHeader } from './rtp-header.js';

function packetWith(...payload: number[]): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  writeRtpHeader(packet, { payloadType: 96, marker: false, sequence: 1, timestamp: 320, ssrc: 7 });
  packet.set(payload, 12);
  return packet;
}

/** CMR 15, then one frame: F 0, the mode, Q 1. */
const aligned = (mode: number) => packetWith(0xf0, (mode << 3) | 0x04, 1, 2, 3);
const packed = (mode: number) => packetWith(0xf0 | (mode >> 1), ((mode & 1) << 7) | 0x40, 1, 2, 3);

describe('the modes of an AMR-WB stream', () => {
  it('are read from either form of payload', () => {
    for (let mode = 0; mode < 9; mode += 1) {
      for (const [fmtp, packet] of [
        ['octet-align=1', aligned(mode)],
        ['mode-set=0,2;robust-sorting=1', aligned(mode)],
        ['interleaving=4', packetWith(0xf0, 0x00, (mode << 3) | 0x04, 1)],
        ['octet-align=0; mode-set=2', packed(mode)],
        [undefined, packed(mode)],
      ] as const) {
        const modes = new AmrWbModes(fmtp);
        modes.count(packet);
        assert.equal(modes.prevailing, mode, `${fmtp} ${mode}`);
      }
    }
  });

  it('are one where it has nearly all frames, and none where the sender changes', () => {
    const modes = new AmrWbModes('octet-align=1');
    assert.equal(modes.prevailing, null);
    // Comfort noise, no data.
    for (const silent of [9, 14, 15]) modes.count(aligned(silent));
    assert.equal(modes.prevailing, null);
    for (let frames = 0; frames < 95; frames += 1) modes.count(aligned(8));
    for (let frames = 0; frames < 5; frames += 1) modes.count(aligned(2));
    assert.equal(modes.prevailing, 8);
    modes.count(aligned(2));
    assert.equal(modes.prevailing, null);
  });

  it('are none of whatever else comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, isAligned) => {
        const modes = new AmrWbModes(isAligned ? 'octet-align=1' : '');
        modes.count(bytes);
        modes.count(packetWith());
        assert.ok(modes.prevailing === null || modes.prevailing < 9);
      }),
    );
  });
});
