// How long a ledger waits for the journal.
import type { Journal } from '../journal/journal.js';

/** Waits for a commit, but not through a stall of the journal. */
export async function unlessStalled<T>(journal: Journal, committed: Promise<T>): Promise<T | 'stalled'> {
  if (journal.isStalled) return 'stalled';
  let stopListening = () => {};
  const stalled = new Promise<'stalled'>((resolve) => {
    stopListening = journal.events.on('journal:stalled', () => resolve('stalled'));
  });
  try {
    return await Promise.race([committed, stalled]);
  } finally {
    stopListening();
  }
}
