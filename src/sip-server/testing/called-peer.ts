// What a raw peer that is called says and does.
import type { RawMessage } from './raw-message.js';
import type { RawPeer } from './raw-peer.js';
import { responseText, SDP } from './sip-script.js';

export function uriOf(peer: RawPeer): string {
  const { address, port } = peer.local;
  return `sip:4711@${address}:${port}${peer.protocol === 'tcp' ? ';transport=tcp' : ''}`;
}

export function contactOf(peer: RawPeer): string {
  return `Contact: <${uriOf(peer)}>`;
}

/** Answers an INVITE as a callee does and waits for the ACK. */
export async function answer(peer: RawPeer, invite: RawMessage, toTag: string): Promise<RawMessage> {
  peer.send(responseText(invite, 200, { toTag, headers: [contactOf(peer)], body: SDP }));
  return peer.request('ACK');
}
