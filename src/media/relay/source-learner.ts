// Who may send to one of our ports: learns the source of one stream (RTP or RTCP) of one side. Pure: time is given.

/** Better first: (a) the SDP's address and port, (b) its address, (c) the signalling source, (d) configured sources. */
export type SourceClass = 'a' | 'b' | 'c' | 'd';

/** What the side's remote allows. */
export interface AcceptedSources {
  readonly address: string;
  readonly port: number;
  /** Class (c), or null where it does not apply. */
  readonly signallingAddress: string | null;
  /** Class (d). */
  readonly isListed: (address: string) => boolean;
  /** Class (a) alone: what comes late from who was there before would be learned, and answered, by both of two sessions of ours. */
  readonly isExact?: boolean;
}

const LEARNING_MS = 3_000;
const PORT_CHANGE_SILENCE_MS = 2_000;

//   unlearned --packet of class a, b, c or d--> learning --3 s after the first packet--> locked
//   learning  --packet of a better class------> learning (its source replaces the other)
//   learning, locked --2 s of silence, then the same address from another port--> same state, new port
//   any state --another remote address or port--> unlearned
export class SourceLearner {
  /** Where accepted packets come from; null while unlearned. */
  address: string | null = null;
  port = 0;

  #accepted: AcceptedSources | null = null;
  #class: SourceClass = 'd';
  #firstPacketMs = 0;
  #lastPacketMs = 0;

  /** Sets what is accepted. The source is forgotten only when address or port changed. */
  expect(accepted: AcceptedSources | null): void {
    const before = this.#accepted;
    this.#accepted = accepted;
    if (before?.address !== accepted?.address || before?.port !== accepted?.port) this.forget();
  }

  forget(): void {
    this.address = null;
    this.port = 0;
  }

  /** Whether a packet from this source is accepted now; learns from it. */
  accepts(address: string, port: number, nowMs: number): boolean {
    if (port === this.port && address === this.address) {
      this.#lastPacketMs = nowMs;
      return true;
    }
    return this.#acceptsOther(address, port, nowMs);
  }

  #acceptsOther(address: string, port: number, nowMs: number): boolean {
    const sourceClass = this.#classOf(address, port);
    if (sourceClass === null) return false;
    if (this.address === null) {
      this.#firstPacketMs = nowMs;
    } else if (!this.#mayReplace(address, sourceClass, nowMs)) {
      return false;
    }
    this.address = address;
    this.port = port;
    this.#class = sourceClass;
    this.#lastPacketMs = nowMs;
    return true;
  }

  #mayReplace(address: string, sourceClass: SourceClass, nowMs: number): boolean {
    if (nowMs - this.#firstPacketMs <= LEARNING_MS && sourceClass < this.#class) return true;
    return address === this.address && nowMs - this.#lastPacketMs >= PORT_CHANGE_SILENCE_MS;
  }

  #classOf(address: string, port: number): SourceClass | null {
    const accepted = this.#accepted;
    if (accepted === null) return null;
    if (address === accepted.address && port === accepted.port) return 'a';
    if (accepted.isExact === true) return null;
    if (address === accepted.address) return 'b';
    if (address === accepted.signallingAddress) return 'c';
    return accepted.isListed(address) ? 'd' : null;
  }
}
