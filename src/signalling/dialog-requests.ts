// Requests in a dialog that are no offer, both ways: INFO (RFC 6086), MESSAGE (RFC 3428), REFER and NOTIFY (RFC 3515). What they
// mean is the call's to say; one that it does not want it refuses.
import type { DialogMessage, MessageAnswered, PeerMessage, Referral } from '../call/ports-dialog.js';
import type { DigestAccount } from '../digest/digest-guard.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { ALLOWED } from './capabilities.js';
import { requestInDialog } from './challenge-answers.js';
import { ReceivedRefer } from './received-refer.js';
import { bodyOf } from './session-body.js';
import type { ServerResponse, SipDialog, SipRequest } from './srf.js';

/** Those that say what a body is. */
const BODY_HEADERS = ['Content-Type', 'Content-Disposition', 'Content-Language', 'Info-Package'] as const;

/** Who is told of them. */
export interface RequestHearer {
  messaged(message: PeerMessage): void;
  referred(referral: Referral): void;
}

/** To be called in the tick that makes the dialog: without a listener drachtio-srf says 200 to whatever comes. */
export function hearRequests(dialog: SipDialog, log: Logger, hearer: () => RequestHearer | undefined): void {
  for (const event of ['info', 'message', 'notify'] as const) {
    dialog.on(
      event,
      guarded(log, event, (request, response) => {
        const heard = hearer();
        if (heard === undefined) response.send(405, { headers: { Allow: ALLOWED } });
        else heard.messaged(toMessage(request, response));
      }),
    );
  }
  let earlier = 0;
  dialog.on(
    'refer',
    guarded(log, 'refer', (request, response) => {
      const heard = hearer();
      const referral = ReceivedRefer.read(request, response, { dialog, log, earlier });
      if (referral === null) return;
      earlier++;
      if (heard === undefined) referral.refuse(405);
      else heard.referred(referral);
    }),
  );
}

/** Sends a request in a dialog, with the account's credentials when it is asked for them. */
export function sendInDialog(
  parts: { readonly dialog: SipDialog | undefined; readonly log: Logger; readonly account: DigestAccount | undefined },
  message: DialogMessage,
  answered: MessageAnswered,
): void {
  const { dialog, log, account } = parts;
  if (dialog === undefined) {
    answered(481);
    return;
  }
  const { method, headers, body } = message;
  // RFC 3515 §2.2 has a Contact in REFER; drachtio-server writes none there.
  const own = method === 'REFER' && dialog.local.contact !== undefined ? { Contact: dialog.local.contact } : {};
  const request = { method, headers: { ...headers, ...own }, ...(body === null ? {} : { body }) };
  requestInDialog({ dialog, log, account }, request, (error, response) => {
    answered(error || response === undefined ? 481 : response.status);
  });
}

function toMessage(request: SipRequest, response: ServerResponse): PeerMessage {
  const headers: Record<string, string> = {};
  for (const name of BODY_HEADERS) {
    const value = request.get(name);
    if (value !== undefined) headers[name] = value;
  }
  const body = bodyOf(request);
  const type = headers['Content-Type']?.split(';')[0]?.trim().toLowerCase();
  return {
    method: request.method as PeerMessage['method'],
    headers,
    body,
    contentType: body === null || !type ? null : type,
    answer: (status, own = {}) =>
      response.send(status, { headers: status === 405 ? { Allow: ALLOWED, ...own } : { ...own } }),
  };
}
