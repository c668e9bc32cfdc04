// Whether a call may begin: the INVITE's form, policy (once a call), a recording where one is required, and the caller's SDP.
import type { Logger } from '../lib/logger.js';
import { CallMedia } from './call-media.js';
import type { LimitReached } from './call-record.js';
import type { Callee, CallRequest } from './call-request.js';
import { type EndReason, endOfUnusable } from './end-reason.js';
import type { AdmissionPort, AdmissionResult, MediaPort, RecordingPort } from './ports.js';

export interface AdmissionPorts {
  readonly admission: AdmissionPort;
  readonly recorder: RecordingPort | null;
  readonly media: Pick<MediaPort, 'capabilities'>;
  readonly log: Logger;
}

export type Admission =
  | { readonly ok: true; readonly callee: Callee; readonly media: CallMedia }
  | {
      readonly ok: false;
      readonly reason: EndReason;
      readonly limit: LimitReached | null;
      readonly callee: Callee | null;
    };

export interface AdmissionSettings {
  readonly recording: { readonly enabled: boolean; readonly required: boolean };
  /** A new call whose INVITE waited longer for its turn is refused; infinity: never. */
  readonly maxWaitMs: number;
}

/**
 * Whatever an INVITE does to admission, its call ends with an answer and a record: this never throws. `refusal` holds for all but
 * emergency calls.
 */
export function admitRequest(
  request: CallRequest,
  ports: AdmissionPorts,
  { recording, maxWaitMs }: AdmissionSettings,
  refusal: 'draining' | null = null,
): Admission {
  let callee: Callee | null = null;
  const refused = (reason: EndReason, limit: LimitReached | null = null): Admission => {
    return { ok: false, reason, limit, callee };
  };
  try {
    if (!request.hasContact) return refused('bad-request');
    if (request.looped) return refused('loop-detected');
    if (request.maxForwards !== null && request.maxForwards <= 0) return refused('too-many-hops');
    const admitted = admit(request, ports.admission);
    callee = admitted.callee;
    const isEmergency = callee?.numberClass === 'emergency';
    // Whatever else would stand against it: another node may take it.
    if (refusal !== null && !isEmergency) return refused(refusal);
    if (!admitted.ok) {
      ports.log.info({ reason: admitted.reason, detail: admitted.detail }, 'policy refuses the call');
      return refused(admitted.reason, admitted.limit);
    }
    // Who waits so long already is better told: what there is goes to the calls that live.
    if (!isEmergency && (request.waitedMs ?? 0) > maxWaitMs) return refused('overloaded');
    if (recording.enabled && recording.required && !isEmergency && !ports.recorder?.readiness().ok)
      return refused('recording-unavailable');
    const media = CallMedia.read({
      trunk: request.trunk,
      signallingAddress: request.signallingAddress,
      offerSdp: request.offerSdp,
      recorded: recording.enabled,
      capabilities: ports.media.capabilities,
      sessionId: String(BigInt.asUintN(62, BigInt(`0x${request.callId.replaceAll('-', '')}`))),
    });
    if (!media.ok) return refused(endOfUnusable(media.reason, 'bad-request'));
    return { ok: true, callee: admitted.callee, media: media.media };
  } catch (error) {
    ports.log.error({ alarm: 'defect', err: error }, 'call could not be admitted');
    return refused('internal-error');
  }
}

/** Policy says whom a trunk may call; who calls a SIM needs nobody's leave. */
function admit(request: CallRequest, admission: AdmissionPort): AdmissionResult {
  const { incoming } = request;
  if (incoming === undefined) return admission.admit(request);
  const { simNumber, numberClass } = incoming;
  return { ok: true, callee: { e164: simNumber, national: simNumber, numberClass } };
}
