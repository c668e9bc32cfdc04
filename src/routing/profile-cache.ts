// Which pools pass their rules is the same for all requests of one kind: asked once of the rules, then looked up.
import type { Pool } from './pool.js';
import type { CodeCounts } from './refusal-counts.js';
import type { RoutingRequest } from './rules.js';

/** A pool that may serve requests of one kind, and which of its orders holds for them. */
export interface PoolPlace {
  readonly pool: Pool;
  readonly order: number;
}

/** Pools that may serve requests of one kind, and the channels of all others by what refuses them. */
export interface Profile {
  readonly places: readonly PoolPlace[];
  readonly refused: CodeCounts;
}

interface Entry {
  readonly request: RoutingRequest;
  readonly profile: Profile;
}

/** Kinds are few: classes, traffic, codecs, channel groups. */
const MAX_ENTRIES = 10_000;

export class ProfileCache {
  /** By channel groups of the trunk and of the agent, which are the same arrays for every call of theirs. */
  readonly #entries = new Map<readonly string[] | null, Map<readonly string[] | null, Entry[]>>();
  #size = 0;
  /** The last one found: most calls are of its kind. */
  #last: Entry | undefined;

  get(request: RoutingRequest): Profile | undefined {
    const last = this.#last;
    const { channelGroups, agentChannelGroups } = request;
    if (
      last !== undefined &&
      last.request.channelGroups === channelGroups &&
      last.request.agentChannelGroups === agentChannelGroups &&
      isAlike(last.request, request)
    ) {
      return last.profile;
    }
    const entries = this.#entries.get(channelGroups)?.get(agentChannelGroups);
    if (entries === undefined) return undefined;
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at] as Entry;
      if (!isAlike(entry.request, request)) continue;
      this.#last = entry;
      return entry.profile;
    }
    return undefined;
  }

  add(request: RoutingRequest, profile: Profile): Profile {
    if (this.#size >= MAX_ENTRIES) {
      this.#entries.clear();
      this.#size = 0;
    }
    const { channelGroups, agentChannelGroups } = request;
    const ofTrunk = this.#entries.get(channelGroups) ?? new Map<readonly string[] | null, Entry[]>();
    const entries = ofTrunk.get(agentChannelGroups) ?? [];
    this.#entries.set(channelGroups, ofTrunk);
    ofTrunk.set(agentChannelGroups, entries);
    entries.push({ request, profile });
    this.#size += 1;
    return profile;
  }
}

/** But for their channel groups. */
function isAlike(some: RoutingRequest, other: RoutingRequest): boolean {
  return (
    some.callee.numberClass === other.callee.numberClass &&
    some.traffic === other.traffic &&
    some.passesSrtp === other.passesSrtp &&
    areSame(some.codecs, other.codecs)
  );
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some === others) return true;
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}
