// The steps that end reservations, and their charges: a repeated step waits for the first one and has its outcome.
import type { Charge } from '../quota/ledger.js';
import { type RowSource, readSettlement } from './ledger-tables.js';

/** Charges kept to answer a repeated settlement; older ones are looked up in the journal. */
const MAX_KEPT_CHARGES = 10_000;

export class ReservationEnds {
  readonly #rows: RowSource;
  /** Steps under way, by reservation. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #charges = new Map<string, Charge>();

  constructor(rows: RowSource) {
    this.#rows = rows;
  }

  /** The step that ends a reservation now, if there is one. */
  of(reservationId: string): Promise<unknown> | undefined {
    return this.#underWay.get(reservationId);
  }

  begin<T>(reservationId: string, step: Promise<T>): Promise<T> {
    this.#underWay.set(reservationId, step);
    return step.finally(() => {
      if (this.#underWay.get(reservationId) === step) this.#underWay.delete(reservationId);
    });
  }

  keep(charge: Charge): void {
    this.#charges.set(charge.reservationId, charge);
    if (this.#charges.size <= MAX_KEPT_CHARGES) return;
    for (const oldest of this.#charges.keys()) {
      this.#charges.delete(oldest);
      return;
    }
  }

  /** The charge of a step that has been taken, if it is not too long ago. */
  known(reservationId: string): Charge | undefined {
    return this.#charges.get(reservationId);
  }

  /** @throws Error for a reservation that was never settled */
  async chargeOf(reservationId: string): Promise<Charge> {
    const charge = this.#charges.get(reservationId) ?? (await readSettlement(this.#rows, reservationId));
    if (charge === undefined) throw new Error(`Reservation ${reservationId} is unknown, or was released.`);
    return charge;
  }
}
