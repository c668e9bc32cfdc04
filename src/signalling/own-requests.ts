// Requests of ours outside of any call's dialogs: REGISTER, OPTIONS, and the BYE for a leg whose dialog is gone. Signed where a
// peer asks for credentials.
import type { LegIdentity, OrphanCause } from '../call/ports.js';
import { placeOfPeer } from '../call/transfer-requests.js';
import type { DigestAccount } from '../digest/digest-guard.js';
import type { Logger } from '../lib/logger.js';
import { requestWithAccount } from './challenge-answers.js';
import type { SignallingSettings } from './signalling-settings.js';
import type { SipResponse, SrfApplication } from './srf.js';

/** A REGISTER of ours. */
export interface RegisterToSend {
  readonly uri: string;
  readonly aor: string;
  readonly contactUser: string;
  readonly callId: string;
  readonly cseq: number;
  readonly expiresSeconds: number;
  readonly proxy: string | undefined;
  readonly account: DigestAccount | undefined;
}

/** What they are sent by, and who has which credentials. */
export interface RequestSender {
  readonly srf: SrfApplication;
  readonly log: Logger;
  readonly accountOf: SignallingSettings['accountOf'];
}

/** Resolves with the final status, null when none came from the peer. */
export function sendOrphanBye(
  { srf, log, accountOf }: RequestSender,
  identity: LegIdentity,
  cause: OrphanCause,
): Promise<number | null> {
  const { channelId } = identity;
  // A gateway's name may hold no slash.
  const account = channelId === undefined ? undefined : accountOf(channelId.split('/')[0] ?? '', channelId);
  // A number that this dialog cannot have used: what we send in it beside offers is digits and messages of people.
  const cseq = identity.cseq + 10_000;
  const headers = {
    From: identity.local,
    To: identity.remote,
    'Call-ID': identity.callId,
    CSeq: `${cseq} BYE`,
    Reason: `SIP;cause=503;text="${cause}"`,
  };
  const { nextHop } = identity;
  // A connection that the peer had made went with the process that took it: nobody listens at its other end.
  const { otherHop } = placeOfPeer(identity, 'auto');
  return new Promise((resolve) => {
    const send = (proxy: string, otherwise: string | null): void =>
      requestWithAccount(
        { srf, log, account },
        identity.remoteTarget,
        { method: 'BYE', proxy, headers },
        (response) => {
          const status = statusOf(response);
          if (status === null && otherwise !== null) {
            send(otherwise, null);
            return;
          }
          if (response === null) log.warn({ sipCallId: identity.callId }, 'orphaned leg could not be ended');
          resolve(status);
        },
      );
    send(nextHop, otherHop);
  });
}

/** Resolves with the final response, null when none came from the registrar. */
export function sendRegister({ srf, log }: RequestSender, register: RegisterToSend): Promise<SipResponse | null> {
  const { uri, aor, contactUser, callId, cseq, expiresSeconds, proxy, account } = register;
  const headers = {
    From: `<${aor}>`,
    To: `<${aor}>`,
    // The server writes its own address there.
    Contact: `<sip:${contactUser}@localhost>`,
    'Call-ID': callId,
    CSeq: `${cseq} REGISTER`,
    Expires: String(expiresSeconds),
  };
  return new Promise((resolve) => {
    requestWithAccount({ srf, log, account }, uri, { method: 'REGISTER', headers, proxy }, (response) =>
      resolve(statusOf(response) === null ? null : response),
    );
  });
}

/** OPTIONS to a gateway; resolves with the final status, null when nothing came from it. */
export function sendProbe(
  { srf, log, accountOf }: RequestSender,
  uri: string,
  gateway: string,
): Promise<number | null> {
  const account = accountOf(gateway, null);
  return new Promise((resolve) => {
    requestWithAccount({ srf, log, account }, uri, { method: 'OPTIONS', headers: {} }, (response) =>
      resolve(statusOf(response)),
    );
  });
}

/** Null when the server made the response in place of one that never came. */
function statusOf(response: SipResponse | null): number | null {
  return response?.source_address ? response.status : null;
}
