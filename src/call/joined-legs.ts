// Two calls whose callers have been transferred to each other: in each of them one of these stands for its caller, whose other side
// is the other call. What one call says to its caller, the other one hears from its own.
import type { Logger } from '../lib/logger.js';
import type { CallerLeg, CallerLegListener, ReofferAnswer } from './ports.js';
import type { DialogMessage, MessageAnswered } from './ports-dialog.js';

/** Of a call that is placed for a transfer: what becomes of it. */
export interface JoinSetup {
  progressed(status: number): void;
  /** It was answered, with this description for its caller; false when the other call cannot be joined with it (any more). */
  connect(sdp: string): boolean;
  refused(status: number): void;
}

export class JoinedLeg implements CallerLeg {
  /** There is no dialog behind it: after a crash the legs of both calls' callees are ended, and that is all there is. */
  readonly identity = null;
  readonly #log: Logger;
  readonly #setup: JoinSetup | null;
  #other: JoinedLeg | undefined;
  #listener: CallerLegListener | undefined;
  #isConnected: boolean;
  #isOver = false;
  /** The other call ended while this one was being told that it is connected. */
  #endsAtOnce = false;

  private constructor(log: Logger, setup: JoinSetup | null) {
    this.#log = log;
    this.#setup = setup;
    this.#isConnected = setup === null;
  }

  /** The first is for the call that goes on, the second for the one that joins it; with `setup`, for one that is to be placed. */
  static pair(log: Logger, setup: JoinSetup | null = null): readonly [JoinedLeg, JoinedLeg] {
    const [first, second] = [new JoinedLeg(log, null), new JoinedLeg(log, setup)];
    first.#other = second;
    second.#other = first;
    return [first, second];
  }

  listen(listener: CallerLegListener): void {
    this.#listener = listener;
  }

  ring(): void {
    this.#setup?.progressed(180);
  }

  progress(status: number): void {
    this.#setup?.progressed(status);
  }

  connect(sdp: string): void {
    const isJoined = !this.#isOver && this.#setup?.connect(sdp) === true;
    // As a leg with a dialog does, it tells later: its call is in the midst of a step.
    queueMicrotask(() => this.#tell((listener) => this.#connected(listener, isJoined)));
  }

  refuse(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#setup?.refused(status);
  }

  /** The other call has no caller any more. */
  hangUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#other?.end();
    // As the answer to a BYE.
    queueMicrotask(() => this.#tell((listener) => listener.cleared?.()));
  }

  /** What the other side of this leg is gone for, before it was answered. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell((listener) => listener.cancelled());
  }

  /** A fax, or whatever else one call wants of its caller in mid-call, is not passed on to the other. */
  reoffer(_sdp: string, answered: (answer: ReofferAnswer) => void): void {
    answered({ status: 488, sdp: null });
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    const other = this.#other;
    const listener = other === undefined ? undefined : other.#listener;
    if (this.#isOver || listener === undefined) {
      answered(481);
      return;
    }
    const contentType = message.headers['Content-Type']?.split(';')[0]?.trim().toLowerCase() || null;
    listener.messaged({ ...message, contentType, answer: answered });
  }

  /** The other call ended its side. */
  private end(): void {
    if (this.#isOver) return;
    if (!this.#isConnected) {
      this.#endsAtOnce = true;
      return;
    }
    this.#isOver = true;
    this.#tell((listener) => listener.hungUp('bye'));
  }

  #connected(listener: CallerLegListener, isJoined: boolean): void {
    if (!isJoined) {
      this.#isOver = true;
      listener.connectFailed();
      return;
    }
    this.#isConnected = true;
    listener.connected();
    if (this.#endsAtOnce) this.end();
  }

  #tell(say: (listener: CallerLegListener) => void): void {
    if (this.#listener === undefined) return;
    try {
      say(this.#listener);
    } catch (error) {
      this.#log.error({ alarm: 'defect', err: error }, 'joined call could not be told');
    }
  }
}
