// Holds four witnesses of one call against each other: the PBX, the CDR, the gateway's own log and the ledger; and what was
// said against what was recorded. Every disagreement is a sentence.
import type { Cdr } from '../cdr/cdr.js';
import type { AllowanceUsage, SimUsage } from '../quota/ledger.js';
import { correlate } from './correlate.js';
import type { DemoCall } from './demo-calls.js';
import type { GatewayCallRecord, GatewayViolation } from './gateway-log.js';
import type { WavAudio } from './read-wav.js';
import type { CallOutcome } from './softphone.js';
import { SAMPLE_RATE_HZ } from './speech.js';

/** How well what was recorded and heard fits what was said: 1 is the same waveform, near 0 another. */
export interface VoiceMatch {
  readonly leftIsCaller: number;
  readonly rightIsCallee: number;
  readonly leftIsCallee: number;
  readonly rightIsCaller: number;
  readonly calleeHeardCaller: number;
  readonly callerHeardCallee: number;
}

export interface Voices {
  readonly callerSaid: Int16Array;
  readonly calleeSaid: Int16Array;
  readonly callerHeard: Int16Array;
  readonly calleeHeard: Int16Array;
}

export interface CallEvidence {
  readonly call: DemoCall;
  readonly outcome: CallOutcome;
  /** Every record of this INVITE; there has to be one. */
  readonly cdrs: readonly Cdr[];
  /** The gateway's records of this call's attempts, in their order. */
  readonly gatewayCalls: readonly GatewayCallRecord[];
  /** What the gateway complains of in these attempts. */
  readonly violations: readonly GatewayViolation[];
  /** Usage of every SIM, by its id. */
  readonly usageBefore: ReadonlyMap<string, SimUsage>;
  readonly usageAfter: ReadonlyMap<string, SimUsage>;
  /** SIMs on which somebody else's calls were meanwhile: of their growth this call explains only its own part. */
  readonly simsOfOthers: ReadonlySet<string>;
  /** The finished file and its hash, as read from disk; undefined when the CDR names none. */
  readonly recording: { readonly audio: WavAudio; readonly sha256: string } | undefined;
  readonly match: VoiceMatch | undefined;
}

/** G.711 and the relay leave more than this of a voice, and this much of it fits no other. */
const SAME_VOICE = 0.9;
const OTHER_VOICE = 0.3;

/** Clocks of PBX, simtrunk and gateway see the same 200 and BYE a few milliseconds apart. */
const CLOCK_TOLERANCE_MS = 150;

export function matchVoices(recording: WavAudio, voices: Voices): VoiceMatch {
  const { callerSaid, calleeSaid, callerHeard, calleeHeard } = voices;
  const [left = new Int16Array(0), right = new Int16Array(0)] = recording.channels;
  const likeness = (voice: Int16Array, audio: Int16Array): number =>
    // A voice may be cut by the call's end; two seconds of it are enough to know it.
    correlate(voice, audio, Math.min(2 * SAMPLE_RATE_HZ, audio.length, voice.length)).coefficient;
  return {
    leftIsCaller: likeness(callerSaid, left),
    rightIsCallee: likeness(calleeSaid, right),
    leftIsCallee: likeness(calleeSaid, left),
    rightIsCaller: likeness(callerSaid, right),
    calleeHeardCaller: likeness(callerSaid, calleeHeard),
    callerHeardCallee: likeness(calleeSaid, callerHeard),
  };
}

/** What is wrong with this call; empty when all witnesses agree with each other and with the plan. */
export function findProblems(evidence: CallEvidence): string[] {
  const [cdr, ...further] = evidence.cdrs;
  const problems = problemsAtPbx(evidence);
  if (cdr === undefined) return [...problems, 'no CDR was published'];
  if (further.length > 0) problems.push(`${evidence.cdrs.length} CDRs were published for one INVITE`);
  return [
    ...problems,
    ...problemsInCdr(evidence, cdr),
    ...problemsAtGateway(evidence, cdr),
    ...problemsInLedger(evidence, cdr),
    ...problemsInRecording(evidence, cdr),
  ];
}

function compare(what: string, found: unknown, expected: unknown): string[] {
  const [foundText, expectedText] = [JSON.stringify(found), JSON.stringify(expected)];
  return foundText === expectedText ? [] : [`${what}: ${foundText} instead of ${expectedText}`];
}

function problemsAtPbx({ call, outcome }: CallEvidence): string[] {
  return [
    ...compare('status at the PBX', outcome.status, call.ends.status),
    ...compare('who hung up, seen by the PBX', outcome.endedBy, call.ends.endedBy),
  ];
}

function problemsInCdr({ call, outcome }: CallEvidence, cdr: Cdr): string[] {
  const { ends } = call;
  return [
    ...compare('number in the CDR', cdr.dialled, call.number),
    ...compare('status in the CDR', cdr.sipStatus, ends.status),
    ...compare('end reason in the CDR', cdr.endReason, ends.reason),
    ...compare('who hung up, in the CDR', cdr.endedBy, ends.endedBy),
    ...compare(
      'attempts in the CDR',
      cdr.attempts.map(({ sipStatus }) => sipStatus),
      ends.attempts,
    ),
    ...compare(
      'channels tried twice',
      cdr.attempts.map(({ channel }) => channel).filter((channel, index, all) => all.indexOf(channel) !== index),
      [],
    ),
    ...near('talked time in the CDR', cdr.durationMs, outcome.talkedMs),
    ...compare(
      'billed seconds of the call',
      cdr.billedSeconds,
      cdr.attempts.reduce((sum, { billedSeconds }) => sum + billedSeconds, 0),
    ),
  ];
}

function problemsAtGateway({ gatewayCalls, violations }: CallEvidence, cdr: Cdr): string[] {
  const problems = violations.map(({ kind, user }) => `the gateway complains of ${kind} for ${user}`);
  const seen = gatewayCalls.map(({ port, status, billedSeconds }) => [port, status, billedSeconds]);
  const told = cdr.attempts.map(({ channel, sipStatus, billedSeconds }) => [
    Number(channel.split('/').at(-1)),
    sipStatus,
    billedSeconds,
  ]);
  // Each counts begun seconds from its own clock: at the edge of a second they may differ by that one.
  const agree =
    seen.length === told.length &&
    seen.every((row, index) =>
      row.every((value, column) => Math.abs((value ?? -1) - (told[index]?.[column] ?? -1)) <= (column === 2 ? 1 : 0)),
    );
  return agree ? problems : [...problems, ...compare('port, status and seconds at the gateway', seen, told)];
}

function problemsInLedger({ usageBefore, usageAfter, simsOfOthers, call }: CallEvidence, cdr: Cdr): string[] {
  return [...usageAfter].flatMap(([simId, after]) => {
    const billed = cdr.attempts.reduce((sum, attempt) => sum + (attempt.sim === simId ? attempt.billedSeconds : 0), 0);
    const usedBefore = new Map(usageBefore.get(simId)?.allowances.map(({ allowanceId, used }) => [allowanceId, used]));
    const grown = after.allowances.map((allowance) => ({
      ...allowance,
      added: allowance.used - (usedBefore.get(allowance.allowanceId) ?? 0),
    }));
    const isCounted = grown.some(({ counts, added }) => counts === 'seconds' && added > 0 && added >= billed);
    const uncounted =
      billed > 0 && !isCounted ? [`the ledger counts nothing of ${billed} s on SIM ${simId} to ${call.number}`] : [];
    return [...(simsOfOthers.has(simId) ? [] : unexplained(simId, grown, billed)), ...uncounted];
  });
}

/** What only this call can have done to a SIM, and has not. */
function unexplained(
  simId: string,
  grown: readonly (AllowanceUsage & { readonly added: number })[],
  billed: number,
): string[] {
  return grown.flatMap(({ allowanceId, counts, held, added }) => {
    const of = `${allowanceId} of SIM ${simId}`;
    const isWrong = counts === 'seconds' ? added !== 0 && added !== billed : added > 1 || (added === 1 && billed === 0);
    const growth = counts === 'seconds' ? `${added} s, its attempts were billed ${billed} s` : `${added} callees`;
    return [
      ...(held === 0 ? [] : [`${of} still holds ${held} after the call`]),
      ...(isWrong ? [`${of} grew by ${growth}`] : []),
    ];
  });
}

function problemsInRecording({ recording, match, outcome }: CallEvidence, cdr: Cdr): string[] {
  if (!outcome.answered) return compare('recording of an unanswered call', cdr.recording?.path ?? null, null);
  if (cdr.recording === null || recording === undefined || match === undefined) return ['the call was not recorded'];
  const { channels, sampleRateHz } = recording.audio;
  return [
    ...compare('state of the recording', cdr.recording.state, 'complete'),
    ...compare('hash of the recording', recording.sha256, cdr.recording.sha256),
    ...compare('channels and rate of the recording', [channels.length, sampleRateHz], [2, SAMPLE_RATE_HZ]),
    ...near('length of the recording', ((channels[0]?.length ?? 0) * 1000) / sampleRateHz, outcome.talkedMs),
    ...isVoice('the left channel is not the caller', match.leftIsCaller),
    ...isVoice('the right channel is not the callee', match.rightIsCallee),
    ...isVoice('the callee did not hear the caller', match.calleeHeardCaller),
    ...isVoice('the caller did not hear the callee', match.callerHeardCallee),
    ...isOtherVoice('the callee is on the left channel', match.leftIsCallee),
    ...isOtherVoice('the caller is on the right channel', match.rightIsCaller),
  ];
}

const isVoice = (complaint: string, likeness: number): string[] =>
  likeness >= SAME_VOICE ? [] : [`${complaint}: ${likeness.toFixed(2)}`];

const isOtherVoice = (complaint: string, likeness: number): string[] =>
  likeness <= OTHER_VOICE ? [] : [`${complaint}: ${likeness.toFixed(2)}`];

function near(what: string, foundMs: number, expectedMs: number): string[] {
  const isNear = Math.abs(foundMs - expectedMs) <= CLOCK_TOLERANCE_MS;
  return isNear ? [] : [`${what}: ${Math.round(foundMs)} ms instead of about ${Math.round(expectedMs)} ms`];
}
