// The typed control port of the embedded SIP server: what drachtio's protocol has no word for. Held by app.ts alone.

export interface SipListenerSettings {
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Address to bind; IPv4 or IPv6. */
  readonly address: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Address written into Via, Contact and Record-Route towards peers of this listener. */
  readonly advertise: string;
  /** A name for the network that it is in; {@link SipPeers} use it. */
  readonly network?: string;
  /** Of a TLS listener, which needs it. */
  readonly tls?: SipTlsSettings;
}

/** Certificates as PEM texts. One certificate speaks for a listener both as server and as client. */
export interface SipTlsSettings {
  /** Ours, followed by its chain. */
  readonly cert: string;
  readonly key: string;
  /** Who may have signed the certificates of peers; left out, whom the runtime trusts. */
  readonly ca?: string;
  /** True: a peer that connects must show a certificate signed by `ca`. */
  readonly requestClientCertificate?: boolean;
  /**
   * What a server that we connect to must prove: `name`, that its certificate is trusted and speaks for the target's host
   * (RFC 5922); `chain`, that it is trusted; `off`, nothing. Left out: `name`.
   */
  readonly verifyServer?: 'name' | 'chain' | 'off';
}

export interface SipConnectionSettings {
  /** Accepted connections, TCP and TLS, of all listeners together. */
  readonly max: number;
  /** A connection that carries no transaction and no dialog is closed when nothing came or went for so long. */
  readonly idleMs: number;
  /** A connection must be open after so long, TLS handshake included. */
  readonly openingMs: number;
}

export interface SipTimers {
  /** RFC 3261 §17.1.1.1: estimate of the round trip, T2: cap of a non-INVITE retransmission, T4: life of a message. */
  readonly t1Ms: number;
  readonly t2Ms: number;
  readonly t4Ms: number;
}

/** Who decides about new requests of a method, in place of the applications that are connected. */
export interface SipRequestHandler {
  /** Of the requests, in upper case; `*` for all. */
  readonly method: string;
  /** `http:` or `https:`, which is asked; `tcp:` or `tls:`, where an application listens that the server connects to. */
  readonly url: string;
  readonly httpMethod?: 'GET' | 'POST';
  /** False: a `tls:` application may show any certificate. */
  readonly verifyPeer?: boolean;
}

export interface SipServerSettings {
  readonly listeners: readonly SipListenerSettings[];
  readonly admin: {
    readonly address: string /** 0 takes a free port. */;
    readonly port: number;
    readonly secret: string;
  };
  readonly timers: SipTimers;
  /** Largest message accepted, bytes. */
  readonly maxMessageBytes: number;
  /** Left out: `DEFAULT_DEFENCE`. */
  readonly defence?: SipDefenceSettings;
  /** Where a copy of every message goes. */
  readonly mirror?: SipMirrorSettings;
  /** Largest start line and headers together, bytes. Left out: 16,384. */
  readonly maxHeaderBytes?: number;
  readonly connections?: Partial<SipConnectionSettings>;
  readonly requestHandlers?: readonly SipRequestHandler[];
  /** Refreshes and ends sessions as applications agree on with Session-Expires. Left out: it does; else they do it themselves. */
  readonly keepsSessions?: boolean;
  /** Name servers as `address` or `address:port`. Left out: what the system asks. */
  readonly nameServers?: readonly string[];
}

/** A token bucket: as many messages at once as `burst`, and in the long run so many a second. */
export interface SipRate {
  readonly messagesPerSecond: number;
  readonly burst: number;
}

/** What protects the server from what it is sent. A source is an IPv4 address, or the /64 of an IPv6 address. */
export interface SipDefenceSettings {
  /** For each source that is not known; null: any rate. */
  readonly rate: SipRate | null;
  /** For each source of {@link SipSources.known}. */
  readonly knownRate: SipRate | null;
  /** Parts of a User-Agent, in any case: requests that carry one are dropped, unless their source is known. */
  readonly scanners: readonly string[];
  /** A source is banned after so many malformed, too large or scanner's messages in a window; null: never. */
  readonly ban: { readonly offences: number; readonly windowSeconds: number; readonly banSeconds: number } | null;
  /** With so many transactions, new requests outside dialogs get 503. */
  readonly maxTransactions: number;
  /** In that 503; 0 leaves the header out. */
  readonly retryAfterSeconds: number;
  /** Open connections of one source that is not known. */
  readonly maxConnectionsPerSource: number;
}

/** Who may talk to us: anything else is dropped without an answer, and counted. Addresses or CIDR blocks. */
export interface SipSources {
  /** `null` lets everybody in that is not denied. */
  readonly allow: readonly string[] | null;
  readonly deny?: readonly string[];
  /**
   * Peers of ours: they have a rate of their own, and are neither taken for scanners nor banned for what they send. Whom an
   * application calls is known, too, for an hour.
   */
  readonly known?: readonly string[];
}

/** What is known of some peers beforehand. */
export interface SipPeers {
  /** Addresses or CIDR blocks. */
  readonly addresses: readonly string[];
  /** They are called from listeners of this network, if one fits. Left out: from the network nearest to them. */
  readonly network?: string;
  /**
   * True: requests in a dialog go where their Contact says. Left out or false: to the source of their packets where that is
   * another, as for a peer behind a NAT, unless there is a route set.
   */
  readonly followsContact?: boolean;
}

/** Why a message or a connection was not taken. */
export type SipDropCause =
  | 'denied-source'
  | 'unknown-source'
  | 'banned'
  | 'rate-limited'
  | 'scanner'
  | 'too-many-connections'
  | 'tls-handshake'
  | 'overload'
  | 'malformed'
  | 'too-large'
  | 'no-transaction'
  | 'keepalive';

export interface SipServerCounters {
  /** By method; methods that nobody has heard of are `other`. */
  readonly receivedRequests: Readonly<Record<string, number>>;
  readonly sentRequests: Readonly<Record<string, number>>;
  /** By method, then by status. */
  readonly receivedResponses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly sentResponses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Requests and responses that came again to a transaction, or were sent again by one. */
  readonly receivedRetransmissions: number;
  readonly sentRetransmissions: number;
  readonly dropped: Readonly<Record<SipDropCause, number>>;
  readonly transactions: number;
  /** By machine (`invite-server`, …), then by state. */
  readonly transactionsByState: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly dialogs: number;
  /** Running timers, of transactions and of what waits for an ACK. */
  readonly timers: number;
  /** Heap of the server's thread, with what is not collected yet. */
  readonly heapUsedBytes: number;
  /** Open TCP and TLS connections. */
  readonly connections: number;
  /** Connections closed because nothing used them. */
  readonly idleConnectionsClosed: number;
  /** Requests that were sent again to another target, or over UDP after TCP was refused. */
  readonly failovers: number;
  /** Sources that are remembered, bans since the start, and bans in force. */
  readonly sources: number;
  readonly bansMade: number;
  readonly bansInForce: number;
  readonly isOverloaded: boolean;
  /** Copies that went to the collector, and those that could not. */
  readonly mirrored: number;
  readonly mirrorDropped: number;
}

/** A Homer collector, which speaks HEPv3 over UDP. It gets messages as they are, secrets included. */
export interface SipMirrorSettings {
  readonly host: string;
  readonly port: number;
  /** Which server this is among all that the collector hears. */
  readonly captureId: number;
  readonly password?: string;
}

/** What a trace is about: one Call-ID; calls that name a number in From, To, request-URI or P-Asserted-Identity; everything. */
export type SipTraceMatch =
  | { readonly kind: 'call-id'; readonly callId: string }
  | { readonly kind: 'number'; readonly number: string }
  | { readonly kind: 'all' };

export interface SipTraceRequest {
  readonly match: SipTraceMatch;
  /** The last so many are kept; 1,000 when left out, 10,000 and 16 MiB at most. */
  readonly maxMessages?: number;
  /** Ends by itself then. */
  readonly forSeconds?: number;
}

export interface SipTraceRefusal {
  readonly ok: false;
  readonly reason: 'too-many-traces';
}

export interface SipTraceState {
  readonly id: string;
  readonly match: SipTraceMatch;
  /** One that has ended can still be read. */
  readonly isRunning: boolean;
  readonly messages: number;
  readonly bytes: number;
  /** Older messages that made room for newer ones. */
  readonly forgotten: number;
}

export interface SipLadderOptions {
  /** Takes digest responses, passwords and media keys out. Left out: true. */
  readonly maskSecrets?: boolean;
  /** The whole messages after the ladder. Left out: true. */
  readonly withMessages?: boolean;
}

export interface SipDrain {
  readonly retryAfterSeconds?: number;
}

export interface SipBan {
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly source: string;
  readonly by: 'offences' | 'operator';
  /** Null for a ban without end. */
  readonly remainingSeconds: number | null;
}

export interface SipBanRefusal {
  readonly ok: false;
  readonly reason: 'not-an-address' | 'ban-list-full';
}

/** What one source did wrong, since it was last forgotten. */
export interface SipSourceReport {
  readonly source: string;
  /** Messages that could not be read, or were too large. */
  readonly malformed: number;
  readonly scans: number;
  readonly overRate: number;
}

/** What the server tells without being asked. */
export interface SipServerEvents {
  /** Told of at most 20 bans a second; the counters know them all. */
  'source:banned': readonly [
    ban: {
      readonly source: string;
      readonly offence: 'malformed' | 'too-large' | 'scanner';
      readonly banSeconds: number;
    },
  ];
  'overload:started': readonly [overload: { readonly transactions: number }];
  'overload:ended': readonly [
    overload: { readonly transactions: number; readonly refused: number; readonly seconds: number },
  ];
  /** A 2xx to an INVITE of a process before this one was acknowledged and ended. */
  'answer:unclaimed': readonly [answer: { readonly callId: string }];
  /** A further branch of a forked INVITE was answered, acknowledged and ended: its application talks over the first. */
  'answer:forked': readonly [answer: { readonly callId: string }];
  'listener:failed': readonly [failure: { readonly listener: string; readonly error: string }];
  /** The collector cannot be found or reached; told of once a minute at most. */
  'mirror:failed': readonly [failure: { readonly collector: string; readonly error: string }];
}

export interface RunningSipServer {
  readonly adminAddress: string;
  readonly adminPort: number;
  /** With the ports that were really taken. */
  readonly listeners: readonly SipListenerSettings[];
  /** Rejects, and changes nothing, when an entry is no address or CIDR block. */
  setSources(sources: SipSources): Promise<void>;
  /**
   * Replaces what is known of peers; the first entry that holds an address counts. Dialogs that exist keep their ways.
   * Rejects, and changes nothing, when an entry is no address or CIDR block.
   */
  setPeers(peers: readonly SipPeers[]): Promise<void>;
  /**
   * Gives a TLS listener another certificate; connections made from then on show it. Whether clients need a certificate
   * cannot be changed so. Rejects with RangeError, and changes nothing, when the certificate cannot be used.
   */
  setCertificate(listener: { readonly address: string; readonly port: number }, tls: SipTlsSettings): Promise<void>;
  /**
   * In lower case, the names that the certificate speaks for of whoever is connected from this address and port: common name,
   * host names, hosts of `sip:` URIs. Null without a TLS connection, or without a certificate that was verified.
   */
  peerNames(address: string, port: number): Promise<readonly string[] | null>;
  counters(): Promise<SipServerCounters>;
  /**
   * Shuts a source out, a known one too. IPv6: its /64.
   * @param seconds null for a ban without end; nothing survives the end of the thread
   */
  ban(source: string, seconds: number | null): Promise<{ readonly ok: true } | SipBanRefusal>;
  /** False when it was not banned. */
  unban(source: string): Promise<boolean>;
  bans(): Promise<readonly SipBan[]>;
  /** The sources that had most of their messages dropped, worst first. */
  sources(limit: number): Promise<readonly SipSourceReport[]>;
  /**
   * Takes no new dialogs from peers: they get 503, what is there goes on.
   * @param drain null takes them again; without `retryAfterSeconds` the 503 has no Retry-After (RFC 3261 §21.5.4)
   */
  setDrain(drain: SipDrain | null): Promise<void>;
  /** Begins to collect messages; there are eight traces at most, of which the oldest that has ended makes room. */
  startTrace(request: SipTraceRequest): Promise<{ readonly ok: true; readonly id: string } | SipTraceRefusal>;
  /** Ends a trace, which stays readable; false when there is none of that id. */
  stopTrace(id: string): Promise<boolean>;
  traces(): Promise<readonly SipTraceState[]>;
  /** A trace as a text for people; null when there is none of that id. */
  traceLadder(id: string, options?: SipLadderOptions): Promise<string | null>;
  /** A trace as a pcap file, secrets included; null when there is none of that id. */
  tracePcap(id: string): Promise<Uint8Array | null>;
  /** Sets or takes away where a copy of every message goes. */
  setMirror(mirror: SipMirrorSettings | null): Promise<void>;
  /** Adds a listener; the returned function removes it. */
  on<K extends keyof SipServerEvents>(event: K, listener: (...args: SipServerEvents[K]) => void): () => void;
  /**
   * Called with the Call-ID of an INVITE of ours whose first response was 100 Trying. drachtio's protocol does not
   * deliver 100, yet a gateway that says it is not silent.
   */
  onTrying(listener: (callId: string) => void): void;
  /** Called once if the thread ends by itself. */
  onExit(listener: (cause: Error) => void): void;
  /** Closes sockets and ends the thread. Idempotent. */
  close(): Promise<void>;
}

/** What an operator asks of a server while it runs. */
export type SipOperations = Pick<
  RunningSipServer,
  'ban' | 'unban' | 'bans' | 'sources' | 'startTrace' | 'stopTrace' | 'traces' | 'traceLadder' | 'tracePcap'
>;
