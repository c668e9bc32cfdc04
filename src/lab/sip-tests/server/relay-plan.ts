// What the relay between SIPp and the server does with a message: passes it on unless a rule of the case says otherwise.
// Boundary: decides and records; it owns no socket and no timer.
import type { RelayRule } from './server-case.js';

export type Leg = RelayRule['leg'];
export type Side = RelayRule['to'];

export interface SeenMessage {
  readonly leg: Leg;
  readonly to: Side;
  /** `INVITE`, `200 INVITE`. */
  readonly label: string;
  readonly atMs: number;
  readonly text: string;
  readonly isLost: boolean;
}

export interface RelayVerdict {
  /** How often it is sent on at once. */
  readonly copies: 0 | 1 | 2;
  /** When it is sent on again. */
  readonly againAtT1: readonly number[];
  /** Kept until {@link RelayPlan.release} gives it back. */
  readonly isHeld: boolean;
}

const PASS: RelayVerdict = { copies: 1, againAtT1: [], isHeld: false };

interface Hold {
  readonly rule: RelayRule;
  /** The first of the messages that were held. */
  bytes: Buffer | null;
  isOver: boolean;
}

export class RelayPlan {
  readonly seen: SeenMessage[] = [];
  readonly #rules: readonly RelayRule[];
  readonly #applied = new Set<RelayRule>();
  readonly #holds: Hold[];

  constructor(rules: readonly RelayRule[]) {
    this.#rules = rules;
    this.#holds = rules
      .filter((rule) => rule.heldUntil !== undefined)
      .map((rule) => ({ rule, bytes: null, isOver: false }));
  }

  /** Takes a message that came from the other side of `to`. */
  take(leg: Leg, to: Side, bytes: Buffer, atMs: number): RelayVerdict {
    const text = bytes.toString('latin1');
    const label = labelOf(text);
    const nth = this.seen.filter((other) => other.leg === leg && other.to === to && other.label === label).length + 1;
    const isMeant = (rule: RelayRule): boolean => rule.leg === leg && rule.to === to && rule.message === label;
    const rule = this.#rules.find((candidate) => isMeant(candidate) && candidate.nth === nth);
    if (rule !== undefined) this.#applied.add(rule);
    this.seen.push({ leg, to, label, atMs, text, isLost: rule?.isLost ?? false });
    const hold = this.#holds.find((candidate) => !candidate.isOver && isMeant(candidate.rule));
    if (hold !== undefined) {
      hold.bytes ??= bytes;
      return { copies: 0, againAtT1: [], isHeld: true };
    }
    if (rule === undefined) return PASS;
    return { copies: rule.isLost ? 0 : rule.isTwice ? 2 : 1, againAtT1: rule.againAtT1, isHeld: false };
  }

  /** What was held and may go on now that `label` has come on `leg` towards `to`: each with its own direction. */
  release(leg: Leg, to: Side, label: string): { readonly to: Side; readonly bytes: Buffer }[] {
    return this.#holds.flatMap((hold) => {
      const { rule, bytes, isOver } = hold;
      if (isOver || bytes === null || rule.leg !== leg || rule.to === to || rule.heldUntil !== label) return [];
      hold.isOver = true;
      return [{ to: rule.to, bytes }];
    });
  }

  /** Rules that never met their message: such a case has shown nothing. */
  unmet(): string[] {
    return this.#rules
      .filter((rule) => !this.#applied.has(rule))
      .map(
        ({ leg, to, message, nth }) =>
          `the relay has not seen ${message} number ${nth} to the ${to} on the ${leg}'s leg`,
      );
  }
}

/** The method, or status and method of a response. */
export function labelOf(text: string): string {
  const status = /^SIP\/2\.0 (\d{3})/.exec(text)?.[1];
  if (status === undefined) return text.slice(0, text.indexOf(' '));
  return `${status} ${/^CSeq[ \t]*:[ \t]*\d+[ \t]+(\w+)/im.exec(text)?.[1] ?? '?'}`;
}
