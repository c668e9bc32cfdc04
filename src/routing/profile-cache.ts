// Which pools pass their rules is the same for all requests of one kind: asked once of the rules, then looked up.
import type { Pool } from './pool.js';
import type { CodeCounts } from './refusal-counts.js';
import type { RoutingRequest } from './rules.js';

/** Pools that may serve requests of one kind, and the channels of all others by what refuses them. */
export interface Profile {
  readonly pools: readonly Pool[];
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

  get({ channelGroups, agentChannelGroups, callee, traffic, codecs, passesSrtp }: RoutingRequest): Profile | undefined {
    const entries = this.#entries.get(channelGroups)?.get(agentChannelGroups);
    if (entries === undefined) return undefined;
    for (let at = 0; at < entries.length; at++) {
      const { request, profile } = entries[at] as Entry;
      if (
        request.callee.numberClass === callee.numberClass &&
        request.traffic === traffic &&
        request.passesSrtp === passesSrtp &&
        areSame(request.codecs, codecs)
      ) {
        return profile;
      }
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

function areSame(some: readonly string[], others: readonly string[]): boolean {
  if (some === others) return true;
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}
