// The E-model (ITU-T G.107, 06/2015): how good a connection is to talk over, from what was measured and what its codec is.
// Pure. Everything about telephones and rooms has the Recommendation's default (table 2).

/** A connection in one direction. */
export interface VoiceConnection {
  /** From mouth to ear, one way. */
  readonly delayMs: number;
  /** Share of packets that are lost, 0 to 1. */
  readonly lossRatio: number;
  /** Mean length of a gap, by what independent losses would make it; 1 for independent. */
  readonly burstRatio: number;
  readonly codec: CodecImpairment;
}

/** What a codec takes off (Ie), and how well it bears loss (Bpl): ITU-T G.113, appendix I. */
export interface CodecImpairment {
  readonly impairment: number;
  readonly robustness: number;
}

/** Narrowband codecs by SDP name. G.711 with packet loss concealment (its appendix I), which receivers have today. */
const CODECS: Readonly<Record<string, CodecImpairment>> = {
  pcma: { impairment: 0, robustness: 25.1 },
  pcmu: { impairment: 0, robustness: 25.1 },
  // G.729A with VAD, and G.723.1 at 6.3 kbit/s with VAD.
  g729: { impairment: 11, robustness: 19 },
  g723: { impairment: 15, robustness: 16.1 },
};

/** Null for a codec without published figures, and for wideband codecs, whose model is another (wideband-e-model.ts). */
export function impairmentOf(codecName: string): CodecImpairment | null {
  return CODECS[codecName.toLowerCase()] ?? null;
}

/** Table 2 of G.107: loudness of sending, receiving and one's own voice, rooms, circuit noise, quantizing, echoes; dB and dBm. */
const SLR = 8;
const RLR = 2;
const STMR = 15;
const DS = 3;
const DR = 3;
export const TELR = 65;
const WEPL = 110;
const QDU = 1;
const NC = -70;
const NFOR = -64;
const PS = 35;
const PR = 35;

const OLR = SLR + RLR;
const NO = noiseOf(NFOR);
const RO = 15 - 1.5 * (SLR + NO);

/** R, from 0 to 100 (equation 7-1). */
export function ratingOf(connection: VoiceConnection): number {
  const { delayMs, codec } = connection;
  const lossPercent = 100 * connection.lossRatio;
  const rating = RO - simultaneous(delayMs) - delayed(delayMs) - equipment(codec, lossPercent, connection.burstRatio);
  return Math.min(100, Math.max(0, rating));
}

/** The mean opinion score that goes with a rating, 1 to 4.5 (annex B). */
export function opinionScoreOf(rating: number): number {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  // Below a rating of 6.5 the polynomial falls under 1, which nothing can be.
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

/** §7.2: circuit noise, rooms and a noise floor, all at the 0 dBr point. */
export function noiseOf(floorDbm: number): number {
  const powers = [NC, nosOf(), norOf(), floorDbm + RLR].map((dbm) => 10 ** (dbm / 10));
  return 10 * Math.log10(powers.reduce((sum, power) => sum + power, 0));
}

/** Noise of the sender's room (equation 7-4). */
function nosOf(): number {
  return PS - SLR - DS - 100 + 0.004 * (PS - OLR - DS - 14) ** 2;
}

/** Noise of the receiver's room (equations 7-5 and 7-6). */
function norOf(): number {
  const pre = PR + 10 * Math.log10(1 + 10 ** ((10 - (STMR + DR)) / 10));
  return RLR - 121 + pre + 0.008 * (pre - 35) ** 2;
}

/** Is (§7.3): what comes together with the voice. */
function simultaneous(delayMs: number): number {
  const tooLoud = OLR + 0.2 * (64 + NO - RLR);
  const loudness = 20 * ((1 + (tooLoud / 8) ** 8) ** (1 / 8) - tooLoud / 8);
  const sidetone = -10 * Math.log10(10 ** (-STMR / 10) + Math.exp(-delayMs / 4) * 10 ** (-TELR / 10));
  const ownVoice =
    12 * (1 + ((sidetone - 13) / 6) ** 8) ** (1 / 8) -
    28 * (1 + ((sidetone + 1) / 19.4) ** 35) ** (1 / 35) -
    13 * (1 + ((sidetone - 3) / 33) ** 13) ** (1 / 13) +
    29;
  const q = 37 - 15 * Math.log10(QDU);
  const g = 1.07 + 0.258 * q + 0.0602 * q ** 2;
  const y = (RO - 100) / 15 + 46 / 8.4 - g / 9;
  const z = 46 / 30 - g / 40;
  return loudness + ownVoice + 15 * Math.log10(1 + 10 ** y + 10 ** z);
}

/** Id (§7.4): echoes of talker and listener, and delay itself. */
function delayed(delayMs: number): number {
  return talkerEcho(delayMs) + listenerEchoOf(2 * delayMs, RO) + delayedBy(delayMs);
}

function talkerEcho(delayMs: number): number {
  if (delayMs < 1) return 0;
  const roe = -1.5 * (NO - RLR);
  const terv = TELR - 40 * Math.log10((1 + delayMs / 10) / (1 + delayMs / 150)) + 6 * Math.exp(-0.3 * delayMs ** 2);
  const re = 80 + 2.5 * (terv - 14);
  return ((roe - re) / 2 + Math.sqrt((roe - re) ** 2 / 4 + 100) - 1) * (1 - Math.exp(-delayMs));
}

/** Idle (equation 7-25), under this signal-to-noise ratio. */
export function listenerEchoOf(roundTripMs: number, ro: number): number {
  const rle = 10.5 * (WEPL + 7) * (roundTripMs + 1) ** -0.25;
  return (ro - rle) / 2 + Math.sqrt((ro - rle) ** 2 / 4 + 169);
}

/** Idd (equation 7-27). */
export function delayedBy(delayMs: number): number {
  if (delayMs <= 100) return 0;
  const x = Math.log2(delayMs / 100);
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2);
}

/** Ie,eff (equation 7-29). */
function equipment(codec: CodecImpairment, lossPercent: number, burstRatio: number): number {
  const { impairment, robustness } = codec;
  if (lossPercent <= 0) return impairment;
  return impairment + ((95 - impairment) * lossPercent) / (lossPercent / burstRatio + robustness);
}
