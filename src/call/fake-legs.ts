// Doubles of both legs: they note what the call wants of them, and say what the test wants.
import type { Clock } from '../lib/clock.js';
import { isNamed } from './dialog-name.js';
import { NO_HEADERS, type PassedHeaders } from './passed-headers.js';
import type {
  CalleeLeg,
  CalleeLegListener,
  CallerLeg,
  CallerLegListener,
  DialPort,
  DialRequest,
  LegIdentity,
  ReofferAnswer,
} from './ports.js';
import type { DialogMessage, DialogName, MessageAnswered, PeerMessage } from './ports-dialog.js';
import type { TrunkCall, TrunkDialPort } from './ports-transfer.js';

function identity(callId: string): LegIdentity {
  const [local, remote] = [`<sip:a>;tag=ours-${callId}`, `<sip:b>;tag=theirs-${callId}`];
  return { callId, local, remote, cseq: 1, remoteTarget: 'sip:b', nextHop: 'sip:b' };
}

/** What a peer's message is answered with; null while it is not. */
function heard(message: Omit<PeerMessage, 'answer'>, tell: (message: PeerMessage) => void): number | null {
  let answered: number | null = null;
  tell({
    ...message,
    answer: (status) => {
      answered = status;
    },
  });
  return answered;
}

export class FakeCaller implements CallerLeg {
  readonly callId: string;
  readonly #trace: string[];
  listener!: CallerLegListener;
  identity: LegIdentity | null = null;
  state: 'ringing' | 'answering' | 'talking' | 'over' = 'ringing';
  /** Our 200 was handed to the SIP server, which has not said yet what became of it. */
  hasConnectUnderWay = false;
  /** The final response that the caller saw. */
  told: number | null = null;
  /** Of the channel that the call came in by. */
  reservationId: string | null = null;
  /** Our BYE is on its way. */
  awaitsAnswer = false;

  constructor(callId: string, trace: string[]) {
    this.callId = callId;
    this.#trace = trace;
  }

  listen(listener: CallerLegListener): void {
    this.listener = listener;
  }

  mayOfferEarly = false;
  isDescribed = false;
  /** The headers of the gateway's that came with what it was told, in order. */
  readonly passed: PassedHeaders[] = [];

  ring(status: number, passed: PassedHeaders = NO_HEADERS): void {
    this.#trace.push(`caller ${status}`);
    this.passed.push(passed);
  }

  progress(status: number, _sdp: string, passed: PassedHeaders = NO_HEADERS): void {
    this.#trace.push(`caller ${status} with SDP`);
    this.passed.push(passed);
  }

  connect(sdp: string | null, passed: PassedHeaders = NO_HEADERS): void {
    this.passed.push(passed);
    this.#trace.push(`caller 200${sdp === null ? ' without SDP' : ''}${this.state === 'ringing' ? '' : ' TOO LATE'}`);
    this.state = 'answering';
    this.hasConnectUnderWay = true;
  }

  refuse(status: number, reason: string | undefined, passed: PassedHeaders = NO_HEADERS): void {
    this.passed.push(passed);
    this.#trace.push(`caller ${status}${this.state === 'ringing' ? '' : ' TOO LATE'} ${reason ?? ''}`);
    this.state = 'over';
    this.told = status;
  }

  hangUp(_reason: string | undefined, passed: PassedHeaders = NO_HEADERS): void {
    this.passed.push(passed);
    this.#trace.push('caller BYE');
    this.awaitsAnswer = true;
    this.state = 'over';
  }

  /** The descriptions of our re-INVITEs. */
  readonly reoffers: string[] = [];

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    this.reoffers.push(sdp);
    this.#trace.push('caller re-INVITE');
    answered({ status: 488, sdp: null });
  }

  /** As a peer names its dialog to have it replaced. */
  get dialogName(): DialogName {
    return { callId: this.callId, localTag: `ours-${this.callId}`, remoteTag: `theirs-${this.callId}` };
  }

  /** Its answer to what it is sent in its dialog. */
  messageStatus = 200;

  send({ method, body }: DialogMessage, answered: MessageAnswered): void {
    this.#trace.push(`caller ${method} ${body ?? ''}`);
    answered(this.messageStatus);
  }

  /** Our 200 has left. */
  connected(): void {
    this.identity = identity(this.callId);
    this.hasConnectUnderWay = false;
    this.told = 200;
    this.state = 'talking';
    this.listener.connected();
  }

  /** Its ACK of our 200. */
  acknowledges(sdp: string | null): void {
    this.listener.acknowledged(sdp);
  }

  /** Its CANCEL came before our 200. */
  failsToConnect(): void {
    this.hasConnectUnderWay = false;
    this.told = 487;
    this.state = 'over';
    this.listener.connectFailed();
  }

  /** It has answered our BYE. */
  clears(): void {
    this.awaitsAnswer = false;
    this.listener.cleared?.();
  }

  /** It says something in its dialog; the status that it is answered with, null for none at once. */
  says(message: Omit<PeerMessage, 'answer'>): number | null {
    return heard(message, (peerMessage) => this.listener.messaged(peerMessage));
  }

  cancel(): void {
    this.state = 'over';
    this.told = 487;
    this.listener.cancelled();
  }

  /** The SIP server has given it 504, for want of a PRACK. */
  sendsNoPrack(): void {
    this.state = 'over';
    this.told = 504;
    this.listener.cancelled('no-prack');
  }

  hangsUp(passed?: PassedHeaders, lateMs = 0): void {
    this.state = 'over';
    this.awaitsAnswer = false;
    this.listener.hungUp('bye', passed, lateMs);
  }
}

export class FakeLeg implements CalleeLeg {
  readonly request: DialRequest;
  readonly listener: CalleeLegListener;
  readonly #trace: string[];
  readonly #clock: Clock;
  identity: LegIdentity | null = null;
  isSent = false;
  isCancelled = false;
  /** Monotonic time of our CANCEL or BYE. */
  endWantedMs: number | null = null;
  state: 'calling' | 'talking' | 'hanging-up' | 'over' = 'calling';

  constructor(request: DialRequest, listener: CalleeLegListener, trace: string[], clock: Clock) {
    this.request = request;
    this.listener = listener;
    this.#trace = trace;
    this.#clock = clock;
  }

  hasEarlyDialog(name: DialogName): boolean {
    return this.state === 'calling' && isNamed(identity(this.request.attemptId), name);
  }

  cancelReason: string | undefined;

  cancel(reason: string | undefined): void {
    this.cancelReason = reason;
    this.#trace.push(`callee CANCEL ${this.request.attemptId}`);
    this.isCancelled = true;
    this.endWantedMs ??= this.#clock.monotonicMs();
  }

  /** The headers of the caller's that came with the BYE. */
  passed: PassedHeaders | null = null;

  hangUp(_reason: string | undefined, passed: PassedHeaders = NO_HEADERS): void {
    this.passed = passed;
    this.#trace.push(`callee BYE ${this.request.attemptId}`);
    this.endWantedMs = this.#clock.monotonicMs();
    if (this.state === 'talking') this.state = 'hanging-up';
  }

  reoffer(_sdp: string, answered: (answer: ReofferAnswer) => void): void {
    this.#trace.push(`callee re-INVITE ${this.request.attemptId}`);
    answered({ status: 488, sdp: null });
  }

  /** As a peer names its dialog to have it replaced. */
  get dialogName(): DialogName {
    const { attemptId } = this.request;
    return { callId: attemptId, localTag: `ours-${attemptId}`, remoteTag: `theirs-${attemptId}` };
  }

  messageStatus = 200;
  readonly sentMessages: DialogMessage[] = [];

  send(message: DialogMessage, answered: MessageAnswered): void {
    this.#trace.push(`callee ${message.method} ${message.body ?? ''}`);
    this.sentMessages.push(message);
    answered(this.messageStatus);
  }

  /** It says something in its dialog; the status that it is answered with, null for none at once. */
  says(message: Omit<PeerMessage, 'answer'>): number | null {
    return heard(message, (peerMessage) => this.listener.messaged(peerMessage));
  }

  /** The NOTIFY of a REFER with this fragment. */
  notify(body: string): number | null {
    return this.says({ method: 'NOTIFY', headers: {}, body, contentType: 'message/sipfrag' });
  }

  /** Nothing can come of it any more: its last word was said, or 64·T1 have passed since we wanted its end. */
  hasEnded(abandonTimeoutMs: number): boolean {
    if (this.state === 'over') return true;
    return this.endWantedMs !== null && this.#clock.monotonicMs() - this.endWantedMs >= abandonTimeoutMs;
  }

  sent(): void {
    this.isSent = true;
    this.listener.sent(`leg-${this.request.attemptId}`);
  }

  answer(sdp: string | null, lateMs = 0): void {
    this.identity = identity(this.request.attemptId);
    this.state = 'talking';
    this.listener.answered(sdp, lateMs);
  }

  fail(status: number | null, local = false): void {
    this.state = 'over';
    this.listener.failed({ status, reasons: [], local });
  }

  hangsUp(lateMs = 0): void {
    this.state = 'over';
    this.listener.hungUp([], lateMs);
  }

  clear(): void {
    this.state = 'over';
    this.listener.cleared();
  }
}

export class FakeDialler implements DialPort {
  readonly legs: FakeLeg[] = [];
  readonly orphans: string[] = [];
  /** Final status of a BYE on a leg of an earlier process, by its Call-ID; a missing one never answers. */
  readonly orphanAnswers = new Map<string, number | null>();
  readonly #trace: string[];
  readonly #clock: Clock;

  constructor(trace: string[], clock: Clock) {
    this.#trace = trace;
    this.#clock = clock;
  }

  get last(): FakeLeg {
    const leg = this.legs.at(-1);
    if (leg === undefined) throw new Error('nothing was dialled');
    return leg;
  }

  dial(request: DialRequest, listener: CalleeLegListener): CalleeLeg {
    this.#trace.push(`callee INVITE ${request.attemptId}`);
    const leg = new FakeLeg(request, listener, this.#trace, this.#clock);
    this.legs.push(leg);
    return leg;
  }

  #onUnclaimedAnswer: (attemptId: string) => void = () => {};

  onUnclaimedAnswer(listener: (attemptId: string) => void): void {
    this.#onUnclaimedAnswer = listener;
  }

  /** The gateway answers an attempt of the earlier process. */
  answerUnclaimed(attemptId: string): void {
    this.#onUnclaimedAnswer(attemptId);
  }

  endOrphan({ callId }: LegIdentity): Promise<number | null> {
    this.orphans.push(callId);
    const answer = this.orphanAnswers.get(callId);
    return answer === undefined ? new Promise(() => {}) : Promise.resolve(answer);
  }
}

/** Calls to PBXs. */
export class FakeTrunks implements TrunkDialPort {
  readonly calls: { readonly request: TrunkCall; readonly leg: FakeLeg }[] = [];
  readonly #trace: string[];
  readonly #clock: Clock;

  constructor(trace: string[], clock: Clock) {
    this.#trace = trace;
    this.#clock = clock;
  }

  get last() {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('no PBX was called');
    return call;
  }

  dialTrunk(request: TrunkCall, listener: CalleeLegListener): CalleeLeg {
    const { legId, requestUri, fromUser, offerSdp, maxForwards } = request;
    this.#trace.push(`PBX INVITE ${requestUri}`);
    const address = { requestUri, fromUser, headers: {} };
    const place = { attemptId: legId, gateway: '', channelId: '', passedHeaders: {} };
    const leg = new FakeLeg({ ...place, address, offerSdp, maxForwards }, listener, this.#trace, this.#clock);
    this.calls.push({ request, leg });
    return leg;
  }
}
