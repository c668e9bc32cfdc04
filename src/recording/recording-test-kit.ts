// For tests of recordings: RTP with a tone, a relay's end of a tap, and the samples of a finished file.
import { readFileSync } from 'node:fs';
import { linearToALaw } from '../rtp/g711.js';
import { writeRtpHeader } from '../rtp/rtp-header.js';
import { TapBatchWriter, type TapMessage } from '../rtp/tap-batch.js';
import { SAMPLE_RATE_HZ, WAV_HEADER_BYTES } from './wav-file.js';

export const FRAMES_PER_PACKET = 160;

/** Linear samples of a sine, from the given sample of its time on. */
export function tone(frequencyHz: number, firstSample: number, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, index) =>
    Math.round(10_000 * Math.sin((2 * Math.PI * frequencyHz * (firstSample + index)) / SAMPLE_RATE_HZ)),
  );
}

/** The `index`th 20 ms packet of a tone in A-law. */
export function tonePacket(frequencyHz: number, index: number, changes: { ssrc?: number; timestamp?: number } = {}) {
  const packet = new Uint8Array(12 + FRAMES_PER_PACKET);
  const first = index * FRAMES_PER_PACKET;
  writeRtpHeader(packet, {
    payloadType: 8,
    marker: index === 0,
    sequence: index & 0xffff,
    timestamp: (changes.timestamp ?? first) >>> 0,
    ssrc: changes.ssrc ?? 7,
  });
  tone(frequencyHz, first, FRAMES_PER_PACKET).forEach((sample, at) => {
    packet[12 + at] = linearToALaw(sample);
  });
  return packet;
}

/** A tap message with one packet. */
export function packetMessage(fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array): TapMessage {
  const batch = new TapBatchWriter(new ArrayBuffer(1024));
  batch.add(fork, isCallee, arrivalMs, packet);
  return { type: 'packets', buffer: batch.buffer, bytes: batch.bytes };
}

/** Left and right samples of a WAV file. */
export function readStereo(path: string): { left: Int16Array; right: Int16Array; headerDataBytes: number } {
  const file = readFileSync(path);
  const headerDataBytes = file.readUInt32LE(40);
  const frames = Math.floor((file.length - WAV_HEADER_BYTES) / 4);
  const left = new Int16Array(frames);
  const right = new Int16Array(frames);
  for (let frame = 0; frame < frames; frame += 1) {
    left[frame] = file.readInt16LE(WAV_HEADER_BYTES + frame * 4);
    right[frame] = file.readInt16LE(WAV_HEADER_BYTES + frame * 4 + 2);
  }
  return { left, right, headerDataBytes };
}

/** Normalised correlation of two signals of one length, -1 to 1. */
export function correlation(a: Int16Array, b: Int16Array): number {
  let product = 0;
  let energyA = 0;
  let energyB = 0;
  for (let index = 0; index < a.length; index += 1) {
    const [left, right] = [a[index] ?? 0, b[index] ?? 0];
    product += left * right;
    energyA += left * left;
    energyB += right * right;
  }
  return energyA === 0 || energyB === 0 ? 0 : product / Math.sqrt(energyA * energyB);
}
