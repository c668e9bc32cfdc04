// A routing decision as data: what policy says to a call, and each channel with its score or the reason of its refusal.
// The running service is asked over its control socket; without one, the CLI builds the same parts from config and ledger.
import type { Admission, AdmittedCallee } from '../policy/admit-call.js';
import type { AllowanceUsage, Ledger, SimUsage } from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import { payersOf } from '../quota/payers.js';
import type { ScoreTerms } from '../routing/decision.js';
import type { Routing } from '../routing/routing.js';
import { codecPolicy } from '../sdp/media-policy.js';
import { allowedFormats, type Transcoder, usableNames } from '../sdp/select-codecs.js';

export interface RouteReport {
  readonly dialled: string;
  readonly trunk: { readonly name: string; readonly traffic: string };
  /** The PBX user that was asked about; null for nobody in particular. */
  readonly agent: string | null;
  readonly callee: { readonly e164: string; readonly national: string; readonly numberClass: string } | null;
  /** `admitted`, or why policy refused before any channel was looked at. */
  readonly policy: string;
  /** Which zone, list, payer or limit it was that refused; null when policy admits. */
  readonly policyDetail: string | null;
  /** What is used of the caps of those who would pay; those without caps are left out. */
  readonly payers: readonly { readonly payer: string; readonly usage: readonly AllowanceUsage[] }[];
  readonly source: RouteSource;
  readonly wallMs: number;
  readonly ranked: readonly {
    readonly channelId: string;
    readonly simId: string;
    readonly simNumber: string;
    readonly plan: string;
    readonly requestUri: string | null;
    /** The sum of its terms: the lowest wins. */
    readonly score: number;
    readonly terms: Readonly<Record<string, number>>;
    /** By its plan, the payers' caps and the config. */
    readonly maxCallSeconds: number;
    readonly usage: readonly AllowanceUsage[];
  }[];
  readonly refused: Readonly<Record<string, number>>;
  readonly refusal: 'no-channel' | 'refused-for-this-call' | null;
  /** Version of the router's index, and what ties were broken by; null when policy refused. */
  readonly version: number | null;
  readonly seed: number | null;
  /** Of each refused channel, when all were asked for. */
  readonly refusals: readonly {
    readonly channelId: string;
    readonly simNumber: string;
    readonly reason: string;
    readonly allowanceId?: string;
  }[];
}

export interface RouteSource {
  readonly config: string;
  /** Null when there is no ledger yet. */
  readonly ledger: string | null;
  /** True when that is this node's part of a ledger that it shares, and the others' use was not seen. */
  readonly isPartOnly: boolean;
  /** True while the running service cannot reach a ledger that it shares: then a new call may get no channel. */
  readonly isLedgerAway: boolean;
  /** False: it was read from files, and gateways count as up. */
  readonly runningService: boolean;
}

export interface RouteTrunk {
  readonly name: string;
  readonly traffic: 'commercial' | 'personal';
  readonly account?: string | undefined;
  readonly media: { readonly codecs: readonly string[] };
}

export interface RouteReportParts {
  readonly source: RouteSource;
  admit(request: {
    readonly trunk: RouteTrunk;
    readonly agent: string | null;
    readonly account: string | null;
    readonly dialled: string;
  }): Admission;
  readonly routing: Pick<Routing<unknown>, 'decide' | 'explain'>;
  /** Of the media engine: what is done for want of a channel with a codec of the trunk's. */
  readonly transcoder: Transcoder;
  readonly view: Pick<LedgerView, 'fit'>;
  /** Name of the SIM's plan. */
  planOf(simId: string): string;
  usageOf(simId: string, wallMs: number): SimUsage | undefined;
  readonly caps: Pick<Ledger, 'fitPayers' | 'usageOfPayer'>;
  /** The config's own limit of a call. */
  readonly maxCallSeconds: number;
}

export interface RouteEnquiry {
  readonly dialled: string;
  readonly trunk: RouteTrunk;
  readonly agent: string | null;
  /** Every eligible channel, not the best few. */
  readonly all: boolean;
  readonly wallMs: number;
}

/** What an operator asks; without a trunk, that of a config which has one. */
export interface RouteSelection {
  readonly dialled: string;
  readonly trunk?: string | undefined;
  readonly agent?: string | undefined;
  readonly all: boolean;
}

export type SelectedTrunk<T> =
  | { readonly ok: true; readonly trunk: T }
  | { readonly ok: false; readonly message: string };

export function selectTrunk<T extends { readonly name: string }>(
  trunks: readonly T[],
  name: string | undefined,
): SelectedTrunk<T> {
  const only = trunks.length === 1 ? trunks[0] : undefined;
  const trunk = name === undefined ? only : trunks.find((candidate) => candidate.name === name);
  if (trunk !== undefined) return { ok: true, trunk };
  const known = trunks.map((candidate) => candidate.name).join(', ');
  const what = name === undefined ? 'Say which --trunk' : `No trunk "${name}"`;
  return { ok: false, message: `${what}; there are: ${known}` };
}

/**
 * The decision that the service would make now; changes nothing. That of a call, unless all channels are asked for: then
 * each is looked at, which at 100,000 channels takes seconds.
 */
export function reportRoute(parts: RouteReportParts, enquiry: RouteEnquiry): RouteReport {
  const { source, routing } = parts;
  const { dialled, trunk, agent, all, wallMs } = enquiry;
  const { account = null } = trunk;
  const admission = parts.admit({ trunk, agent, account, dialled });
  const { name, traffic } = trunk;
  const names = payersOf({ trunk, agent, account });
  const payers = names.flatMap((payer) => {
    const usage = parts.caps.usageOfPayer(payer, wallMs);
    return usage === undefined ? [] : [{ payer, usage }];
  });
  const base = { dialled, trunk: { name, traffic }, agent, callee: admission.callee, payers, source, wallMs };
  if (!admission.ok) {
    const nothing = { ranked: [], refused: {}, refusal: null, version: null, seed: null, refusals: [] };
    return { ...base, policy: admission.reason, policyDetail: admission.detail, ...nothing };
  }
  const { callee } = admission;
  const call = { callee, payers: names, wallMs };
  const { direct, transcoded } = usableNames(
    allowedFormats(null, codecPolicy(trunk.media.codecs), null),
    null,
    parts.transcoder,
  );
  const about = { trunk, agent, callee, excludeChannels: [], excludeGateways: [], wallMs };
  const asItIs = { ...about, codecs: direct };
  // As a call asks: for transcoding only when no channel has a codec that passes as it is.
  const isTranscoded = transcoded.length > 0 && routing.decide(asItIs).candidates.length === 0;
  const question = isTranscoded ? { ...about, codecs: [...direct, ...transcoded] } : asItIs;
  const decided = routing.decide(question);
  const admitted = { ...base, policy: 'admitted', policyDetail: null };
  if (!all) {
    const { candidates, summary, refusal } = decided;
    return {
      ...admitted,
      ranked: candidates.map((candidate) => describeChannel(parts, call, candidate)),
      ...{ refused: summary.refused, version: summary.version, seed: summary.seed },
      refusal: candidates.length > 0 ? null : refusal,
      refusals: [],
    };
  }
  const { ranked, refusals, refused, refusal, version, seed } = routing.explain(question);
  const uris = new Map(decided.candidates.map(({ channelId, requestUri }) => [channelId, requestUri]));
  return {
    ...admitted,
    ranked: ranked.map(({ channel, score, terms }) => {
      const { channelId, simId, simNumber } = channel;
      const requestUri = uris.get(channelId) ?? null;
      return describeChannel(parts, call, { channelId, simId, simNumber, requestUri, score, terms });
    }),
    ...{ refused, version, seed },
    refusal: ranked.length > 0 ? null : refusal,
    refusals: refusals.map(({ channel, refusal: { reason, allowanceId } }) => ({
      channelId: channel.channelId,
      simNumber: channel.simNumber,
      reason,
      ...(allowanceId !== undefined && { allowanceId }),
    })),
  };
}

interface AskedCall {
  readonly callee: AdmittedCallee;
  readonly payers: readonly string[];
  readonly wallMs: number;
}

type RankedChannel = RouteReport['ranked'][number];

function describeChannel(
  { view, planOf, usageOf, caps, maxCallSeconds }: RouteReportParts,
  { callee: { e164, numberClass }, payers, wallMs }: AskedCall,
  channel: Pick<RankedChannel, 'channelId' | 'simId' | 'simNumber' | 'requestUri' | 'score'> & { terms: ScoreTerms },
): RankedChannel {
  const { channelId, simId, simNumber, requestUri, score, terms } = channel;
  const question = { callee: e164, numberClass, wallMs };
  const fits = [view.fit(simId, question), caps.fitPayers(payers, { ...question, direction: 'out', simId })];
  return {
    ...{ channelId, simId, simNumber, requestUri, score },
    plan: planOf(simId),
    terms: { ...terms },
    maxCallSeconds: Math.min(maxCallSeconds, ...fits.map((fit) => (fit.ok ? fit.maxCallSeconds : 0))),
    usage: usageOf(simId, wallMs)?.allowances ?? [],
  };
}
