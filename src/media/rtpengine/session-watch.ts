// What is noticed of a session's sides by looking at the engine's counters from time to time, and by what is told of them.
import type { MediaEvent } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import type { Clock } from '../../lib/clock.js';
import { SilenceMeter } from '../relay/silence-meter.js';
import type { SideHistory } from './session-report.js';

interface WatchedSide {
  readonly silence: SilenceMeter;
  packets: number;
  firstHeardWallMs: number | null;
  lastHeardMs: number | null;
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

  /** Whether the side should send. */
  expect(side: Side, shouldSend: boolean): void {
    this.#sides[side].silence.expect(shouldSend, this.#clock.monotonicMs());
  }

  /** How many packets of the side the engine has counted. */
  see(side: Side, packets: number): void {
    const seen = this.#sides[side];
    const nowMs = this.#clock.monotonicMs();
    if (packets > seen.packets) {
      seen.firstHeardWallMs ??= this.#clock.wallMs();
      seen.lastHeardMs = nowMs;
      seen.silence.heard(nowMs);
    } else {
      seen.silence.tick(nowMs);
    }
    // Fewer when the callee side has begun anew.
    seen.packets = packets;
  }

  /** Counts what is told of a side. */
  count(event: MediaEvent): void {
    if (event.type === 'dtmf') this.#sides[event.side].digits += event.event;
  }

  history(side: Side): SideHistory {
    const { silence, firstHeardWallMs, lastHeardMs, digits } = this.#sides[side];
    const nowMs = this.#clock.monotonicMs();
    return {
      lastPacketAgeMs: lastHeardMs === null ? null : nowMs - lastHeardMs,
      firstPacketWallMs: firstHeardWallMs,
      silentMs: Math.round(silence.silentMs(nowMs)),
      dtmfEvents: digits.length,
      dtmfDigits: this.#keepsDigits ? digits : null,
    };
  }
}

function watched(side: Side, tell: (event: MediaEvent) => void): WatchedSide {
  const silence = new SilenceMeter({
    silent: (silentMs) => tell({ type: 'silent', side, silentMs }),
    heard: () => tell({ type: 'heard', side }),
  });
  return { silence, packets: 0, firstHeardWallMs: null, lastHeardMs: null, digits: '' };
}
