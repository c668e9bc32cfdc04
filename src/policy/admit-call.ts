// Asked once a call, before routing: what the number is, and whether this trunk and agent may call it now.
// Emergency numbers pass everything (semantics.md, "Emergency and defaults").
import { normaliseCallee } from '../numbers/normalise-callee.js';
import type { NumberClass } from '../numbers/number-class.js';
import { WindowClock } from '../quota/windows.js';
import { admitMessage, type MessageAdmission } from './admit-message.js';
import { CallLoad, CallRate } from './call-load.js';
import { ZoneClocks } from './calling-hours.js';
import type { DoNotCallList } from './do-not-call.js';
import { POLICY_RULES, type PolicyReason, type PolicySight, type TrunkState } from './rules.js';
import type { TrunkPolicy } from './trunk-policy.js';

export interface AdmittedCallee {
  readonly e164: string;
  readonly national: string;
  readonly numberClass: NumberClass;
}

export type Admission =
  | { readonly ok: true; readonly callee: AdmittedCallee }
  | {
      readonly ok: false;
      readonly reason: 'bad-number' | PolicyReason;
      readonly callee: AdmittedCallee | null;
      /** Which zone, list, payer or limit it is, for people. */
      readonly detail: string;
      /** The cap behind `cap-exhausted`. */
      readonly limit?: { readonly holder: string; readonly allowanceId: string };
    };

export interface PolicyRequest {
  /** Null or left out for a question that no call follows: nothing is counted. */
  readonly callId?: string | null;
  readonly trunk: { readonly name: string };
  /** The PBX user who calls, as the trunk names it; null when unknown. */
  readonly agent?: string | null;
  /** Who pays for a call made through the API. */
  readonly account?: string | null;
  readonly dialled: string;
}

export interface Policy {
  admit(request: PolicyRequest): Admission;
  /** Of a text message. */
  admitMessage(request: Pick<PolicyRequest, 'trunk' | 'dialled'>): MessageAdmission;
  /** The call has reserved a channel: the ledger counts it from now on. Idempotent. */
  placed(callId: string): void;
  /** The call has ended for its caller: it is none of the trunk's calls any more. Idempotent. */
  ended(callId: string): void;
  /** Other rules hold from now on; calls that were admitted are counted on. `lists` as in {@link PolicyOptions}. */
  reconfigure(trunks: readonly TrunkPolicy[], lists: readonly DoNotCallList[]): void;
}

export interface PolicyOptions {
  readonly trunks: readonly TrunkPolicy[];
  readonly ledger: PolicySight['ledger'];
  /** Every list that a trunk names; left out for none. */
  readonly lists?: readonly DoNotCallList[];
  readonly clock: { wallMs(): number; monotonicMs(): number };
}

export function createPolicy({ trunks, ledger, lists = [], clock }: PolicyOptions): Policy {
  const load = new CallLoad();
  const sight: PolicySight = { ledger, load, clocks: new ZoneClocks() };
  let states = statesOf(trunks, lists, new Map());
  return {
    admit({ callId = null, trunk: { name }, agent = null, account = null, dialled }) {
      const trunk = states.get(name);
      if (trunk === undefined) return { ok: false, reason: 'class-not-allowed', callee: null, detail: `trunk ${name}` };
      const normalised = normaliseCallee(dialled, trunk.policy.dialling);
      if (!normalised.ok) return { ok: false, reason: 'bad-number', callee: null, detail: normalised.reason };
      const { e164, national, numberClass } = normalised;
      const callee = { e164, national, numberClass };
      if (numberClass !== 'emergency') {
        const question = { trunk, agent, account, callee, wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
        for (const rule of POLICY_RULES) {
          const refusal = rule(question, sight);
          if (refusal !== null) return { ok: false, callee, ...refusal };
        }
        if (callId !== null) trunk.rate?.note(question.monotonicMs);
      }
      if (callId !== null) load.admitted(callId, name, e164);
      return { ok: true, callee };
    },
    admitMessage({ trunk: { name }, dialled }) {
      const trunk = states.get(name);
      if (trunk === undefined) return { ok: false, reason: 'class-not-allowed', callee: null, detail: `trunk ${name}` };
      const normalised = normaliseCallee(dialled, trunk.policy.dialling);
      if (!normalised.ok) return { ok: false, reason: 'bad-number', callee: null, detail: normalised.reason };
      const { e164, national, numberClass } = normalised;
      const callee = { e164, national, numberClass };
      const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
      return admitMessage({ trunk, agent: null, account: null, callee, ...now }, callee, sight);
    },
    placed: (callId) => load.placed(callId),
    ended: (callId) => load.ended(callId),
    reconfigure(next, nextLists) {
      states = statesOf(next, nextLists, states);
    },
  };
}

function statesOf(
  trunks: readonly TrunkPolicy[],
  lists: readonly DoNotCallList[],
  before: ReadonlyMap<string, TrunkState>,
): ReadonlyMap<string, TrunkState> {
  return new Map(
    trunks.map((policy) => {
      const state = stateOf(policy, lists);
      const known = before.get(policy.name);
      const isSameRate = known?.policy.maxCallsPerSecond === policy.maxCallsPerSecond;
      return [policy.name, known !== undefined && isSameRate ? { ...state, rate: known.rate } : state];
    }),
  );
}

/** @throws RangeError for a list that is not there: without it the trunk would call those who are on it. */
function stateOf(policy: TrunkPolicy, lists: readonly DoNotCallList[]): TrunkState {
  return {
    policy,
    days: new WindowClock({ kind: 'day' }, policy.timeZone),
    lists: policy.doNotCall.map((name) => {
      const list = lists.find((candidate) => candidate.name === name);
      if (list === undefined)
        throw new RangeError(`Trunk ${policy.name} names a do-not-call list that is not kept: ${name}`);
      return list;
    }),
    rate: policy.maxCallsPerSecond === null ? null : new CallRate(policy.maxCallsPerSecond),
    messageRate: policy.maxMessagesPerSecond == null ? null : new CallRate(policy.maxMessagesPerSecond),
  };
}
