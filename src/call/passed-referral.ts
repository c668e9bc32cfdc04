// A blind transfer that the gateway is to do: its trunk's REFER goes to the channel's leg with the number as the channel dials it,
// and the gateway's NOTIFYs tell the transferor how it goes. Policy is asked; what the gateway then calls is not known here.
import { finalAnswerFor } from './end-reason.js';
import type { AdmissionPort, AdmissionRequest } from './ports.js';
import type { PeerMessage, Referral } from './ports-dialog.js';
import type { TrunkSide } from './trunk-side.js';

export interface PassedReferral {
  readonly isOver: boolean;
  /** A NOTIFY of the gateway; false when it is none of this. */
  notified(message: PeerMessage): boolean;
  end(): void;
}

/**
 * Null when it was refused here.
 * @param request what policy is asked: no call of its own is placed
 * @param onDone told the final status, once
 */
export function passReferral(
  admission: AdmissionPort,
  request: AdmissionRequest,
  gateway: Pick<TrunkSide, 'gatewayIdentity' | 'sendToGateway'>,
  referral: Referral,
  onDone: (status: number) => void,
): PassedReferral | null {
  const admitted = admission.admit(request);
  const { gatewayIdentity } = gateway;
  if (!admitted.ok || gatewayIdentity === null) {
    const { status } = finalAnswerFor(admitted.ok ? 'signalling-lost' : admitted.reason);
    referral.refuse(status);
    onDone(status);
    return null;
  }
  let isOver = false;
  let isAccepted = false;
  const done = (status: number) => {
    if (isOver) return;
    isOver = true;
    onDone(status);
  };
  const accept = () => {
    if (!isAccepted) referral.accept();
    isAccepted = true;
  };
  const target = uriAt(admitted.callee.national, gatewayIdentity.remoteTarget);
  const refer = { method: 'REFER', headers: { 'Refer-To': `<${target}>` }, body: null } as const;
  gateway.sendToGateway(refer, (status) => {
    if (isOver || isAccepted || status < 200) return;
    if (status < 300) {
      accept();
      referral.progress(100);
    } else {
      referral.refuse(status);
      done(status);
    }
  });
  return {
    get isOver() {
      return isOver;
    },
    notified: (message) => {
      const status = statusOfFragment(message.body);
      if (isOver || status === null) return false;
      // RFC 6665 §4.1.2.4: it may overtake the gateway's 202.
      accept();
      message.answer(200);
      referral.progress(status);
      if (status >= 200) done(status);
      return true;
    },
    end: () => {
      if (isOver) return;
      const { status } = finalAnswerFor('caller-cancelled');
      if (isAccepted) referral.progress(status);
      else referral.refuse(status);
      done(status);
    },
  };
}

/** The status of the first line of a `message/sipfrag`; null when there is none. */
export function statusOfFragment(body: string | null): number | null {
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: |\r|\n|$)/i.exec(body ?? '');
  return match === null ? null : Number(match[1]);
}

/** Another user at the place of a contact. */
function uriAt(user: string, contact: string): string {
  const place = contact.replace(/^sips?:(?:[^@]*@)?/i, '').split(/[;?]/)[0] ?? '';
  return `sip:${user}@${place}`;
}
