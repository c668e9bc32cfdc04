// A destination of CDRs. Delivery is at least once: a sink must take the same callId and revision twice.
import type { Cdr } from './cdr.js';

export interface Sink {
  /** Unique among the sinks of a config; the key of its acknowledgements. */
  readonly name: string;
  /** Resolves when every record is safe at the destination; rejects when any may not be. */
  write(records: readonly Cdr[]): Promise<void>;
  close(): Promise<void>;
}
