// What a start does with the reservations of the process before it, as recovery does for calls.
import type { Charge, Ledger } from '../../quota/ledger.js';

/** Ends every orphan: answered ones are charged up to their last slice. */
export async function recoverOrphans(ledger: Ledger, settled: (charge: Charge) => void): Promise<void> {
  for (const orphan of ledger.orphans()) {
    const { reservationId, answeredWallMs, coveredUntilWallMs } = orphan;
    if (orphan.settled) await ledger.vacate(reservationId);
    else if (answeredWallMs === null) await ledger.release(reservationId, { invited: true });
    else {
      const durationMs = (coveredUntilWallMs ?? answeredWallMs) - answeredWallMs;
      settled(await ledger.settle({ reservationId, answeredWallMs, durationMs, estimated: true, channelInUse: false }));
    }
  }
}
