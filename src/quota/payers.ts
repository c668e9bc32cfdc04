// Whose caps count a call, as the ledger names them.

export interface PayingCall {
  readonly trunk: { readonly name: string };
  /** The PBX user of the call; null when unknown. */
  readonly agent: string | null;
  /** The trunk's, or that of the API's caller; null for none. */
  readonly account: string | null;
}

/** Its trunk, its agent, its account. A trunk's name has no "/", so that two agents never share one. */
export function payersOf({ trunk, agent, account }: PayingCall): readonly string[] {
  return [
    `trunk:${trunk.name}`,
    ...(agent === null ? [] : [`agent:${trunk.name}/${agent}`]),
    ...(account === null ? [] : [`account:${account}`]),
  ];
}

/** The allowance of a trunk's caps that its daily spend cap is. */
export const SPEND_CAP_ID = 'spend-day';
