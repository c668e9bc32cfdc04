// A reservation that is not finished: it keeps its channel busy, and holds of its SIM and of who pays.
import type { ReserveRequest } from '../quota/ledger.js';
import type { Hold, MessageLoad, MessageRequest } from '../quota/usage.js';
import type { UsageBook } from '../quota/usage-book.js';
import type { PayerHold } from './payer-books.js';

export interface Live {
  readonly request: ReserveRequest;
  /** By whose terms it was granted its time, also when others hold for its SIM by now; undefined for a SIM without a plan. */
  readonly book: UsageBook | undefined;
  readonly hold: Hold;
  readonly payerHolds: readonly PayerHold[];
  /** Whether it counts as an attempt by itself: not when its settlement does, nor when no INVITE left. */
  tried: boolean;
  /** Charged, but its channel is still in use. */
  settled: boolean;
}

/** Another answer of its INVITE, under an id of its own: charged beside it, by the same terms. */
export function furtherAnswerOf(live: Live, answerId: string): Live {
  return { ...live, request: { ...live.request, reservationId: answerId } };
}

export function messageRequestOf(
  { callee, numberClass, wallMs }: Pick<ReserveRequest, 'callee' | 'numberClass' | 'wallMs'>,
  { kind, count }: MessageLoad,
): MessageRequest {
  return { kind, count, callee, numberClass, wallMs };
}
