// Requests as we send them: new ones (RFC 3261 §8.1.1) and those inside a dialog (§12.2.1.1).

import type { Dialog } from '../dialog/dialog.js';
import { routeInDialog } from '../dialog/route-set.js';
import { composeText, type RequestFields } from '../message/compose-text.js';
import { parseNameAddress } from '../message/name-address.js';
import type { OutgoingRequest } from '../message/outgoing-request.js';
import { newBranch, newCallId, newCSeqNumber, newTag } from '../message/random-tokens.js';
import { parseSipUri, uriParameter } from '../message/uri.js';
import type { Flow } from '../transport/flow.js';
import type { TransportLayer } from '../transport/transport-layer.js';
import { type AppHeaders, contentTypeOf } from './app-headers.js';

/** A new request. The application's values win; what it left out is filled in. */
export function composeNewRequest(
  method: string,
  uri: string,
  headers: AppHeaders,
  body: string,
  flow: Flow,
): OutgoingRequest {
  const { listener } = flow;
  const from = headers.from ?? `<${listener.contactUri}>`;
  const makesDialog = method === 'INVITE' || method === 'SUBSCRIBE';
  const fields: RequestFields = {
    method,
    uri,
    routes: [],
    branch: newBranch(),
    maxForwards: headers.maxForwards ?? '70',
    from: parseNameAddress(from)?.tag === undefined ? `${from};tag=${newTag()}` : from,
    to: headers.to ?? `<${uri}>`,
    callId: headers.callId ?? newCallId(),
    cseqNumber: headers.cseqNumber ?? newCSeqNumber(),
    contact: headers.contact ?? (makesDialog ? `<${listener.contactUri}>` : undefined),
    others: headers.others,
    contentType: contentTypeOf(headers, body),
    body,
  };
  return composeText(fields, listener);
}

/** Methods whose request refreshes the target and so carries a Contact. RFC 3261 §12.2.1.1, RFC 3515, RFC 6665. */
const WITH_CONTACT = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'UPDATE', 'NOTIFY']);

/** A request inside a dialog; its CSeq is the next one unless the application gave one. */
export function composeInDialog(
  method: string,
  dialog: Dialog,
  requestedUri: string,
  headers: AppHeaders,
  body: string,
  flow: Flow,
): OutgoingRequest {
  const { requestUri, routes } = routeInDialog(dialog.origin.routeSet, requestedUri);
  let cseqNumber: number;
  if (method === 'ACK') cseqNumber = dialog.ackSeq ?? dialog.localSeq;
  else if (headers.cseqNumber !== undefined) {
    cseqNumber = headers.cseqNumber;
    dialog.localSeq = Math.max(dialog.localSeq, cseqNumber);
  } else cseqNumber = dialog.nextSeq();
  return composeText(
    {
      method,
      uri: requestUri,
      routes,
      branch: newBranch(),
      maxForwards: headers.maxForwards ?? '70',
      from: dialog.origin.localParty,
      to: dialog.origin.remoteParty,
      callId: dialog.origin.callId,
      cseqNumber,
      contact: headers.contact ?? (WITH_CONTACT.has(method) ? dialog.contact : undefined),
      others: headers.others,
      contentType: contentTypeOf(headers, body),
      body,
    },
    flow.listener,
  );
}

/**
 * Where a request inside a dialog goes. A promise only when the next hop is a name. Deviation: a target that leads nowhere, such as a
 * name that nobody knows or a transport that we do not speak, is looked for where the dialog was made: its call could not be
 * acknowledged or ended otherwise.
 */
export function flowInDialog(dialog: Dialog, requestedUri: string, transport: TransportLayer): Flow | Promise<Flow> {
  const flow = flowToTarget(dialog, requestedUri, transport);
  const made = dialog.origin.flow;
  return flow instanceof Promise ? flow.then((found) => found ?? made) : (flow ?? made);
}

function flowToTarget(
  dialog: Dialog,
  requestedUri: string,
  transport: TransportLayer,
): Flow | null | Promise<Flow | null> {
  const pinned = dialog.pinnedFlow;
  if (pinned !== null && (pinned.listener.protocol === 'udp' || pinned.connection?.isUsable)) return pinned;
  const { nextHop } = routeInDialog(dialog.origin.routeSet, requestedUri);
  const uri = parseSipUri(nextHop);
  if (uri === null) return null;
  const { protocol } = dialog.origin.flow.listener;
  if (protocol !== 'udp' && uriParameter(uri, 'transport') === undefined) {
    // Deviation: a peer that called over a connection and names no transport is called over that transport, not UDP.
    return transport.flowToUri({ ...uri, parameters: `${uri.parameters};transport=${protocol}` });
  }
  const flow = transport.flowToUri(uri);
  const { address, serverName } = dialog.origin.flow;
  if (serverName === undefined || flow === null || flow instanceof Promise || flow.address !== address) return flow;
  // A peer that was called by its name shows that name in its certificate, whatever its Contact says.
  return { ...flow, serverName };
}
