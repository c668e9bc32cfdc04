// What is noticed of a session's sides by looking at the engine's counters from time to time, and by what is told of them.
import type { MediaEvent, MediaRemote } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import type { Clock } from '../../lib/clock.js';
import { SilenceMeter } from '../relay/silence-meter.js';
import type { SideAudio, SideCounters, SideHistory, ToldFigures } from './session-report.js';
import { isSupplementary } from './side-description.js';

const DEFAULT_PACKET_MS = 20;
/** Whoever sends more keys nothing in by hand. */
const MAX_KEPT_DIGITS = 256;

interface WatchedSide {
  readonly silence: SilenceMeter;
  packets: number;
  errors: number;
  /** A packet came, whoever sent it. */
  lastPacketMs: number | null;
  firstHeardWallMs: number | null;
  source: string | null;
  told: ToldFigures | null;
  audio: SideAudio | null;
  faxPackets: number;
  transcoded: number;
  dtmfEvents: number;
  digits: string;
}

export class SessionWatch {
  readonly #clock: Clock;
  readonly #keepsDigits: boolean;
  readonly #sides: Readonly<Record<Side, WatchedSide>>;

  constructor(clock: Clock, keepsDigits: boolean, tell: (event: MediaEvent) => void) {
    this.#clock = clock;
    this.#keepsDigits = keepsDigits;
    this.#sides = { caller: watched('caller', tell), callee: watched('callee', tell) };
  }

  /** From now on a silence of so long is told; null for never. */
  watchSilence(afterMs: number | null): void {
    for (const { silence } of Object.values(this.#sides)) silence.watch(afterMs, this.#clock.monotonicMs());
  }

  /** Whether the side should send, and what; null while that is not known. A side without audio keeps what it had. */
  expect(side: Side, remote: MediaRemote | null): void {
    const seen = this.#sides[side];
    seen.silence.expect(remote !== null && remote.isSilent !== true, this.#clock.monotonicMs());
    const codec = remote?.codecs.find((each) => !isSupplementary(each));
    if (codec !== undefined) seen.audio = { codecName: codec.name, packetMs: remote?.ptimeMs ?? DEFAULT_PACKET_MS };
  }

  /** What the engine has counted of the side, null when it does not say; `isFax`: since the last time its packets were no audio. */
  see(side: Side, counters: SideCounters | null, isFax: boolean): void {
    const seen = this.#sides[side];
    const nowMs = this.#clock.monotonicMs();
    const more = counters === null ? 0 : Math.max(0, counters.packets - seen.packets);
    const moreErrors = counters === null ? 0 : Math.max(0, counters.errors - seen.errors);
    // rtpengine counts what it drops, as of strangers, among packets and errors. But errors are also payload types that it passes
    // all the same, and packets that could not be sent to the side: enough to tell of a silence, not to end a call for.
    const isHeard = more > moreErrors;
    if (more > 0) seen.lastPacketMs = nowMs;
    if (!isHeard) seen.silence.tick(nowMs);
    if (counters === null) return;
    seen.packets += more;
    seen.errors += moreErrors;
    if (isFax) seen.faxPackets += more;
    else if (counters.isTranscoding) seen.transcoded += more;
    seen.told = counters.told ?? seen.told;
    const { codecName } = counters;
    if (seen.audio !== null && codecName !== null && !isSupplementary({ name: codecName })) {
      seen.audio = { codecName, packetMs: seen.audio.packetMs };
    }
    if (!isHeard) return;
    seen.source ??= counters.endpoint;
    seen.firstHeardWallMs ??= this.#clock.wallMs();
    seen.silence.heard(nowMs);
  }

  /** Counts what is told of a side. */
  count(event: MediaEvent): void {
    if (event.type !== 'dtmf') return;
    const seen = this.#sides[event.side];
    seen.dtmfEvents += 1;
    if (seen.digits.length < MAX_KEPT_DIGITS) seen.digits += event.event;
  }

  history(side: Side): SideHistory {
    const { silence, firstHeardWallMs, lastPacketMs, digits, source, told, audio, ...counted } = this.#sides[side];
    const nowMs = this.#clock.monotonicMs();
    return {
      lastPacketAgeMs: lastPacketMs === null ? null : nowMs - lastPacketMs,
      firstPacketWallMs: firstHeardWallMs,
      source,
      told,
      audio,
      faxPackets: counted.faxPackets,
      transcoded: counted.transcoded,
      silentMs: Math.round(silence.silentMs(nowMs)),
      dtmfEvents: counted.dtmfEvents,
      dtmfDigits: this.#keepsDigits ? digits : null,
    };
  }
}

function watched(side: Side, tell: (event: MediaEvent) => void): WatchedSide {
  const silence = new SilenceMeter({
    silent: (silentMs) => tell({ type: 'silent', side, silentMs }),
    heard: () => tell({ type: 'heard', side }),
  });
  return {
    silence,
    packets: 0,
    errors: 0,
    lastPacketMs: null,
    firstHeardWallMs: null,
    source: null,
    told: null,
    audio: null,
    faxPackets: 0,
    transcoded: 0,
    dtmfEvents: 0,
    digits: '',
  };
}
