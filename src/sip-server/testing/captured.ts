// Captured messages for the tests of what is made of them.
import type { CapturedMessage, Endpoint } from '../trace/captured-message.js';

export const US: Endpoint = { address: '10.0.0.1', port: 5060 };
export const PBX: Endpoint = { address: '10.0.0.5', port: 5060 };
export const GATEWAY: Endpoint = { address: '10.0.0.20', port: 5080 };

export function captured(
  isReceived: boolean,
  remote: Endpoint,
  text: string | Buffer,
  more: { readonly wallMs?: number; readonly protocol?: CapturedMessage['protocol']; readonly local?: Endpoint } = {},
): CapturedMessage {
  const local = more.local ?? US;
  return {
    isReceived,
    wallMs: more.wallMs ?? Date.UTC(2026, 10, 21, 7, 10, 0, 123),
    protocol: more.protocol ?? 'udp',
    source: isReceived ? remote : local,
    destination: isReceived ? local : remote,
    local,
    remote,
    bytes: Buffer.from(text),
  };
}

export function sip(startLine: string, method: string, ...headers: readonly string[]): string {
  const lines = [startLine, 'Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1', 'From: <sip:a@b>;tag=1', 'To: <sip:c@d>'];
  return [...lines, 'Call-ID: one', `CSeq: 1 ${method}`, ...headers, 'Content-Length: 0', '', ''].join('\r\n');
}
