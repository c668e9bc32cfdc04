// Asked once a call, before routing: what the number is, whether this trunk may call it, and whether it may still spend.
// Emergency numbers pass everything (semantics.md, "Emergency and defaults").
import { normaliseCallee } from '../numbers/normalise-callee.js';
import type { NumberClass } from '../numbers/number-class.js';
import { parseMoney } from '../quota/money.js';
import { WindowClock } from '../quota/windows.js';

export interface TrunkPolicy {
  readonly name: string;
  readonly country: string;
  readonly classes: readonly NumberClass[];
  /** Zone in which the day of the spend cap turns. */
  readonly timeZone: string;
  readonly spendCap: false | { readonly perDay: string };
}

export interface AdmittedCallee {
  readonly e164: string;
  readonly national: string;
  readonly numberClass: NumberClass;
}

export type Admission =
  | { readonly ok: true; readonly callee: AdmittedCallee }
  | {
      readonly ok: false;
      readonly reason: 'bad-number' | 'class-not-allowed' | 'spend-cap';
      readonly callee: AdmittedCallee | null;
    };

export interface Policy {
  admit(request: { readonly trunk: { readonly name: string }; readonly dialled: string }): Admission;
}

export interface PolicyOptions {
  readonly trunks: readonly TrunkPolicy[];
  /** Cost of a trunk's settled calls since an instant, as a decimal string: the ledger's. */
  readonly spentBy: (trunk: string, sinceWallMs: number) => string;
  readonly clock: { wallMs(): number };
}

/** The cost of calls that are still live is counted when they end: the cap stops new calls, never a talking one. */
export function createPolicy({ trunks, spentBy, clock }: PolicyOptions): Policy {
  const policies = new Map(
    trunks.map((trunk) => [
      trunk.name,
      {
        trunk,
        days: new WindowClock({ kind: 'day' }, trunk.timeZone),
        cap: trunk.spendCap === false ? null : parseMoney(trunk.spendCap.perDay),
      },
    ]),
  );
  return {
    admit({ trunk: { name }, dialled }) {
      const policy = policies.get(name);
      if (policy === undefined) return { ok: false, reason: 'class-not-allowed', callee: null };
      const { trunk, days, cap } = policy;
      const normalised = normaliseCallee(dialled, trunk);
      if (!normalised.ok) return { ok: false, reason: 'bad-number', callee: null };
      const { e164, national, numberClass } = normalised;
      const callee = { e164, national, numberClass };
      if (numberClass === 'emergency') return { ok: true, callee };
      if (!trunk.classes.includes(numberClass)) return { ok: false, reason: 'class-not-allowed', callee };
      if (cap !== null) {
        const today = days.at(clock.wallMs()).startWallMs;
        if (parseMoney(spentBy(name, today)) >= cap) return { ok: false, reason: 'spend-cap', callee };
      }
      return { ok: true, callee };
    },
  };
}
