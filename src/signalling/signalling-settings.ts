// What the application is told of its peers, and what it is given to ask about their lines.
import type { TrunkTerms } from '../call/call-request.js';
import type { DigestAccount, DigestSettings, GuardedRequest } from '../digest/digest-guard.js';
import type { AgentSource } from './read-agent.js';

export interface SignallingTrunk extends TrunkTerms {
  readonly sources: readonly string[];
  readonly certificate?: string | undefined;
  readonly agentFrom: AgentSource;
  /** `connection`: it is called over the TCP or TLS connection that it has opened itself, where there is one. */
  readonly inbound?: { readonly connection?: boolean | undefined } | undefined;
}

/** A REGISTER as it came; `source` is where from, as a SIP URI. */
export interface ReceivedRegister extends Omit<GuardedRequest, 'method'> {
  /** User of the To header. */
  readonly user: string;
  readonly contact: string | undefined;
  readonly expires: string | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly source: string;
}

/** Lines of gateways that register with us, by whoever keeps them. */
export interface LinePlaces {
  /** False: no line may register, and REGISTER is answered as any other method that means nothing here. */
  readonly isThere: boolean;
  answer(request: ReceivedRegister): {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** One for each WWW-Authenticate. */
    readonly challenges?: readonly string[];
  };
  /** Whether a registered line sends from there. */
  isSource(source: string): boolean;
  /** Whose lines send from there, and the channel when it is the line of one alone; undefined for nobody's. */
  lineAt(source: string): { readonly gateway: string; readonly channelId: string | null } | undefined;
  /** Where a channel is called: where the config says, where its line registered from, or nowhere now. */
  placeOf(
    gateway: string,
    channelId: string,
  ): { readonly contact: string; readonly nextHop: string | undefined } | 'configured' | 'nowhere';
}

/** A gateway from which calls are taken. */
export interface CallingGateway {
  readonly name: string;
  readonly host: string;
  readonly port: number | undefined;
  /** `request-uri`, `to`, `line`, `source-port`, or `header:` and a header's name. */
  readonly channelFrom: string;
  /** `from`, `p-asserted-identity`, `remote-party-id`, or `header:` and a header's name. */
  readonly callerFrom: string;
  readonly channels: readonly CallingChannel[];
}

export interface CallingChannel {
  readonly channelId: string;
  readonly port: number;
  /** What its gateway knows it by, where that is not its port. */
  readonly line: string | undefined;
  /** The account that its line registers with; undefined for none. */
  readonly account: string | undefined;
  readonly simNumber: string;
}

/** What a reload may change. */
export interface PeerSettings {
  readonly trunks: readonly SignallingTrunk[];
  /** Those that are named by a host name are not known by where they send from. */
  readonly gateways: readonly { readonly name: string; readonly host: string }[];
  readonly digest: DigestSettings;
  /** Of trunks that have to prove who they are, by name. */
  readonly trunkAccounts: ReadonlyMap<string, DigestAccount>;
  /** What a gateway gets when it asks for credentials: the channel's own, else the gateway's. */
  accountOf(gateway: string, channelId: string | null): DigestAccount | undefined;
  /** Gateways from which calls are taken. */
  readonly callingGateways?: readonly CallingGateway[] | undefined;
  /** Headers that pass from a trunk's INVITE and BYE to the gateway's; everything else stays on its side. */
  readonly allowedHeaders: readonly string[];
  /** The same of a gateway's responses and BYE towards the trunk. Left out: none. */
  readonly allowedHeadersToTrunks?: readonly string[];
}

export interface SignallingSettings extends PeerSettings {
  readonly lines: LinePlaces;
  /** The SIP server is a thread of this process, whose clock nobody sets: what it says of times is believed. */
  readonly isServerOurs?: boolean;
  /** Other nodes are connected to the same SIP server, which gives each a share of what begins. */
  readonly isServerShared?: boolean;
}

export interface SignallingCounters {
  readonly invites: number;
  readonly unknownSources: number;
  /** Requests that were asked for credentials, because they brought none or old ones. */
  readonly challenged: number;
  /** Requests that brought wrong ones. */
  readonly credentialsRefused: number;
  /** INVITEs that require an extension which we do not have. */
  readonly extensionsRefused: number;
  /** Calls from mobiles that named no channel of their gateway: refused. */
  readonly unknownChannels: number;
  readonly optionsAnswered: number;
  readonly refusedMethods: number;
}
