// Where a call from a mobile goes: to the trunk and the agent that last called that number, for as long as that is remembered;
// else to the trunk's default destination; else to an announcement; else nowhere (semantics.md, "Inbound").
import { randomUUID } from 'node:crypto';
import { dialForm } from '../numbers/normalise-callee.js';
import { readCaller } from '../numbers/read-caller.js';
import type { LastCall } from '../quota/ledger.js';
import { fillTemplate } from '../routing/dial-template.js';
import {
  addIdentity,
  bracketed,
  type CallerIdPlace,
  escapeUser,
  type GatewayAddress,
  gatewayUri,
} from '../routing/dial-uri.js';
import { ANNOUNCEMENT, announcementAddress, announcementPeer } from './announcement-leg.js';
import type { Destination, DialAddress, GatewayTerms, IncomingCall, TrunkTerms } from './call-request.js';

/** How a trunk takes calls from mobiles. */
export interface TrunkInbound {
  /** Null: it cannot be called, unless over a connection of its own. */
  readonly address: GatewayAddress | null;
  /** It is called over the connection that it has opened itself, where there is one. Left out: not. */
  readonly connection?: boolean | undefined;
  /** Template of the request-URI's user for the agent who called last; false: the agent is not called. */
  readonly agent: string | false;
  /** The same for everybody else. */
  readonly default: string | false;
  /** How long who called is remembered. */
  readonly affinityHours: number;
  readonly callerId: readonly CallerIdPlace[];
  /** Template of the From user. */
  readonly fromUser: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly firstResponseTimeoutMs: number;
  readonly agentRingTimeoutMs: number;
  readonly ringTimeoutMs: number;
  /** Absolute path of a WAV file; null for none. */
  readonly announcement: string | null;
}

export interface ReceivingTrunk extends TrunkTerms {
  /** Undefined: it takes none. */
  readonly inbound?: TrunkInbound | undefined;
}

/** A channel that calls come in by. */
export interface ReceivingChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly port: number;
  /** What its gateway knows it by; undefined: its port. */
  readonly line: string | undefined;
  readonly simId: string;
  readonly simNumber: string;
}

/** The gateway's own ways of media, and the trunk that takes the calls of nobody's callee. */
export interface ReceivingGateway extends Pick<GatewayTerms, 'name' | 'network' | 'media' | 'channelMedia'> {
  readonly sessionTimer?: GatewayTerms['sessionTimer'];
  readonly prack?: GatewayTerms['prack'];
  readonly nat: GatewayTerms['nat'];
  readonly mediaSources: readonly string[];
  readonly trunk: string;
}

export interface ReceivingSettings {
  readonly trunks: readonly ReceivingTrunk[];
  readonly gateways: readonly ReceivingGateway[];
  readonly channels: readonly ReceivingChannel[];
}

/** What a call from a mobile begins with. */
export interface IncomingTerms {
  readonly trunk: TrunkTerms;
  readonly agent: string | null;
  readonly calling: string;
  readonly incoming: IncomingCall;
}

export interface LastCallers {
  lastCallTo(callee: string, sinceWallMs: number): LastCall | undefined;
}

const HOUR_MS = 3_600_000;
/** In place of the address of a trunk that has none but its connection (RFC 2606 §2): signalling knows where that is. */
export const BY_CONNECTION = 'connection.invalid';
const ANONYMOUS = 'anonymous';

export class IncomingRoutes {
  readonly #ledger: LastCallers;
  #trunks: ReadonlyMap<string, ReceivingTrunk> = new Map();
  #gateways: ReadonlyMap<string, ReceivingGateway> = new Map();
  #channels: ReadonlyMap<string, ReceivingChannel> = new Map();
  #longestAffinityMs = 0;

  constructor(settings: ReceivingSettings, ledger: LastCallers) {
    this.#ledger = ledger;
    this.reconfigure(settings);
  }

  /** Calls that there are keep what they began with. */
  reconfigure({ trunks, gateways, channels }: ReceivingSettings): void {
    this.#trunks = new Map(trunks.map((trunk) => [trunk.name, trunk]));
    this.#gateways = new Map(gateways.map((gateway) => [gateway.name, gateway]));
    this.#channels = new Map(channels.map((channel) => [channel.channelId, channel]));
    this.#longestAffinityMs = Math.max(0, ...trunks.map(({ inbound }) => (inbound?.affinityHours ?? 0) * HOUR_MS));
  }

  /** Undefined for a channel that is not there (any more). */
  take(channelId: string, calling: string, wallMs: number): IncomingTerms | undefined {
    const channel = this.#channels.get(channelId);
    const gateway = this.#gateways.get(channel?.gateway ?? '');
    const fallback = this.#trunks.get(gateway?.trunk ?? '');
    if (channel === undefined || gateway === undefined || fallback === undefined) return undefined;
    const caller = readCaller(calling, channel.simNumber);
    const last = caller === null ? undefined : this.#lastCallTo(caller.e164, wallMs);
    const trunk = this.#trunks.get(last?.trunk ?? '') ?? fallback;
    const lastCall =
      last === undefined || trunk.name !== last.trunk ? null : { agent: last.agent, wallMs: last.wallMs };
    const { simId, simNumber } = channel;
    const place = { channel, e164: caller?.e164 ?? '', agent: lastCall?.agent ?? null };
    return {
      trunk: termsOf(trunk, gateway, channelId),
      agent: place.agent,
      calling: caller?.e164 ?? (calling === '' ? ANONYMOUS : calling),
      incoming: {
        reservationId: randomUUID(),
        ...{ channelId, gateway: gateway.name, simId, simNumber },
        caller: caller?.e164 ?? ANONYMOUS,
        // Who does not say is taken for what most callers are.
        numberClass: caller?.numberClass ?? 'mobile',
        lastCall,
        trunk,
        destinations: destinationsOf(trunk, place),
      },
    };
  }

  /** What a trunk has forgotten by its own setting is not remembered for it. */
  #lastCallTo(e164: string, wallMs: number): LastCall | undefined {
    if (this.#longestAffinityMs === 0) return undefined;
    const last = this.#ledger.lastCallTo(e164, wallMs - this.#longestAffinityMs);
    const inbound = last && this.#trunks.get(last.trunk)?.inbound;
    return inbound && wallMs - last.wallMs <= inbound.affinityHours * HOUR_MS ? last : undefined;
  }
}

interface Place {
  readonly channel: ReceivingChannel;
  /** The caller's number; empty when it is not known. */
  readonly e164: string;
  readonly agent: string | null;
}

/** The caller's side is the gateway's: media and network; who pays is the trunk's. */
function termsOf(trunk: ReceivingTrunk, gateway: ReceivingGateway, channelId: string): TrunkTerms {
  const { name, traffic, account } = trunk;
  const { network, sessionTimer, nat, mediaSources } = gateway;
  const media = gateway.channelMedia.get(channelId) ?? gateway.media;
  // Of a gateway that calls, `prack` says whether it may require reliable responses of us.
  const prack = gateway.prack === 'off' ? 'off' : 'required';
  return { name, traffic, account, network, media, sessionTimer, prack, nat, mediaSources };
}

function destinationsOf(trunk: ReceivingTrunk, place: Place): readonly Destination[] {
  const { inbound } = trunk;
  if (inbound === undefined) return [];
  const destinations: Destination[] = [];
  const { announcement, agentRingTimeoutMs, ringTimeoutMs, connection = false } = inbound;
  const unaddressed = connection ? { host: BY_CONNECTION, port: undefined, transport: 'tcp' as const } : null;
  const address = inbound.address ?? unaddressed;
  if (address !== null && place.agent !== null && inbound.agent !== false) {
    const peer = peerOf(trunk, inbound, address, agentRingTimeoutMs);
    destinations.push({ kind: 'agent', peer, address: addressOf(inbound, address, inbound.agent, place) });
  }
  if (address !== null && inbound.default !== false) {
    const peer = peerOf(trunk, inbound, address, ringTimeoutMs);
    destinations.push({ kind: 'default', peer, address: addressOf(inbound, address, inbound.default, place) });
  }
  if (announcement !== null) {
    const peer = announcementPeer(trunk.network);
    destinations.push({ kind: ANNOUNCEMENT, peer, address: announcementAddress(announcement) });
  }
  return destinations;
}

function peerOf(
  trunk: ReceivingTrunk,
  inbound: TrunkInbound,
  { host }: GatewayAddress,
  ringTimeoutMs: number,
): GatewayTerms {
  const { network, media, sessionTimer, nat, mediaSources } = trunk;
  // What a trunk may require of us when it calls is not required of it when it is called.
  const prack = trunk.prack === 'off' ? 'off' : 'supported';
  return {
    // No gateway's name has a colon.
    name: `trunk:${trunk.name}`,
    ...{ network, media, sessionTimer, prack, nat, mediaSources },
    signallingAddress: host,
    channelMedia: new Map(),
    firstResponseTimeoutMs: inbound.firstResponseTimeoutMs,
    progressTimeoutMs: ringTimeoutMs,
    ringTimeoutMs,
    responses: [],
    busyProbeMs: 0,
  };
}

function addressOf(inbound: TrunkInbound, address: GatewayAddress, user: string, place: Place): DialAddress {
  const { channel, e164, agent } = place;
  const { port, simNumber: sim, line = String(port) } = channel;
  const values = {
    ...{ port: String(port), line, sim, e164, agent: agent ?? '' },
    number: e164 === '' ? '' : dialForm({ e164 }, sim),
  };
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(inbound.headers)) headers[name] = fillTemplate(template, values);
  if (e164 !== '') addIdentity(headers, inbound.callerId, `<sip:${e164}@${bracketed(address.host)}>`);
  const from = escapeUser(fillTemplate(inbound.fromUser, values));
  return {
    requestUri: gatewayUri(address, `${escapeUser(fillTemplate(user, values))}@`),
    fromUser: from === '' ? ANONYMOUS : from,
    headers,
  };
}
