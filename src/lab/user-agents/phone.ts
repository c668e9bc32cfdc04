// A telephone that we have not written, as its user has it: it says what is in a file, and keeps what it hears in another.

/** In a dialog with one other party at most. */
export interface Phone {
  /** Calls a SIP URI. */
  dial(uri: string): void;
  hold(): void;
  resume(): void;
  press(digit: string): void;
  hangUp(): void;
  isTalking(): boolean;
  /** Whether the other party has agreed to its hold. */
  isHolding(): boolean;
  /** Keys that the other party pressed. */
  keysHeard(): string;
  /** What it heard in its latest call so far, 8 kHz. While it is in the call the last moments may be missing. */
  heard(): Int16Array;
  log(): string;
  /** Ends it without a word to anybody but its registrar. Idempotent. */
  close(): Promise<void>;
}
