// Playing into a leg of a session at rtpengine, which sends what it plays beside what the other side says, as a stream of its own.
// So that one alone is heard the other is not passed on meanwhile, nor copied. rtpengine does not tell when it has played to the
// end: it is told here, after the length of what was played.
import type { MediaEvent, PlayRequest } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type { EngineCall } from './engine-call.js';
import { playableOf } from './play-audio.js';

/** rtpengine repeats so often and no more; ten days of a two-second tone. */
const FOR_EVER = 500_000;

interface Playing {
  readonly playId: string;
  readonly side: Side;
  readonly isAlone: boolean;
  timer: ClockTimer | null;
}

/** The session that is played into. */
export interface PlayedSession {
  tell(event: MediaEvent): void;
  /** Whether the sides have audio. */
  hasAudio(): boolean;
  /** What this side says was not passed for a while, and is again from now on. */
  heardAgain(side: Side): void;
}

export class SessionPlayer {
  readonly #call: EngineCall;
  readonly #clock: Clock;
  readonly #session: PlayedSession;
  readonly #playing = new Map<string, Playing>();
  #nextPlay = 1;

  constructor(call: EngineCall, clock: Clock, session: PlayedSession) {
    this.#call = call;
    this.#clock = clock;
    this.#session = session;
  }

  play(prefix: string, side: Side, { source, loop = false, mode }: PlayRequest): string {
    const playing = { playId: `${prefix}${this.#nextPlay++}`, side, isAlone: mode === 'replace', timer: null };
    // rtpengine plays one thing to a side: what comes later takes its place.
    for (const earlier of [...this.#playing.values()]) if (earlier.side === side) this.#settle(earlier, 'stopped');
    this.#playing.set(playing.playId, playing);
    void this.#start(playing, source, loop);
    return playing.playId;
  }

  stop(playId: string): void {
    const playing = this.#playing.get(playId);
    if (playing === undefined) return;
    this.#settle(playing, 'stopped');
    void this.#call.stopPlaying(playing.side);
  }

  /** The session has ended, and all playing with it. */
  end(): void {
    for (const playing of this.#playing.values()) playing.timer?.cancel();
    this.#playing.clear();
  }

  async #start(playing: Playing, source: PlayRequest['source'], loop: boolean): Promise<void> {
    const playable = await playableOf(source);
    if (!this.#playing.has(playing.playId)) return;
    if (playable === null || !this.#session.hasAudio()) return this.#settle(playing, 'failed');
    const isEndless = loop || playable.isEndless;
    const started = await this.#call.play(playing.side, playable.wav, isEndless ? FOR_EVER : 1);
    if (!this.#playing.has(playing.playId)) return;
    if (!started.ok) return this.#settle(playing, 'failed');
    if (playing.isAlone) void this.#call.setHeard(otherOf(playing.side), false);
    if (!isEndless) {
      playing.timer = this.#clock.after(playable.durationMs, () => this.#settle(playing, 'finished'));
    }
  }

  #settle(playing: Playing, end: 'finished' | 'stopped' | 'failed'): void {
    playing.timer?.cancel();
    if (!this.#playing.delete(playing.playId)) return;
    if (playing.isAlone && end !== 'failed') {
      this.#session.heardAgain(otherOf(playing.side));
      void this.#call.setHeard(otherOf(playing.side), true);
    }
    this.#session.tell({ type: 'played', playId: playing.playId, end });
  }
}

function otherOf(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}
