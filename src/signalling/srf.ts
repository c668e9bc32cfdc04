// drachtio-srf as this application uses it: the calls and events that its own types leave out. Never patched.
import Srf from 'drachtio-srf';

export interface SipMessage {
  /** Empty or absent when the message has none. */
  readonly body: string | undefined;
  readonly method: string;
  readonly uri: string;
  readonly source: 'network' | 'application';
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  /** When the server read it: `HH:MM:SS.uuuuuu`, UTC. */
  readonly stackTime: string | undefined;
  get(name: string): string | undefined;
  has(name: string): boolean;
}

export interface SipResponse extends SipMessage {
  readonly status: number;
  readonly reason: string;
  /** The request that it answers, as it went out. */
  readonly req: SipMessage;
}

export interface SipRequest extends SipMessage {
  /** How it is answered, when it came from the network. */
  readonly res?: ServerResponse;
  cancel(options: { headers?: Record<string, string> }, callback: (error: unknown) => void): void;
  on(event: 'response', listener: (response: SipResponse, ack: () => void) => void): void;
  on(event: 'cancel', listener: (request: SipMessage) => void): void;
  on(event: 'update', listener: (request: SipRequest, response: ServerResponse) => void): void;
  removeAllListeners(event: 'update'): void;
}

/** The object by which a request from the network is answered. */
export interface ServerResponse {
  readonly finalResponseSent: boolean;
  send(
    status: number,
    options: { headers?: Record<string, string>; body?: string },
    callback?: (error: unknown, sent: SipMessage) => void,
    /** Told of the ACK of a 2xx, and of the PRACK of a reliable provisional response, which it answers by `res` in this tick. */
    onAck?: (ack: SipRequest) => void,
  ): void;
}

export interface SipDialog {
  /** `uas`: the peer has called. */
  readonly type: 'uas' | 'uac';
  readonly sip: { readonly callId: string; readonly localTag: string };
  readonly local: { readonly contact: string | undefined };
  readonly remote: { readonly uri: string };
  readonly req: SipMessage;
  readonly res: SipMessage;
  /** Told of every response; the ACK of a final one is sent by itself when the request had a body. */
  request(
    options: { method: string; headers?: Record<string, string>; body?: string },
    callback: (error: unknown, response?: SipResponse) => void,
  ): void;
  on(event: 'destroy', listener: (request: SipMessage, reason?: string) => void): void;
  on(event: 'modify' | 'update', listener: (request: SipRequest, response: ServerResponse) => void): void;
  on(event: 'ack', listener: (request: SipMessage) => void): void;
  on(
    event: 'info' | 'refer' | 'message' | 'notify',
    listener: (request: SipRequest, response: ServerResponse) => void,
  ): void;
}

/** What a failed createUAC hands over: a SipError with the response, or a local error without. */
export interface DialError {
  readonly status?: number;
  readonly res?: SipResponse;
  readonly message?: string;
}

export interface SrfApplication {
  connect(options: {
    host: string;
    port: number;
    secret: string;
    reconnect: { /** Milliseconds. */ retryMaxDelay: number };
  }): void;
  disconnect(): void;
  on(event: 'connect', listener: (error: Error | null, hostport: string) => void): void;
  on(event: 'error' | 'close', listener: (error?: Error) => void): void;
  use(method: string, handler: (request: SipRequest, response: ServerResponse) => void): void;
  /** Wants no new requests of a method any more, or wants them again. */
  unregisterForMessages(method: string): void;
  reregisterForMessages(method: string): void;
  createUAS(
    request: SipRequest,
    response: ServerResponse,
    options: { localSdp: string; headers?: Record<string, string> },
    callback: (error: unknown, dialog?: SipDialog) => void,
  ): void;
  createUAC(
    uri: string,
    options: { localSdp: string; headers: Record<string, string>; callingNumber: string; proxy?: string },
    progress: {
      cbRequest: (error: unknown, request?: SipRequest) => void;
      cbProvisional: (response: SipResponse) => void;
    },
    callback: (error: DialError | null, dialog?: SipDialog) => void,
  ): void;
  request(
    uri: string,
    options: { method: string; headers?: Record<string, string>; proxy?: string; body?: string },
    callback: (error: unknown, request?: SipRequest) => void,
  ): void;
}

export function createSrf(): SrfApplication {
  return new Srf() as unknown as SrfApplication;
}
