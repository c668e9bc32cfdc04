import assert from 'node:assert/strict';
import fc from 'fast-check';
import { WARNING_TONE_SAMPLES, writeWarningTone } from '../../rtp/warning-tone.js';
import { rtpPacket } from './relay-test-kit.js';
import { ToneOverlay } from './tone-overlay.js';

const CODECS = { 0: 'PCMU', 8: 'PCMA' } as const;
const SPEECH = new Uint8Array(160).fill(0x12);

/** The tone's 20 ms from a sample of its time on, over speech. */
function toned(codec: 'PCMA' | 'PCMU', position: number): Uint8Array {
  const octets = Uint8Array.from(SPEECH);
  writeWarningTone(octets, codec, position);
  return octets;
}

const packet = (sequence: number, changes: { timestamp?: number; payloadType?: number; ssrc?: number } = {}) =>
  rtpPacket({ sequence, ...changes }, SPEECH);

describe('ToneOverlay', () => {
  it('changes payloads of G.711 only: headers, lengths and the packet that it was given stay', () => {
    const overlay = new ToneOverlay(CODECS);
    const original = packet(1);
    const sent = overlay.over(original);
    assert.deepEqual(original, packet(1));
    assert.deepEqual(sent.subarray(0, 12), original.subarray(0, 12));
    assert.deepEqual(new Uint8Array(sent.subarray(12)), toned('PCMA', 0));
  });

  it('writes each packet in the codec that its payload type says', () => {
    const overlay = new ToneOverlay(CODECS);
    assert.deepEqual(new Uint8Array(overlay.over(packet(1)).subarray(12)), toned('PCMA', 0));
    const muLaw = overlay.over(packet(2, { payloadType: 0 }));
    assert.deepEqual(new Uint8Array(muLaw.subarray(12)), toned('PCMU', 160));
  });

  it('passes telephone-events and codecs that it cannot write', () => {
    const overlay = new ToneOverlay(CODECS);
    for (const payloadType of [101, 18]) {
      const event = packet(1, { payloadType });
      assert.equal(overlay.over(event), event);
    }
    assert.equal(overlay.isOver, false);
  });

  it('ends after the tone and passes what follows', () => {
    const overlay = new ToneOverlay(CODECS);
    const packets = Math.ceil(WARNING_TONE_SAMPLES / 160);
    for (let sequence = 0; sequence < packets; sequence += 1) {
      assert.equal(overlay.isOver, false);
      overlay.over(packet(sequence));
    }
    assert.equal(overlay.isOver, true);
    const after = packet(packets);
    assert.equal(overlay.over(after), after);
  });

  it('takes its place from the timestamp, so that loss and disorder leave no seam', () => {
    const overlay = new ToneOverlay(CODECS);
    overlay.over(packet(0, { timestamp: 0xffff_ff60 }));
    const third = overlay.over(packet(2, { timestamp: 160 }));
    const second = overlay.over(packet(1, { timestamp: 0 }));
    assert.deepEqual(new Uint8Array(second.subarray(12)), toned('PCMA', 160));
    assert.deepEqual(new Uint8Array(third.subarray(12)), toned('PCMA', 320));
    const earlier = packet(-1, { timestamp: 0xffff_fec0 });
    assert.equal(overlay.over(earlier), earlier);
  });

  it('goes on where it was when the stream begins a new clock', () => {
    const overlay = new ToneOverlay(CODECS);
    overlay.over(packet(0));
    const leapt = overlay.over(packet(1, { timestamp: 1_000_000 }));
    assert.deepEqual(new Uint8Array(leapt.subarray(12)), toned('PCMA', 160));
    const other = overlay.over(packet(1, { timestamp: 77, ssrc: 9 }));
    assert.deepEqual(new Uint8Array(other.subarray(12)), toned('PCMA', 320));
  });

  it('finds the payload behind CSRCs and an extension, and before padding', () => {
    const header = [0xb1, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
    const csrc = [0, 0, 0, 5];
    const extension = [0xbe, 0xde, 0, 1, 1, 2, 3, 4];
    const head = [...header, ...csrc, ...extension];
    const full = Buffer.from([...head, ...SPEECH, 0, 0, 0, 4]);
    const sent = new ToneOverlay(CODECS).over(full);
    assert.deepEqual([...sent.subarray(0, head.length)], head);
    assert.deepEqual(new Uint8Array(sent.subarray(head.length, -4)), toned('PCMA', 0));
    assert.deepEqual([...sent.subarray(-4)], [0, 0, 0, 4]);
  });

  it('never throws, changes a length or touches what it was given, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 12, maxLength: 200 }), { maxLength: 30 }), (packets) => {
        const overlay = new ToneOverlay({ ...CODECS, 64: 'PCMA' });
        for (const bytes of packets) {
          const given = Buffer.from(bytes);
          const sent = overlay.over(given);
          assert.deepEqual(new Uint8Array(given), bytes);
          assert.equal(sent.length, given.length);
          assert.deepEqual(sent.subarray(0, 12), given.subarray(0, 12));
        }
      }),
    );
  });
});
