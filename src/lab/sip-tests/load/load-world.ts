// Everything around simtrunk in a load run but SIPp, in a process of its own: the gateways with their callees, and the
// caller's end of the calls with RTP. Started with the plan's file; speaks the messages below over IPC.
import { readFileSync } from 'node:fs';
import { type BehaviourPlan, type CalleeBehaviour, refuses } from '../../callee-behaviour.js';
import { SimulatedGateway } from '../../gateway.js';
import type { GatewayCallRecord, GatewayViolation } from '../../gateway-log.js';
import { tone } from '../../speech.js';
import { CallerTone } from './caller-tone.js';
import type { LoadCall } from './load-plan.js';
import { findTone } from './tone-blocks.js';

export interface WorldOrder {
  readonly gateways: readonly { readonly name: string; readonly simPorts: number }[];
  readonly calls: readonly LoadCall[];
}

export interface WorldReady {
  readonly kind: 'ready';
  readonly gatewayPorts: Readonly<Record<string, number>>;
  /** RTP port of the caller by called number, for calls with RTP. */
  readonly callerPorts: Readonly<Record<string, number>>;
  /** RTP port of every other caller: nothing should arrive here. */
  readonly sinkPort: number;
}

export interface WorldReport {
  readonly kind: 'report';
  readonly calls: readonly (GatewayCallRecord & { readonly gateway: string })[];
  readonly violations: readonly (GatewayViolation & { readonly gateway: string })[];
  /** Epoch milliseconds with fraction of the first INVITE for each number. */
  readonly invitedAtMs: Readonly<Record<string, number>>;
  /** What the caller's end of each call with RTP sent and heard. */
  readonly callers: Readonly<Record<string, { readonly sentPackets: number; readonly calleeShare: number }>>;
}

/** A silent gateway says its last word a second before 64·T1, so that both sides agree when its port is free again. */
const SILENT_FOR_MS = 31_000;
const LATE_ANSWER_MS = 2500;
const ANSWER_MS = 60;

export function behaviourOf(call: LoadCall, attempt: number): CalleeBehaviour {
  const answer: CalleeBehaviour = {
    tries: true,
    ringsAfterMs: 20,
    final: { status: 200, afterMs: ANSWER_MS },
    ...(call.tones !== null && { says: tone(call.tones.calleeHz, 1) }),
    ...(call.kind === 'callee-hangs-up' && { hangsUpAfterMs: call.talkMs }),
  };
  switch (call.kind) {
    case 'busy-callee':
      return { ...refuses(486, ANSWER_MS), ringsAfterMs: 20 };
    case 'declined':
      return { ...refuses(603, ANSWER_MS), ringsAfterMs: 20 };
    case 'busy-sim':
      return attempt === 0 ? refuses(503, 5) : answer;
    case 'silent':
      return attempt === 0 ? { tries: false, final: { status: 503, afterMs: SILENT_FOR_MS } } : answer;
    case 'late-answer':
      return attempt === 0 ? { tries: false, final: { status: 200, afterMs: LATE_ANSWER_MS } } : answer;
    default:
      return answer;
  }
}

async function main(orderFile: string): Promise<void> {
  const order = JSON.parse(readFileSync(orderFile, 'utf8')) as WorldOrder;
  const callOf = new Map(order.calls.map((call) => [call.number, call]));
  const attempts = new Map<string, number>();
  const invitedAtMs: Record<string, number> = {};
  const plan: BehaviourPlan = ({ number }) => {
    const attempt = attempts.get(number) ?? 0;
    attempts.set(number, attempt + 1);
    invitedAtMs[number] ??= performance.timeOrigin + performance.now();
    const call = callOf.get(number);
    return call === undefined ? refuses(404, 0) : behaviourOf(call, attempt);
  };

  const gateways: { name: string; gateway: SimulatedGateway }[] = [];
  for (const { name, simPorts } of order.gateways) {
    gateways.push({ name, gateway: await SimulatedGateway.open({ simPorts, plan }) });
  }
  const callers = new Map<string, CallerTone>();
  for (const { number, tones } of order.calls) {
    if (tones !== null) callers.set(number, await CallerTone.open(tones.callerHz));
  }
  const sink = await CallerTone.open(0);

  process.on('message', (request: 'report' | 'stop') => {
    if (request === 'report') send(report());
    else process.disconnect();
  });
  process.once('disconnect', () => {
    sink.close();
    for (const caller of callers.values()) caller.close();
    for (const { gateway } of gateways) void gateway.close();
  });
  send({
    kind: 'ready',
    gatewayPorts: Object.fromEntries(gateways.map(({ name, gateway }) => [name, gateway.port])),
    callerPorts: Object.fromEntries([...callers].map(([number, caller]) => [number, caller.port])),
    sinkPort: sink.port,
  });

  function report(): WorldReport {
    return {
      kind: 'report',
      calls: gateways.flatMap(({ name, gateway }) => gateway.calls.map((call) => ({ ...call, gateway: name }))),
      violations: gateways.flatMap(({ name, gateway }) =>
        gateway.violations.map((violation) => ({ ...violation, gateway: name })),
      ),
      invitedAtMs,
      callers: Object.fromEntries(
        [...callers].map(([number, caller]) => {
          const calleeShare = findTone(caller.heard(), callOf.get(number)?.tones?.calleeHz ?? 0).share;
          return [number, { sentPackets: caller.sentPackets, calleeShare }];
        }),
      ),
    };
  }
}

function send(message: WorldReady | WorldReport): void {
  process.send?.(message);
}

// Only as a child process: the behaviour of a call is tested without one.
if (process.send !== undefined && process.argv[2] !== undefined) await main(process.argv[2]);
