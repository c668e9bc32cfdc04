// What names a dialog on the wire, read from the messages that made it (RFC 3261 §12.1), for a BYE without the dialog.
import type { LegIdentity } from '../call/ports.js';
import { cseqNumber } from './message-parts.js';
import type { SipDialog, SipMessage } from './srf.js';

/** Identity of a leg where we answered: the local side is the To of the request, with the tag of our response. */
export function identityOfCaller(invite: SipMessage, dialog: SipDialog): LegIdentity {
  return {
    callId: invite.get('Call-ID') ?? '',
    local: `${invite.get('To') ?? ''};tag=${dialog.sip.localTag}`,
    remote: invite.get('From') ?? '',
    // The peer's CSeq space is its own; ours begins with the first request that we send (§12.1.1).
    cseq: cseqNumber(invite),
    remoteTarget: dialog.remote.uri,
    nextHop: sourceUri(invite),
  };
}

/** Identity of a leg where we called. */
export function identityOfCallee(
  { invite, channelId }: { readonly invite: SipMessage; readonly channelId: string },
  answer: SipMessage,
  remoteTarget: string,
): LegIdentity {
  return {
    channelId,
    callId: invite.get('Call-ID') ?? '',
    local: invite.get('From') ?? '',
    remote: answer.get('To') ?? '',
    cseq: cseqNumber(invite),
    remoteTarget,
    nextHop: sourceUri(answer),
  };
}

/** The source of the peer's packets: it reaches the peer, or the proxy between, also behind a NAT. */
export function sourceUri(message: SipMessage): string {
  const address = message.source_address;
  const host = address.includes(':') ? `[${address}]` : address;
  const { protocol } = message;
  const transport = protocol === 'tcp' || protocol === 'tls' ? `;transport=${protocol}` : '';
  return `sip:${host}:${message.source_port}${transport}`;
}

/** The same as a next hop of the connection that is open, or of nobody: our own SIP server opens none to whoever opened it. */
export function openConnectionTo(source: string): string {
  return `${source};open-connection`;
}
