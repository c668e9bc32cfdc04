// The typed control port of the embedded SIP server: what drachtio's protocol has no word for. Held by app.ts alone.

export interface SipListenerSettings {
  readonly transport: 'udp' | 'tcp';
  /** Address to bind; IPv4 or IPv6. */
  readonly address: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Address written into Via, Contact and Record-Route towards peers of this listener. */
  readonly advertise: string;
}

export interface SipTimers {
  /** RFC 3261 §17.1.1.1: estimate of the round trip, T2: cap of a non-INVITE retransmission, T4: life of a message. */
  readonly t1Ms: number;
  readonly t2Ms: number;
  readonly t4Ms: number;
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
}

/** Who may talk to us: anything else is dropped without an answer, and counted. `null` lets everybody in. */
export interface SipSources {
  /** Addresses or CIDR blocks. */
  readonly allow: readonly string[] | null;
}

export type SipDropCause = 'unknown-source' | 'malformed' | 'too-large' | 'no-transaction' | 'keepalive';

export interface SipServerCounters {
  readonly receivedRequests: Readonly<Record<string, number>>;
  readonly receivedResponses: Readonly<Record<string, number>>;
  readonly sentRequests: Readonly<Record<string, number>>;
  readonly sentResponses: Readonly<Record<string, number>>;
  readonly retransmissions: number;
  readonly dropped: Readonly<Record<SipDropCause, number>>;
  readonly transactions: number;
  readonly dialogs: number;
}

export interface RunningSipServer {
  readonly adminAddress: string;
  readonly adminPort: number;
  /** With the ports that were really taken. */
  readonly listeners: readonly SipListenerSettings[];
  setSources(sources: SipSources): Promise<void>;
  counters(): Promise<SipServerCounters>;
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
