// What a call's record says of its transfers.

export interface TransferRecord {
  /** When it was asked for, wall milliseconds. */
  readonly atMs: number;
  /** `attended`: with a call that the transferor had already (Replaces). */
  readonly kind: 'blind' | 'attended';
  /** Who did it; `gateway`: it was passed on, and what became of it afterwards is not known here. */
  readonly by: 'simtrunk' | 'gateway';
  /** As the transferor named it; of an INVITE with Replaces, who took its place. */
  readonly target: string;
  /** The other call here that it was connected with; null for somebody at the PBX. */
  readonly callId: string | null;
  /** Final status of what was asked for: 200 when it was done; null while it is under way. */
  readonly sipStatus: number | null;
}

/** A peer that asks for more of them gets the latest ones kept. */
const MAX_TRANSFERS = 32;

export function withTransfer(
  transfers: readonly TransferRecord[],
  transfer: TransferRecord,
): readonly TransferRecord[] {
  return [...transfers, transfer].slice(-MAX_TRANSFERS);
}
