// The texts that raw peers send: requests of a caller, and responses and requests of whoever was called.
import { randomBytes } from 'node:crypto';
import type { RawMessage } from './raw-message.js';
import type { RawPeer, SipAddress } from './raw-peer.js';

export const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n';

export function token(): string {
  return randomBytes(6).toString('hex');
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

export function branch(): string {
  return `z9hG4bK${token()}`;
}

/** Joins header lines and a body; Content-Length is counted in bytes. */
export function sipText(startLine: string, headers: readonly string[], body = ''): string {
  const type = body === '' ? [] : ['Content-Type: application/sdp'];
  const lines = [startLine, ...headers, ...type, `Content-Length: ${Buffer.byteLength(body)}`];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

export interface CallOptions {
  readonly user?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  /** Replaces the default Contact. */
  readonly contact?: string;
}

/** One call of a raw peer towards the server: remembers what the requests of a dialog share. */
export class Call {
  readonly callId = `${token()}@peer`;
  readonly fromTag = token();
  readonly inviteBranch = branch();
  readonly inviteText: string;
  readonly #peer: RawPeer;
  readonly #server: SipAddress;
  readonly #user: string;
  #toTag = '';
  cseq = 1;

  constructor(peer: RawPeer, server: SipAddress, options: CallOptions = {}) {
    this.#peer = peer;
    this.#server = server;
    this.#user = options.user ?? 'callee';
    const headers = [`Contact: ${options.contact ?? `<${this.peerUri}>`}`, ...(options.headers ?? [])];
    this.inviteText = this.text('INVITE', { branch: this.inviteBranch, headers, body: options.body ?? SDP });
  }

  get peerUri(): string {
    const { address, port } = this.#peer.local;
    return `sip:peer@${bracketed(address)}:${port}${this.#peer.protocol === 'udp' ? '' : `;transport=${this.#peer.protocol}`}`;
  }

  get uri(): string {
    return `sip:${this.#user}@${bracketed(this.#server.address)}:${this.#server.port}`;
  }

  /** Takes over the dialog's tag from a response. */
  learn(response: RawMessage): void {
    this.#toTag = response.toTag ?? '';
  }

  text(
    method: string,
    options: { branch?: string; cseq?: number; headers?: readonly string[]; body?: string; toTag?: string } = {},
  ): string {
    const { address, port } = this.#peer.local;
    const toTag = options.toTag ?? this.#toTag;
    const transport = this.#peer.protocol.toUpperCase();
    return sipText(
      `${method} ${this.uri} SIP/2.0`,
      [
        `Via: SIP/2.0/${transport} ${bracketed(address)}:${port};branch=${options.branch ?? branch()}`,
        'Max-Forwards: 70',
        `From: "Peer" <sip:peer@${bracketed(address)}>;tag=${this.fromTag}`,
        `To: <${this.uri}>${toTag === '' ? '' : `;tag=${toTag}`}`,
        `Call-ID: ${this.callId}`,
        `CSeq: ${options.cseq ?? this.cseq} ${method}`,
        ...(options.headers ?? []),
      ],
      options.body ?? '',
    );
  }

  invite(): void {
    this.#peer.send(this.inviteText);
  }

  cancel(): void {
    this.#peer.send(this.text('CANCEL', { branch: this.inviteBranch, toTag: '' }));
  }

  /** ACK of a 2xx. */
  ack(): void {
    this.#peer.send(this.text('ACK'));
  }

  /** ACK of a failure: it belongs to the INVITE's transaction. */
  ackFailure(response: RawMessage): void {
    this.#peer.send(this.text('ACK', { branch: this.inviteBranch, toTag: response.toTag ?? '' }));
  }

  /** A request in the dialog with the next CSeq; returns its text. */
  inside(method: string, options: { headers?: readonly string[]; body?: string } = {}): string {
    this.cseq++;
    const text = this.text(method, options);
    this.#peer.send(text);
    return text;
  }
}

/** A response of a peer that was called. */
export function responseText(
  request: RawMessage,
  status: number,
  options: { toTag?: string; headers?: readonly string[]; body?: string } = {},
): string {
  const to = request.header('To');
  const tag = options.toTag === undefined || request.toTag !== undefined ? '' : `;tag=${options.toTag}`;
  return sipText(
    `SIP/2.0 ${status} Said by peer`,
    [
      ...request.headers('Via').map((via) => `Via: ${via}`),
      ...request.headers('Record-Route').map((route) => `Record-Route: ${route}`),
      `From: ${request.header('From')}`,
      `To: ${to}${tag}`,
      `Call-ID: ${request.header('Call-ID')}`,
      `CSeq: ${request.header('CSeq')}`,
      ...(options.headers ?? []),
    ],
    options.body ?? '',
  );
}

/** A request of the called side inside the dialog that `invite` began. */
export function calleeRequestText(
  method: string,
  invite: RawMessage,
  peer: RawPeer,
  options: { toTag: string; cseq?: number; uri?: string; headers?: readonly string[]; body?: string },
): string {
  const { address, port } = peer.local;
  const contact = /<([^>]+)>/.exec(invite.header('Contact'))?.[1] ?? invite.header('Contact');
  return sipText(
    `${method} ${options.uri ?? contact} SIP/2.0`,
    [
      `Via: SIP/2.0/${peer.protocol.toUpperCase()} ${bracketed(address)}:${port};branch=${branch()}`,
      'Max-Forwards: 70',
      `From: ${invite.header('To')};tag=${options.toTag}`,
      `To: ${invite.header('From')}`,
      `Call-ID: ${invite.header('Call-ID')}`,
      `CSeq: ${options.cseq ?? 1} ${method}`,
      ...(options.headers ?? []),
    ],
    options.body ?? '',
  );
}
