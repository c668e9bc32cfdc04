// What a scenario's media peer heard, as facts that a case can expect.
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { isRtp, payloadTypeOf, RTP_HEADER_BYTES, timestampOf } from '../../rtp/rtp-header.js';
import { shareOfTone } from '../../rtp/tone-test-kit.js';
import { holdsOf } from './media-of-trace.js';
import type { HeardPacket, RtpPeer } from './rtp-peer.js';
import type { TracedMessage } from './sipp.js';

export interface RtpEvidence {
  /** RTP packets by payload type. */
  readonly heard: Readonly<Record<string, number>>;
  /** How many in a hundred of the G.711 packets are mostly each tone of the case. */
  readonly tones: Readonly<Record<string, number>>;
  /** Keys, each once. */
  readonly digits: string;
  /** Packets of any kind that came byte for byte as another peer had sent them. */
  readonly unchanged: number;
  /** Packets of a fax. */
  readonly faxes: number;
  /** RTP packets that came while this side was on hold by its own wish. */
  readonly whileHeld: number;
}

/** What is on its way when a hold begins may still come. */
const HOLD_SETTLES_MS = 150;

export function gatherEvidence(
  peer: RtpPeer,
  messages: readonly TracedMessage[],
  others: readonly RtpPeer[],
  tonesHz: readonly number[],
): RtpEvidence {
  const rtp = peer.heard.filter(({ packet }) => isRtp(packet));
  const heard: Record<string, number> = {};
  for (const { packet } of rtp) {
    const payloadType = payloadTypeOf(packet);
    heard[payloadType] = (heard[payloadType] ?? 0) + 1;
  }
  const frames = framesOf(rtp);
  const said = new Set(others.flatMap(({ sent }) => sent.map((packet) => packet.toString('latin1'))));
  const holds = holdsOf(messages);
  const isHeld = ({ wallMs }: HeardPacket) =>
    holds.some(({ fromMs, toMs }) => msOfDay(wallMs) > fromMs + HOLD_SETTLES_MS && msOfDay(wallMs) < toMs);
  return {
    heard,
    tones: Object.fromEntries(tonesHz.map((toneHz) => [toneHz, percentWithTone(frames, toneHz)])),
    digits: digitsOf(rtp),
    unchanged: peer.heard.filter(({ packet }) => said.has(packet.toString('latin1'))).length,
    // What a peer says of a fax has its sequence number in front, and no RTP version.
    faxes: peer.heard.filter(({ packet }) => !isRtp(packet)).length,
    whileHeld: rtp.filter(isHeld).length,
  };
}

function framesOf(rtp: readonly HeardPacket[]): Int16Array[] {
  return rtp.flatMap(({ packet }) => {
    const payloadType = payloadTypeOf(packet);
    const linear = payloadType === 8 ? A_LAW_TO_LINEAR : payloadType === 0 ? MU_LAW_TO_LINEAR : null;
    if (linear === null) return [];
    return [Int16Array.from(packet.subarray(RTP_HEADER_BYTES), (octet) => linear[octet] ?? 0)];
  });
}

/** By packet: a hold, or a stall of either end, breaks the phase of a tone. */
function percentWithTone(frames: readonly Int16Array[], toneHz: number): number {
  if (frames.length === 0) return 0;
  const clear = frames.filter((samples) => shareOfTone(samples, toneHz) > 0.8).length;
  return Math.round((100 * clear) / frames.length);
}

/** Packets of four octets under a dynamic payload type are taken for events; those with one time are one key. */
function digitsOf(rtp: readonly HeardPacket[]): string {
  const keys = new Map<number, string>();
  for (const { packet } of rtp) {
    if (packet.length !== RTP_HEADER_BYTES + 4 || payloadTypeOf(packet) < 96) continue;
    keys.set(timestampOf(packet), '0123456789*#ABCD'[packet[RTP_HEADER_BYTES] ?? 255] ?? '?');
  }
  return [...keys.values()].join('');
}

/** In local time, as SIPp's traces are. */
function msOfDay(wallMs: number): number {
  const date = new Date(wallMs);
  return (date.getHours() * 3600 + date.getMinutes() * 60 + date.getSeconds()) * 1000 + date.getMilliseconds();
}
