// Judges a load run by its evidence: calls that went other than planned, and rules that were broken.
// Pure, so that planted faults can show that each rule is able to fail.
import type { CallerSight, GatewaySight, LoadCdr, LoadEvidence } from './load-evidence.js';
import { EXPECTED, type LoadCall } from './load-plan.js';

export interface LoadJudgement {
  /** Calls whose outcome differs from the plan, one sentence each. */
  readonly failed: readonly string[];
  readonly violations: readonly string[];
}

/** A tone carries nearly all of its channel's energy; the other side's tone must not be there. */
const LEAST_TONE_SHARE = 0.9;
const MOST_FOREIGN_SHARE = 0.02;
const LEAST_TONE_SECONDS = 1;
/** Wall times are whole milliseconds on both sides, read a moment after the event. */
const WALL_SLACK_MS = 3;
/** A message that was under way for longer is a fault of its own. */
const MOST_TRANSIT_MS = 2_000;

export function judgeLoad(evidence: LoadEvidence): LoadJudgement {
  const cdrs = latestRevisions(evidence.cdrs);
  return {
    failed: failedCalls(evidence, cdrs),
    violations: [
      ...cdrPerInvite(evidence.callers, cdrs),
      ...evidence.gatewayViolations,
      ...oneCallAtOnce(cdrs, evidence.gateways),
      ...secondsAgree(evidence, cdrs),
      ...allowancesKept(evidence, cdrs),
      ...tonesRecorded(evidence),
      ...(evidence.leakedPorts === 0 ? [] : [`${evidence.leakedPorts} RTP ports are still in use`]),
    ],
  };
}

function latestRevisions(lines: readonly LoadCdr[]): LoadCdr[] {
  const latest = new Map<string, LoadCdr>();
  for (const cdr of lines) {
    const known = latest.get(cdr.callId);
    if (known === undefined || cdr.revision > known.revision) latest.set(cdr.callId, cdr);
  }
  return [...latest.values()];
}

function failedCalls(evidence: LoadEvidence, cdrs: readonly LoadCdr[]): string[] {
  const sightOf = new Map(evidence.callers.map((caller) => [caller.number, caller]));
  const cdrOf = new Map(cdrs.map((cdr) => [cdr.dialled, cdr]));
  return evidence.plan.flatMap((call) => {
    const problem = problemOf(call, sightOf.get(call.number), cdrOf.get(call.number));
    return problem === undefined ? [] : [`${call.number} (${call.kind}): ${problem}`];
  });
}

function problemOf(call: LoadCall, sight: CallerSight | undefined, cdr: LoadCdr | undefined): string | undefined {
  const { sipStatus, attempts } = EXPECTED[call.kind];
  if (sight === undefined) return 'SIPp did not place it';
  if (sight.status !== sipStatus) return `SIPp got ${sight.status ?? 'no final response'}, planned was ${sipStatus}`;
  if (!sight.isEnded) return 'SIPp did not see it end';
  if (cdr === undefined) return 'it has no CDR';
  if (cdr.sipStatus !== sipStatus) return `its CDR says ${cdr.sipStatus}, planned was ${sipStatus}`;
  const planned = attempts.map((attempt) => `${attempt.outcome}${attempt.answeredLate ? ' late' : ''}`).join(', ');
  const happened = cdr.attempts.map((attempt) => `${attempt.outcome}${attempt.answeredLate ? ' late' : ''}`).join(', ');
  if (planned !== happened) return `its attempts were ${happened}, planned was ${planned}`;
  const plannedEnd = call.kind === 'callee-hangs-up' || sipStatus !== 200 ? 'callee' : 'caller';
  if (cdr.endedBy !== plannedEnd) return `ended by ${cdr.endedBy}, planned was ${plannedEnd}`;
  const billed = cdr.attempts.at(-1)?.billedSeconds;
  const plannedSeconds = sipStatus === 200 ? Math.ceil(call.talkMs / 1000) : 0;
  if (billed !== plannedSeconds) return `its last attempt was billed ${billed} s, planned was ${plannedSeconds} s`;
  return undefined;
}

function cdrPerInvite(callers: readonly CallerSight[], cdrs: readonly LoadCdr[]): string[] {
  const count = new Map<string, number>();
  for (const cdr of cdrs) count.set(cdr.sipCallId, (count.get(cdr.sipCallId) ?? 0) + 1);
  const invited = new Set(callers.map((caller) => caller.sipCallId));
  return [
    ...callers.flatMap(({ sipCallId, number }) =>
      count.get(sipCallId) === 1 ? [] : [`${count.get(sipCallId) ?? 0} CDRs for the INVITE to ${number}`],
    ),
    ...[...count.keys()].flatMap((id) => (invited.has(id) ? [] : [`a CDR for an INVITE that was never sent: ${id}`])),
  ];
}

interface Span {
  readonly what: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Twice: by the CDRs' own times, and by the times of the gateways. */
function oneCallAtOnce(cdrs: readonly LoadCdr[], gateways: readonly GatewaySight[]): string[] {
  const byChannel = new Map<string, Span[]>();
  const byPort = new Map<string, Span[]>();
  for (const cdr of cdrs) {
    for (const attempt of cdr.attempts) {
      const toMs = attempt.endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(attempt.endedAt);
      push(byChannel, attempt.channel, { what: cdr.dialled, fromMs: Date.parse(attempt.startedAt), toMs });
    }
  }
  for (const { gateway, port, number, invitedMs, endedMs } of gateways) {
    push(byPort, `${gateway}/${port}`, { what: number, fromMs: invitedMs, toMs: endedMs });
  }
  return [...overlaps(byChannel, 'by the CDRs'), ...overlaps(byPort, 'by the gateways')];
}

function push(spans: Map<string, Span[]>, key: string, span: Span): void {
  const known = spans.get(key);
  if (known === undefined) spans.set(key, [span]);
  else known.push(span);
}

function overlaps(spansOf: ReadonlyMap<string, Span[]>, source: string): string[] {
  return [...spansOf].flatMap(([channel, spans]) => {
    const ordered = spans.sort((a, b) => a.fromMs - b.fromMs);
    return ordered.slice(1).flatMap((span, i) => {
      const before = ordered[i];
      if (before === undefined || before.toMs <= span.fromMs) return [];
      return [`channel ${channel} had two calls at once ${source}: ${before.what} and ${span.what}`];
    });
  });
}

/** Ledger, CDRs and gateways must name the same seconds: by SIM, and by attempt. */
function secondsAgree(evidence: LoadEvidence, cdrs: readonly LoadCdr[]): string[] {
  const atGateway = new Map(evidence.gateways.map((sight) => [sight.sipCallId, sight]));
  const bySim = new Map<string, number>();
  const problems: string[] = [];
  for (const cdr of cdrs) {
    const sum = cdr.attempts.reduce((total, attempt) => total + attempt.billedSeconds, 0);
    if (sum !== cdr.billedSeconds) {
      problems.push(`the CDR of ${cdr.dialled} bills ${cdr.billedSeconds} s, its attempts ${sum} s`);
    }
    for (const attempt of cdr.attempts) {
      bySim.set(attempt.sim, (bySim.get(attempt.sim) ?? 0) + attempt.billedSeconds);
      const sight = atGateway.get(attempt.sipCallId ?? '');
      if (sight === undefined) {
        problems.push(`no gateway knows the attempt of ${cdr.dialled} on ${attempt.channel}`);
        continue;
      }
      atGateway.delete(sight.sipCallId);
      const gatewaySeconds = sight.answeredMs === null ? 0 : sight.billedSeconds;
      if (gatewaySeconds !== attempt.billedSeconds && !isExplainedByTransit(attempt, sight)) {
        problems.push(
          `${cdr.dialled} on ${attempt.channel}: ${attempt.billedSeconds} s in the CDR, ${gatewaySeconds} s at the gateway`,
        );
      }
    }
  }
  for (const sight of atGateway.values()) {
    problems.push(`${sight.gateway}/${sight.port} had a call to ${sight.number} that no CDR knows`);
  }
  for (const sim of new Set([...bySim.keys(), ...Object.keys(evidence.usage)])) {
    const ledgerSeconds = evidence.usage[sim]?.['seconds-day'] ?? 0;
    const cdrSeconds = bySim.get(sim) ?? 0;
    if (ledgerSeconds !== cdrSeconds) {
      problems.push(`SIM ${sim}: ${ledgerSeconds} s in the ledger, ${cdrSeconds} s in the CDRs`);
    }
  }
  return problems;
}

/**
 * True when a second turned while the 200 or the BYE was under way: each side measures between its own ends of them. How
 * long they were under way follows from both sides' wall times; without that time both must name the same seconds.
 */
function isExplainedByTransit(attempt: LoadCdr['attempts'][number], sight: GatewaySight): boolean {
  if (sight.answeredMs === null || attempt.answeredAt === null || attempt.endedAt === null) return false;
  const answerMs = Date.parse(attempt.answeredAt) - sight.answeredMs;
  const endMs = sight.endedMs - Date.parse(attempt.endedAt);
  if (answerMs < -WALL_SLACK_MS || answerMs > MOST_TRANSIT_MS || Math.abs(endMs) > MOST_TRANSIT_MS) return false;
  const ownMs = sight.talkedMs - answerMs - endMs;
  const secondsOf = (ms: number) => Math.max(0, Math.ceil(ms / 1000));
  const { billedSeconds } = attempt;
  return billedSeconds >= secondsOf(ownMs - WALL_SLACK_MS) && billedSeconds <= secondsOf(ownMs + WALL_SLACK_MS);
}

/** By the ledger's own word, and counted again from the CDRs. */
function allowancesKept(evidence: LoadEvidence, cdrs: readonly LoadCdr[]): string[] {
  const calleesOf = new Map<string, Set<string>>();
  const secondsOf = new Map<string, number>();
  for (const cdr of cdrs) {
    for (const attempt of cdr.attempts.filter(({ outcome }) => outcome === 'answered')) {
      secondsOf.set(attempt.sim, (secondsOf.get(attempt.sim) ?? 0) + attempt.billedSeconds);
      const callees = calleesOf.get(attempt.sim) ?? new Set();
      calleesOf.set(attempt.sim, callees.add(cdr.dialled));
    }
  }
  return Object.entries(evidence.limits).flatMap(([sim, limits]) => {
    const counted: Record<string, number> = {
      'seconds-day': secondsOf.get(sim) ?? 0,
      'callees-day': calleesOf.get(sim)?.size ?? 0,
    };
    return Object.entries(limits).flatMap(([allowance, limit]) => {
      const used = evidence.usage[sim]?.[allowance] ?? 0;
      const most = Math.max(used, counted[allowance] ?? 0);
      return [
        ...(most > limit ? [`SIM ${sim} used ${most} of ${limit} of its ${allowance}`] : []),
        ...(allowance === 'callees-day' && used !== counted[allowance]
          ? [`SIM ${sim}: ${used} callees in the ledger, ${counted[allowance]} in the CDRs`]
          : []),
      ];
    });
  });
}

function tonesRecorded(evidence: LoadEvidence): string[] {
  // One that nobody answered has failed, and has nothing to be heard.
  const answered = new Set(evidence.cdrs.filter(({ sipStatus }) => sipStatus === 200).map(({ dialled }) => dialled));
  const planned = evidence.plan.filter(({ number, tones }) => tones !== null && answered.has(number));
  const sightOf = new Map(evidence.tones.map((sight) => [sight.number, sight]));
  return planned.flatMap(({ number }) => {
    const sight = sightOf.get(number);
    if (sight === undefined) return [`the call to ${number} has no recording`];
    if (sight.problem !== null) return [`the recording of the call to ${number}: ${sight.problem}`];
    const { left, right, heardByCaller } = sight;
    return [
      ...(left.caller >= LEAST_TONE_SHARE && left.seconds >= LEAST_TONE_SECONDS
        ? []
        : [`the caller's tone of ${number} is not in the left channel: ${describe(left.caller, left.seconds)}`]),
      ...(right.callee >= LEAST_TONE_SHARE && right.seconds >= LEAST_TONE_SECONDS
        ? []
        : [`the callee's tone of ${number} is not in the right channel: ${describe(right.callee, right.seconds)}`]),
      ...(left.callee <= MOST_FOREIGN_SHARE && right.caller <= MOST_FOREIGN_SHARE
        ? []
        : [`the channels of ${number} are mixed`]),
      ...(heardByCaller >= LEAST_TONE_SHARE ? [] : [`the caller of ${number} did not hear the callee's tone`]),
    ];
  });
}

function describe(share: number, seconds: number): string {
  return `${(share * 100).toFixed(0)} % of ${seconds.toFixed(1)} s`;
}
