// A destination of CDRs and of messages' records. Delivery is at least once: a sink must take the same call or message and revision twice.
import type { Cdr } from './cdr.js';
import type { MessageRecord } from './message-record.js';

/** Of a call, or of a text message: told apart by `messageId`, which no call has. */
export type PublishedRecord = Cdr | MessageRecord;

export interface Sink {
  /** Unique among the sinks of a config; the key of its acknowledgements. */
  readonly name: string;
  /** Resolves when every record is safe at the destination; rejects when any may not be. */
  write(records: readonly PublishedRecord[]): Promise<void>;
  close(): Promise<void>;
}

export function isMessageRecord(record: PublishedRecord): record is MessageRecord {
  return 'messageId' in record;
}
