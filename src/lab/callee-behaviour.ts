// What the person at the other end of a simulated gateway's call does, as data; chosen by the number that was called.
import { ringback, speak } from './speech.js';

export interface CalleeBehaviour {
  /** The gateway sends 100 at once; without it the gateway is silent until it rings or ends the call. */
  readonly tries: boolean;
  /** Milliseconds from the INVITE to 180, or to 183 with `earlyMedia`; undefined: never rings. */
  readonly ringsAfterMs?: number;
  /** Audio sent with a 183 before the answer. */
  readonly earlyMedia?: Int16Array;
  /** The final response, milliseconds after the INVITE; undefined: none ever comes. */
  readonly final?: { readonly status: number; readonly afterMs: number; readonly reason?: string };
  /** Audio said after the answer, over and over. Without it the call has no RTP of its own and its caller's is discarded. */
  readonly says?: Int16Array;
  /** The callee hangs up this long after the caller's ACK; undefined: waits for the caller to. */
  readonly hangsUpAfterMs?: number;
  /** `end` answers 487; `ignore` goes on as if no CANCEL had come; `answer` answers the call at that very moment. */
  readonly onCancel?: 'end' | 'ignore' | 'answer';
}

/** A call as the gateway sees it, before it answers. */
export interface GatewayRequest {
  readonly port: number;
  readonly number: string;
  /** Counts the INVITEs of this gateway from 0. */
  readonly ordinal: number;
}

export type BehaviourPlan = (request: GatewayRequest) => CalleeBehaviour;

export const refuses = (status: number, afterMs = 20, reason?: string): CalleeBehaviour => ({
  tries: true,
  final: { status, afterMs, ...(reason !== undefined && { reason }) },
});

export const answers = (behaviour: Partial<CalleeBehaviour> & { afterMs?: number } = {}): CalleeBehaviour => {
  const { afterMs = 1200, ...rest } = behaviour;
  return { tries: true, ringsAfterMs: Math.min(300, afterMs / 2), final: { status: 200, afterMs }, ...rest };
};

/** Endings of called numbers that do something other than answer and talk. */
export const NUMBER_ENDINGS: readonly {
  readonly ending: string;
  readonly meaning: string;
  readonly behaviour: CalleeBehaviour;
}[] = [
  { ending: '0486', meaning: 'is busy', behaviour: { ...refuses(486, 900), ringsAfterMs: 300 } },
  { ending: '0480', meaning: 'is switched off', behaviour: refuses(480, 700) },
  { ending: '0404', meaning: 'does not exist', behaviour: refuses(404, 300) },
  { ending: '0603', meaning: 'declines', behaviour: { ...refuses(603, 2500), ringsAfterMs: 300 } },
  { ending: '0503', meaning: 'is refused by every SIM', behaviour: refuses(503) },
  { ending: '0408', meaning: 'is never heard of: the gateway stays silent', behaviour: { tries: false } },
  { ending: '0180', meaning: 'rings and never answers', behaviour: { tries: true, ringsAfterMs: 300 } },
  {
    ending: '0183',
    meaning: 'answers after early media',
    behaviour: { ...answers({ afterMs: 4000, says: speak(183, 8) }), earlyMedia: ringback(6) },
  },
  { ending: '0005', meaning: 'hangs up after 5 s', behaviour: answers({ says: speak(5, 6), hangsUpAfterMs: 5000 }) },
];

/** By the last four digits; any other number rings, answers and talks until the caller hangs up. */
export function behaviourByNumber({ number, port }: GatewayRequest): CalleeBehaviour {
  const known = NUMBER_ENDINGS.find(({ ending }) => number.endsWith(ending));
  return known?.behaviour ?? answers({ says: speak(1000 * port + Number(number.slice(-3)), 8) });
}
