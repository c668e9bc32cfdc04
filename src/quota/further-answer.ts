// What history calls a further answer to an attempt's INVITE: an id that begins with the attempt's and tells that it is no call that
// its channel has placed (docs/decisions/forked-answers.md).

/** In no id of a reservation, which is a UUID. */
export const FURTHER_MARK = '/';

/** The id under which the ledger charges it; counted from 1. */
export function furtherAnswerId(reservationId: string, count: number): string {
  return `${reservationId}${FURTHER_MARK}${count}`;
}

/** Whether a settlement in history is of a further answer. */
export function isFurtherAnswer(reservationId: string): boolean {
  return reservationId.includes(FURTHER_MARK);
}
