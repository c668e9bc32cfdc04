// The fork of a session: copies that its engine sends, and the thread that takes them. It begins and ends at the taps at once,
// whatever the engine does; what the engine was asked for follows the sides' codecs.
import type { MediaCodec } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import type { Logger } from '../../lib/logger.js';
import type { Engine } from './engine.js';
import type { EngineCall } from './engine-call.js';
import { answerFork, forkCodecs } from './fork-description.js';
import type { ForkReport } from './fork-messages.js';
import type { ForkThread } from './fork-thread.js';

export interface ForkSettings {
  /** Address that engines send copies to; its port is the fork thread's. */
  readonly forkAddress: string;
  readonly forks: () => ForkThread;
  readonly log: Logger;
}

export interface ForkRequest {
  readonly recordingId: string;
  readonly taps?: readonly string[];
}

let nextFork = 1;

export class SessionFork {
  /** Its number at the fork thread. */
  readonly id = nextFork++;
  readonly #settings: ForkSettings;
  readonly #engine: Engine;
  readonly #call: EngineCall;
  readonly #request: ForkRequest;
  /** What the engine was asked for and has taken; null when nothing. */
  #asked: string | null = null;
  #hasEnded = false;

  constructor(settings: ForkSettings, engine: Engine, call: EngineCall, request: ForkRequest) {
    this.#settings = settings;
    this.#engine = engine;
    this.#call = call;
    this.#request = request;
    this.begin();
  }

  /** Begins at the fork thread, also at one that was started again. */
  begin(): void {
    this.#asked = null;
    this.#settings.forks().begin(this.id, this.#request.recordingId, this.#request.taps);
  }

  /** Asks the engine for copies, or for others when a side's codecs have changed. */
  async sync(codecs: Readonly<Record<Side, readonly MediaCodec[]>>): Promise<void> {
    const asking = JSON.stringify([codecs, this.#call.tagOf('callee')]);
    if (this.#hasEnded || this.#asked === asking) return;
    const { forkAddress, forks } = this.#settings;
    const offered = await this.#call.requestFork(forkCodecs(codecs));
    if (!offered.ok) return this.#fail(offered.detail);
    const thread = forks();
    const answer = answerFork(offered.sdp, codecs, { address: forkAddress, port: thread.port });
    if (answer === null) return this.#fail('its offer cannot be read');
    thread.expect(this.id, answer.sources, this.#engine.address);
    const answered = await this.#call.answerFork(answer.sdp);
    if (answered.ok) this.#asked = asking;
    else this.#fail(answered.detail);
  }

  /** What a side sends was not copied for a while, and is again from now on. */
  interrupt(side: Side): void {
    this.#settings.forks().interrupt(this.id, side);
  }

  /** Null when the fork thread does not say. */
  report(): Promise<ForkReport | null> {
    return this.#settings.forks().report(this.id);
  }

  /** Ends at the taps; resolves with what was received. */
  end(): Promise<ForkReport | null> {
    this.#hasEnded = true;
    const last = this.report();
    this.#settings.forks().end(this.id);
    return last;
  }

  /** Ends at the engine, which may have begun. */
  async endAtEngine(): Promise<void> {
    if (this.#asked !== null) await this.#call.endFork();
  }

  #fail(cause: string): void {
    const { callId } = this.#call;
    this.#settings.log.error({ alarm: 'fork', rtpengineCall: callId, cause }, 'rtpengine does not fork a call');
  }
}
