// Calls from mobiles, as their gateways say them: which gateway an INVITE comes from, which of its channels was called, and who
// calls. All of it is read from one message and may be anything; what fits no channel, or two, is no channel's.
import { isIP } from 'node:net';
import { sourceUri } from './leg-identity.js';
import { userOf } from './message-parts.js';
import { PeerTable } from './peer-table.js';
import type { CallingChannel, CallingGateway, LinePlaces } from './signalling-settings.js';
import type { SipRequest } from './srf.js';

const HEADER = 'header:';
/** A longer header is not looked at. */
const MAX_HEADER_CHARACTERS = 1_024;

export class GatewayCallers {
  readonly #gateways = new PeerTable<CallingGateway | null>();
  readonly #byName: ReadonlyMap<string, CallingGateway>;
  readonly #channels: ReadonlyMap<string, ChannelNames>;
  readonly #lines: LinePlaces;

  /** `trunkSources`: where a trunk sends from comes before a gateway of which only the address is the same. */
  constructor(gateways: readonly CallingGateway[], trunkSources: readonly string[], lines: LinePlaces) {
    this.#lines = lines;
    this.#byName = new Map(gateways.map((gateway) => [gateway.name, gateway]));
    this.#channels = new Map(gateways.map(({ name, channels }) => [name, new ChannelNames(channels)]));
    if (gateways.length === 0) return;
    // Of two that are as precise, the first one counts.
    for (const gateway of gateways) {
      const { host, port } = gateway;
      if (isIP(host) !== 0 && port !== undefined)
        this.#gateways.add(isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`, gateway);
    }
    for (const source of trunkSources) this.#gateways.add(source, null);
    for (const gateway of gateways) this.#gateways.add(gateway.host, gateway);
  }

  /** The gateway that an INVITE comes from; undefined when it is a trunk's, a stranger's, or one whose calls are not taken. */
  gatewayOf(request: SipRequest): CallingGateway | undefined {
    if (this.#byName.size === 0) return undefined;
    const line = this.#lineOf(request);
    if (line !== undefined) return this.#byName.get(line.gateway);
    return this.#gateways.find(request.source_address, request.source_port) ?? undefined;
  }

  /** The channel that was called; undefined when the INVITE does not say, or names none that there is. */
  channelOf(gateway: CallingGateway, request: SipRequest): string | undefined {
    const { channelFrom } = gateway;
    if (channelFrom === 'line') {
      const line = this.#lineOf(request);
      if (line !== undefined && line.channelId !== null) return line.channelId;
    }
    return this.#channels.get(gateway.name)?.find(this.#named(channelFrom, request));
  }

  /** Who calls, as the gateway says it; empty when it does not. */
  callerOf({ callerFrom }: CallingGateway, request: SipRequest): string {
    switch (callerFrom) {
      case 'from':
        return userOf(request.get('From') ?? '');
      case 'p-asserted-identity':
        return userOf(textOf(request, 'P-Asserted-Identity'));
      case 'remote-party-id':
        return userOf(textOf(request, 'Remote-Party-ID'));
      default:
        return plainOrUser(textOf(request, callerFrom.slice(HEADER.length)));
    }
  }

  #lineOf(request: SipRequest): ReturnType<LinePlaces['lineAt']> {
    return this.#lines.isThere ? this.#lines.lineAt(sourceUri(request)) : undefined;
  }

  #named(channelFrom: string, request: SipRequest): string {
    switch (channelFrom) {
      case 'request-uri':
        return userOf(request.uri);
      case 'to':
        return userOf(request.get('To') ?? '');
      case 'line':
        return userOf(request.get('From') ?? '');
      case 'source-port':
        return String(request.source_port);
      default:
        return plainOrUser(textOf(request, channelFrom.slice(HEADER.length)));
    }
  }
}

/** What the channels of one gateway may be called: by line, account, the SIM's number, or port, the more telling first. */
class ChannelNames {
  readonly #byName: readonly ReadonlyMap<string, string | null>[];

  constructor(channels: readonly CallingChannel[]) {
    this.#byName = [
      namesOf(channels, ({ line }) => line),
      namesOf(channels, ({ account }) => account),
      namesOf(channels, ({ simNumber }) => ending(simNumber)),
      namesOf(channels, ({ line, port }) => (line === undefined ? String(port) : undefined)),
    ];
  }

  find(named: string): string | undefined {
    const [byLine, byAccount, byNumber, byPort] = this.#byName;
    const channelId =
      byLine?.get(named) ??
      byAccount?.get(named) ??
      byNumber?.get(ending(named) ?? '') ??
      (/^\d{1,5}$/.test(named) ? byPort?.get(String(Number(named))) : undefined);
    return channelId ?? undefined;
  }
}

/** A name that two channels have is nobody's. */
function namesOf(
  channels: readonly CallingChannel[],
  nameOf: (channel: CallingChannel) => string | undefined,
): ReadonlyMap<string, string | null> {
  const names = new Map<string, string | null>();
  for (const channel of channels) {
    const name = nameOf(channel);
    if (name !== undefined) names.set(name, names.has(name) ? null : channel.channelId);
  }
  return names;
}

/** The last eight digits of a number, which are the same with and without its country; undefined for what is no number. */
function ending(number: string): string | undefined {
  const digits = number.replaceAll(/[-.() ]/g, '');
  return /^\+?\d{9,15}$/.test(digits) ? digits.slice(-8) : undefined;
}

function textOf(request: SipRequest, header: string): string {
  const text = request.get(header) ?? '';
  return text.length > MAX_HEADER_CHARACTERS ? '' : text;
}

/** Headers of gateways hold a name as it is, or a URI. */
function plainOrUser(text: string): string {
  return /<|^\s*(?:sips?|tel):/i.test(text) ? userOf(text) : text.trim();
}
