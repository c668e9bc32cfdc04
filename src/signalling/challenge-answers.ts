// Our answers to 401 and 407, for one request and its repetitions with credentials. RFC 3261 §22.2, §22.3.
import { isIP } from 'node:net';
import { answerChallenge, type SignedRequest } from '../digest/digest-client.js';
import type { DigestAccount } from '../digest/digest-guard.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { sourceUri } from './leg-identity.js';
import { cseqNumber } from './message-parts.js';
import type { SipDialog, SipMessage, SipRequest, SipResponse, SrfApplication } from './srf.js';

/** A proxy and the server behind it may both ask, and a nonce may end between. */
const MAX_ANSWERS = 3;

const HEADERS: Readonly<Record<number, { readonly asked: string; readonly answered: string }>> = {
  401: { asked: 'WWW-Authenticate', answered: 'Authorization' },
  407: { asked: 'Proxy-Authenticate', answered: 'Proxy-Authorization' },
};

export class ChallengeAnswers {
  readonly #account: DigestAccount | undefined;
  readonly #given: Record<string, string> = {};
  #answers = 0;

  constructor(account: DigestAccount | undefined) {
    this.#account = account;
  }

  /** Headers for the request to be sent again with; null when it is no challenge, or our credentials were refused. */
  headersFor(response: SipResponse, request: SignedRequest): Readonly<Record<string, string>> | null {
    const names = HEADERS[response.status];
    const challenge = names === undefined ? undefined : response.get(names.asked);
    if (this.#account === undefined || names === undefined || challenge === undefined) return null;
    const answer = answerChallenge(challenge, request, this.#account);
    if (answer === null || this.#answers >= MAX_ANSWERS) return null;
    // RFC 3261 §22.2: credentials that were refused are not tried again, unless only their nonce was over.
    if (names.answered in this.#given && !answer.isStale) return null;
    this.#answers++;
    this.#given[names.answered] = answer.credentials;
    return { ...this.#given };
  }
}

/** What makes a request outside a dialog a repetition of the one that was challenged (RFC 3261 §22.2). */
export function repetitionOf(sent: SipMessage): Readonly<Record<string, string>> {
  return {
    'Call-ID': sent.get('Call-ID') ?? '',
    From: sent.get('From') ?? '',
    CSeq: `${cseqNumber(sent) + 1} ${sent.method}`,
  };
}

/**
 * The server that asked, as next hop of the repetition, where the URI names a host: another of its addresses may not know
 * the nonce. Of TLS the name itself is needed.
 */
export function challengerOf(uri: string, response: SipResponse): string | undefined {
  const host = /^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?]+)/i.exec(uri)?.[1] ?? '';
  const isName = isIP(host.replace(/^\[|\]$/g, '')) === 0;
  return isName && response.protocol !== 'tls' && response.source_address ? sourceUri(response) : undefined;
}

export interface OwnRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Next hop, where it is not the URI's. */
  readonly proxy?: string | undefined;
}

/**
 * A request outside any dialog, with the account's credentials when it is asked for them.
 * @param onFinal called once; null when the request could not be sent
 */
export function requestWithAccount(
  parts: { readonly srf: SrfApplication; readonly log: Logger; readonly account: DigestAccount | undefined },
  uri: string,
  request: OwnRequest,
  onFinal: (response: SipResponse | null) => void,
): void {
  const { srf, log, account } = parts;
  const { method, body } = request;
  const answers = new ChallengeAnswers(account);
  const send = (headers: Readonly<Record<string, string>>, proxy: string | undefined): void => {
    const onSent = (error: unknown, sent?: SipRequest): void => {
      if (error || sent === undefined) {
        log.debug({ method, cause: String(error) }, 'request was not sent');
        onFinal(null);
        return;
      }
      const onResponse = (response: SipResponse): void => {
        if (response.status < 200) return;
        const signed = answers.headersFor(response, { method, uri: sent.uri, body: body ?? '' });
        if (signed === null) onFinal(response);
        else send({ ...headers, ...repetitionOf(sent), ...signed }, challengerOf(sent.uri, response) ?? proxy);
      };
      sent.on('response', guarded(log, `${method} answered`, onResponse));
    };
    const options = {
      ...{ method, headers: { ...headers } },
      ...(proxy === undefined ? {} : { proxy }),
      ...(body === undefined ? {} : { body }),
    };
    srf.request(uri, options, guarded(log, `${method} sent`, onSent));
  };
  send(request.headers, request.proxy);
}

/**
 * A request inside a dialog, with the account's credentials when it is asked for them; the server raises the CSeq. The digest
 * is made for the request-URI that really went out.
 * @param onFinal called once, with an error when the request could not be sent
 */
export function requestInDialog(
  parts: { readonly dialog: SipDialog; readonly log: Logger; readonly account: DigestAccount | undefined },
  request: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string },
  onFinal: (error: unknown, response?: SipResponse) => void,
): void {
  const { dialog, log, account } = parts;
  const { method, body } = request;
  const answers = new ChallengeAnswers(account);
  const send = (headers: Readonly<Record<string, string>>): void => {
    const onResponse = (error: unknown, response?: SipResponse): void => {
      if (error || response === undefined) {
        onFinal(error ?? new Error(`no response to ${method}`));
        return;
      }
      if (response.status < 200) return;
      const signed = answers.headersFor(response, { method, uri: response.req.uri, body: body ?? '' });
      if (signed === null) onFinal(null, response);
      else send({ ...headers, ...signed });
    };
    const options = { method, headers: { ...headers }, ...(body === undefined ? {} : { body }) };
    dialog.request(options, guarded(log, `${method} answered`, onResponse));
  };
  send(request.headers);
}

/** Of an error: the server knows the dialog no more (wire protocol §8.4); else the request could not be sent. */
export function isDialogGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENODIALOG';
}
