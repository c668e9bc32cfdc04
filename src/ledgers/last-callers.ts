// Who called a callee last: the trunk and the agent that a call back goes to. Computed from history, as usage is, so that it
// survives a restart. Bounded as the memory of callees is: beyond a million the longest not called are forgotten.
import { numberOf } from '../numbers/e164-number.js';
import type { LastCall } from '../quota/ledger.js';
import { CalleeTable } from './callee-table.js';

const MAX_CALLEES = 1_000_000;
/** Trunks name their agents themselves: beyond so many only the trunk is remembered. */
const MAX_NAMES = 100_000;
const AGENT = 'agent:';
const TRUNK = 'trunk:';

// Of a cell's numbers: when the callee was called, and the number of who did.
const CALLED = 1;
const WHO = 2;

export class LastCallers {
  readonly #table: CalleeTable;
  /** Payers, as the ledger names them: `agent:TRUNK/USER` or `trunk:NAME`. */
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  #latestWallMs = 0;

  constructor(maxCallees = MAX_CALLEES) {
    this.#table = new CalleeTable(
      maxCallees,
      (slot) => this.#latestWallMs - this.#table.number(slot, CALLED),
      () => {},
    );
  }

  /** An INVITE has gone to the callee. What is no E.164 number calls nobody back. */
  note(callee: string, trunk: string, payers: readonly string[], wallMs: number): void {
    const key = numberOf(callee);
    if (key === 0) return;
    const found = this.#table.find(key);
    const slot = found < 0 ? this.#table.add(key) : found;
    // Attempts end in another order than they began.
    if (wallMs < this.#table.number(slot, CALLED)) return;
    if (wallMs > this.#latestWallMs) this.#latestWallMs = wallMs;
    const agent = payers.find((payer) => payer.startsWith(AGENT));
    this.#table.setNumber(slot, CALLED, wallMs);
    this.#table.setNumber(slot, WHO, this.#numberOf(agent, trunk));
  }

  find(callee: string, sinceWallMs: number): LastCall | undefined {
    const key = numberOf(callee);
    const slot = key === 0 ? -1 : this.#table.find(key);
    if (slot < 0) return undefined;
    const wallMs = this.#table.number(slot, CALLED);
    const name = this.#names[this.#table.number(slot, WHO)];
    if (name === undefined || wallMs < sinceWallMs) return undefined;
    if (name.startsWith(TRUNK)) return { trunk: name.slice(TRUNK.length), agent: null, wallMs };
    // A trunk's name has no slash; an agent's may.
    const slash = name.indexOf('/');
    return { trunk: name.slice(AGENT.length, slash), agent: name.slice(slash + 1), wallMs };
  }

  #numberOf(agent: string | undefined, trunk: string): number {
    if (agent !== undefined) {
      const known = this.#numbers.get(agent);
      if (known !== undefined) return known;
      if (this.#names.length < MAX_NAMES) return this.#add(agent);
    }
    const name = `${TRUNK}${trunk}`;
    return this.#numbers.get(name) ?? this.#add(name);
  }

  #add(name: string): number {
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }
}
