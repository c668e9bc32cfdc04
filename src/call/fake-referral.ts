// A double of a REFER: it notes what the transferor is told.
import type { DialogName, Referral, ReferTarget } from './ports-dialog.js';

export class FakeReferral implements Referral {
  readonly target: ReferTarget;
  readonly replaces: DialogName | null;
  readonly referredBy = null;
  readonly told: string[] = [];

  constructor(to: { user: string; uri?: string; place?: ReferTarget['place']; replaces?: DialogName }) {
    this.target = { user: to.user, uri: to.uri ?? `sip:${to.user}@simtrunk.example`, place: to.place ?? 'here' };
    this.replaces = to.replaces ?? null;
  }

  accept(): void {
    this.told.push('202');
  }

  refuse(status: number): void {
    this.told.push(`refused ${status}`);
  }

  progress(status: number): void {
    this.told.push(`NOTIFY ${status}`);
  }
}
