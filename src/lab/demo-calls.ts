// The four calls of `simtrunk demo`: what a PBX does, how the callee behaves, and how each call has to end.
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, type CalleeBehaviour, refuses } from './callee-behaviour.js';
import type { SoftphoneCall } from './softphone.js';
import { speak } from './speech.js';

export interface DemoCall {
  readonly name: 'answered' | 'busy-sim' | 'caller-cancels' | 'callee-hangs-up';
  readonly title: string;
  readonly number: string;
  /** What the caller says from the moment there is media. */
  readonly callerSays: Int16Array;
  /** How the gateway behaves at the first INVITE of this call, the second, and so on. */
  readonly attempts: readonly CalleeBehaviour[];
  /** What the PBX does. */
  act(call: SoftphoneCall): Promise<void>;
  readonly ends: {
    /** Status that the PBX gets. */
    readonly status: number;
    readonly endedBy: 'caller' | 'callee';
    readonly reason: string;
    /** Final status of each attempt, in order. */
    readonly attempts: readonly number[];
  };
}

/** The callee of the second call is called again last: by the same SIM, and no new callee of its plan. */
const CALLED_AGAIN = '01055550102';

const hangUpAfter =
  (seconds: number) =>
  async (call: SoftphoneCall): Promise<void> => {
    if (await call.answered) await sleep(seconds * 1000);
    call.hangUp();
  };

export const DEMO_CALLS: readonly DemoCall[] = [
  {
    name: 'answered',
    title: 'A call that is answered',
    number: '01055550101',
    callerSays: speak(101, 6),
    attempts: [answers({ says: speak(201, 6) })],
    act: hangUpAfter(4.5),
    ends: { status: 200, endedBy: 'caller', reason: 'normal', attempts: [200] },
  },
  {
    name: 'busy-sim',
    title: 'A SIM that is busy: the next one takes the call',
    number: CALLED_AGAIN,
    callerSays: speak(102, 5),
    attempts: [refuses(503, 150), answers({ says: speak(202, 5) })],
    act: hangUpAfter(3.2),
    ends: { status: 200, endedBy: 'caller', reason: 'normal', attempts: [503, 200] },
  },
  {
    name: 'caller-cancels',
    title: 'A caller who gives up while it rings',
    number: '01055550103',
    callerSays: speak(103, 3),
    attempts: [{ tries: true, ringsAfterMs: 300 }],
    act: async (call) => {
      await call.ringing;
      await sleep(1500);
      call.hangUp();
    },
    ends: { status: 487, endedBy: 'caller', reason: 'caller-cancelled', attempts: [487] },
  },
  {
    name: 'callee-hangs-up',
    title: 'A callee called before, who hangs up',
    number: CALLED_AGAIN,
    callerSays: speak(104, 5),
    attempts: [answers({ says: speak(204, 5), hangsUpAfterMs: 3400 })],
    act: async () => undefined,
    ends: { status: 200, endedBy: 'callee', reason: 'normal', attempts: [200] },
  },
];
