// Transfers of one call by its trunk: blind (REFER) to a number, which is a call of its own, or to somebody at the PBX; attended
// (Replaces) with another call of the trunk, or by somebody who takes its place. The gateway's leg goes on through all of them,
// and with it its charge and its recording (docs/decisions/transfers.md). RFC 3515, RFC 3891, RFC 5589.
import { randomUUID } from 'node:crypto';
import type { ClockTimer } from '../lib/clock.js';
import type { CallMedia, SuccessorOffer } from './call-media.js';
import type { CallRequest } from './call-request.js';
import { finalAnswerFor } from './end-reason.js';
import { JoinedLeg } from './joined-legs.js';
import { atAddress, takeSuccessor } from './joined-media.js';
import { LeavingLegs, TRANSFERRED } from './leaving-legs.js';
import { type PassedReferral, passReferral } from './passed-referral.js';
import type { CallerLeg, PlayRequest } from './ports.js';
import type { PeerMessage, Referral } from './ports-dialog.js';
import type { JoinableCall, JoinableMedia, TransferHolder, TransferPorts } from './ports-transfer.js';
import type { Side } from './reports.js';
import { beginSuccession, type Succession } from './succession.js';
import { type TransferRecord, withTransfer } from './transfer-record.js';
import {
  headersForPeer,
  placeOfPeer,
  questionOf,
  transferredRequest,
  trunkOf,
  uriAtPeer,
} from './transfer-requests.js';
import { TrunkParty } from './trunk-party.js';

/** What a mobile hears when the PBX has gone before the target answered: as a phone in Korea rings (ITU-T E.180). */
const RINGING: PlayRequest = {
  source: { kind: 'tone', frequenciesHz: [440, 480], cadenceMs: [1_000, 2_000], levelDbm0: -15 },
  loop: true,
  mode: 'replace',
};
/** RFC 3261 §8.1.1.6, for an INVITE without the header. */
const DEFAULT_MAX_FORWARDS = 70;

/** Where the media of joined calls meets. */
interface Place {
  readonly media: CallMedia;
  /** A description as it has to be for the other call. */
  reached(sdp: string): string;
}

/** A transfer whose target has not answered yet. */
interface Underway {
  readonly referral: Referral;
  readonly record: TransferRecord;
  /** The call is over, or the target took too long. */
  readonly giveUp: () => void;
  /** The transferor has hung up meanwhile. */
  isAlone: boolean;
  ringing: string | null;
}

export class CallTransfers implements JoinableCall {
  readonly #ports: TransferPorts | null;
  readonly #holder: TransferHolder;
  #underway: Underway | null = null;
  #passed: PassedReferral | null = null;
  #limit: ClockTimer | null = null;
  /** Whose place was taken, until its BYE. */
  #leaving: LeavingLegs | null = null;
  /** Somebody has called to take the trunk's place, and is being answered; `isAlone`: the trunk's leg has hung up meanwhile. */
  #successor: { isAlone: boolean } | null = null;

  /** @param ports null where no call is ever transferred */
  constructor(ports: TransferPorts | null, holder: TransferHolder) {
    this.#ports = ports;
    this.#holder = holder;
  }

  /** A side asks for a transfer. Whom its callee or caller is connected with is the trunk's to say: a gateway is refused. */
  refer(from: Side, referral: Referral): void {
    const ports = this.#ports;
    const { transfers: way = 'refuse' } = trunkOf(this.#request);
    if (ports === null || way === 'refuse' || from !== this.#holder.trunk.side) referral.refuse(405);
    else if (!this.#isTalking) referral.refuse(481);
    // One at a time: of two nobody could say which the callee is to get.
    else if (this.#isBusy) referral.refuse(491);
    else if (referral.replaces !== null) this.#attend(ports, referral, referral.replaces);
    else if (this.#isAtPeer(ports, referral)) this.#callPeer(ports, referral);
    else if (way === 'gateway') this.#pass(ports, referral);
    else this.#callNumber(ports, referral);
  }

  /** Whether the call goes on although a side has hung up: the trunk's, while a transfer is under way whose target is waited for. */
  outlives(gone: Side): boolean {
    const underway = this.#underway;
    const { side, other } = this.#holder.trunk;
    const session = this.#holder.media()?.session;
    if (gone !== side || !this.#isTalking) return false;
    if (this.#successor !== null) {
      this.#successor.isAlone = true;
      return true;
    }
    if (underway === null) return false;
    underway.isAlone = true;
    session?.clearRemote(side);
    underway.ringing = session?.play(other, RINGING) ?? null;
    return true;
  }

  /** A NOTIFY of the gateway; false when nobody waits for it. */
  notified(message: PeerMessage): boolean {
    return this.#passed?.notified(message) ?? false;
  }

  /** Somebody calls to take the trunk's place (INVITE with Replaces). */
  succeed(leg: CallerLeg, { calling, offerSdp, signallingAddress, trunk }: CallRequest): void {
    const media = this.#holder.media();
    if (this.#ports === null || (trunk.transfers ?? 'refuse') === 'refuse') leg.refuse(403, undefined);
    else if (!this.#isTalking || media === null) leg.refuse(481, undefined);
    else if (this.#isBusy) leg.refuse(491, undefined);
    else {
      const { side } = this.#holder.trunk;
      const record = this.#recordOf('attended', calling, null);
      const successor = { isAlone: false };
      this.#successor = successor;
      let offered: SuccessorOffer | null = null;
      const place: Succession = {
        isOpen: () => this.#isTalking,
        answer: (offer) => media.answerSuccessor(side, offer, signallingAddress),
        offer: () => {
          offered = media.offerForSuccessor(side);
          return offered?.sdp ?? null;
        },
        takeAnswer: (sdp) => offered !== null && takeSuccessor(offered, sdp, signallingAddress),
        take: (theirs) => {
          this.#successor = null;
          this.#adopt(theirs, record);
        },
        missed: () => {
          this.#successor = null;
          if (successor.isAlone) this.#holder.trunk.leave();
        },
      };
      if (!beginSuccession(place, leg, offerSdp)) this.#successor = null;
    }
  }

  /** Somebody calls to answer a call from a mobile in the place of the phone that rings (the same). */
  pickUp(attemptId: string, leg: CallerLeg, request: CallRequest): void {
    const media = this.#holder.media();
    const { calling, offerSdp, signallingAddress, trunk } = request;
    const isOpen = () => this.#holder.ringing()?.attemptId === attemptId;
    if (this.#ports === null || (trunk.transfers ?? 'refuse') === 'refuse') leg.refuse(403, undefined);
    else if (media === null || !isOpen()) leg.refuse(481, undefined);
    else {
      const record = { ...this.#recordOf('attended', calling, null), sipStatus: 200 };
      const place: Succession = {
        isOpen,
        answer: (offer) => media.answerForCallee(offer, signallingAddress),
        offer: () => media.calleeSdp,
        takeAnswer: (sdp) => {
          const goBack = media.hearSideFrom('callee', signallingAddress);
          const isTaken = sdp !== null && media.acceptAnswer(sdp).ok;
          if (!isTaken) goBack();
          return isTaken;
        },
        take: (theirs) => {
          this.#note(record);
          this.#ports?.log.info({ target: calling }, 'picked up');
          this.#holder.ringing()?.pickUp(theirs);
        },
        missed: () => {},
      };
      beginSuccession(place, leg, offerSdp);
    }
  }

  /** The call is over: nothing is left of its transfers. */
  end(): void {
    const underway = this.#underway;
    this.#passed?.end();
    this.#passed = null;
    if (underway !== null) {
      this.#settle(underway, finalAnswerFor('caller-cancelled').status);
      underway.giveUp();
    }
    this.#leaving?.end();
  }

  // ---- to a number: a call of its own ------------------------------------------------------------------------------

  #callNumber(ports: TransferPorts, referral: Referral): void {
    const place = this.#place(ports);
    const offer = place?.media.offerForSuccessor(this.#holder.trunk.side) ?? null;
    if (place === null || offer === null) {
      referral.refuse(488);
      return;
    }
    const callId = randomUUID();
    const dialled = referral.target.user;
    const [ours, theirs] = JoinedLeg.pair(ports.log, {
      progressed: (status) => this.#tell(status),
      connect: (sdp) => this.#isTheOne(callId) && this.#take(ours, offer, place.reached(sdp), null),
      refused: (status) => this.#isTheOne(callId) && this.#fail(status),
    });
    this.#begin(referral, this.#recordOf('blind', dialled, callId), () => theirs.cancel());
    const called = { callId, dialled, offerSdp: place.reached(offer.sdp) };
    ports.calls.open(transferredRequest(this.#request, called), theirs);
  }

  #isTheOne(callId: string): boolean {
    return this.#underway?.record.callId === callId && this.#isTalking;
  }

  /** An extension may be named at our address, as if a number were: it is none. */
  #isAtPeer({ admission }: TransferPorts, { target: { place, user } }: Referral): boolean {
    if (place === 'peer') return true;
    const admitted = admission.admit(questionOf(this.#request, user));
    return user !== '' && !admitted.ok && admitted.reason === 'bad-number';
  }

  // ---- to somebody at the PBX -----------------------------------------------------------------------------------------

  #callPeer(ports: TransferPorts, referral: Referral): void {
    const media = this.#holder.media();
    const offer = media?.offerForSuccessor(this.#holder.trunk.side) ?? null;
    const { identity } = this.#holder.trunk;
    if (offer === null || identity === null) {
      referral.refuse(488);
      return;
    }
    let underway: Underway | null = null;
    const isIt = () => underway !== null && this.#underway === underway && this.#isTalking;
    const party = new TrunkParty({
      progressed: (status) => isIt() && this.#tell(status),
      answered: (sdp, address) => {
        if (isIt() && sdp !== null && this.#take(party, offer, sdp, address)) return;
        party.hangUp(TRANSFERRED);
        if (isIt()) this.#fail(488);
      },
      failed: (status) => isIt() && this.#fail(status ?? 503),
    });
    const kind = referral.replaces === null ? 'blind' : 'attended';
    underway = this.#begin(referral, this.#recordOf(kind, referral.target.user, null), () => party.cancel(undefined));
    this.#limit = ports.clock.after(this.#holder.state().limits.setupTimeoutMs, () => this.#giveUp());
    const { request, record } = this.#holder.state();
    const { at, nextHop, otherHop } = placeOfPeer(identity, trunkOf(request).nat);
    const call = {
      trunk: trunkOf(request).name,
      legId: randomUUID(),
      requestUri: uriAtPeer(referral.target, at),
      nextHop,
      otherHop,
      fromUser: request.incoming === undefined ? (record.callee ?? request.dialled) : request.calling,
      headers: headersForPeer(referral),
      offerSdp: offer.sdp,
      maxForwards: (request.maxForwards ?? DEFAULT_MAX_FORWARDS) - 1,
    };
    party.call((listener) => ports.outside.trunks.dialTrunk(call, listener));
  }

  // ---- with another call (attended) -------------------------------------------------------------------------------------

  #attend(ports: TransferPorts, referral: Referral, replaces: NonNullable<Referral['replaces']>): void {
    const other = ports.calls.callOf(this.#request.trunk.name, replaces);
    if (other === this) referral.refuse(400);
    else if (other !== undefined) this.#join(ports, other, referral);
    // A dialog that is none of ours is one at the PBX.
    else if (referral.target.place === 'peer') this.#callPeer(ports, referral);
    else referral.refuse(481);
  }

  #join(ports: TransferPorts, other: JoinableCall, referral: Referral): void {
    const place = this.#place(ports);
    const [here, there] = [this.joinable(), other.joinable()];
    if (place === null || here === null || there === null) {
      referral.refuse(481);
      return;
    }
    const offer = here.media.offerForSuccessor(here.side);
    // Neither call is changed before both can be.
    const theirs = offer && there.media.answerSuccessor(there.side, place.reached(offer.sdp), null);
    const ours = (theirs && offer?.answered(place.reached(theirs.sdp), null)) ?? null;
    if (theirs === null || ours === null) {
      theirs?.drop();
      referral.refuse(488);
      return;
    }
    theirs.adopt();
    ours.adopt();
    const [leg, otherLeg] = JoinedLeg.pair(ports.log);
    const { user } = referral.target;
    this.#begin(referral, this.#recordOf('attended', user, other.callId), () => {});
    other.join(otherLeg, user, this.callId);
    this.#succeeded(leg);
  }

  get callId(): string {
    return this.#request.callId;
  }

  joinable(): JoinableMedia | null {
    const media = this.#holder.media();
    return this.#isTalking && !this.#isBusy && media !== null ? { media, side: this.#holder.trunk.side } : null;
  }

  join(leg: CallerLeg, target: string, callId: string): void {
    this.#holder.amend({ transferOf: callId });
    this.#adopt(leg, this.#recordOf('attended', target, callId));
  }

  /** Another leg is in the trunk's place: whose dialog was named gets a BYE (RFC 3891 §3). */
  #adopt(leg: CallerLeg, record: TransferRecord): void {
    const left = this.#holder.trunk.replace(leg);
    this.#note({ ...record, sipStatus: 200 });
    left.hangUp(TRANSFERRED);
    this.#holder.keepLive();
  }

  // ---- passed to the gateway ---------------------------------------------------------------------------------------------

  #pass(ports: TransferPorts, referral: Referral): void {
    const dialled = referral.target.user;
    const record = { ...this.#recordOf('blind', dialled, null), by: 'gateway' as const };
    const question = questionOf(this.#request, dialled);
    const passed = passReferral(ports.admission, question, this.#holder.trunk, referral, (status) => {
      this.#passed = null;
      this.#note({ ...record, sipStatus: status });
    });
    if (passed?.isOver === false) this.#passed = passed;
  }

  // ---- steps that they share --------------------------------------------------------------------------------------------

  #begin(referral: Referral, record: TransferRecord, giveUp: () => void): Underway {
    const underway = { referral, record, giveUp, isAlone: false, ringing: null };
    this.#underway = underway;
    this.#note(record);
    const { kind, target, callId } = record;
    this.#ports?.log.info({ kind, target, otherCallId: callId }, 'transfer begins');
    referral.accept();
    // RFC 3515 §2.4.4: the first word follows at once.
    referral.progress(100);
    return underway;
  }

  #tell(status: number): void {
    this.#underway?.referral.progress(status);
  }

  /** The target has answered: whether its media can take the caller's place, and its leg with it. */
  #take(leg: CallerLeg, offer: SuccessorOffer, sdp: string, signallingAddress: string | null): boolean {
    const isTaken = takeSuccessor(offer, sdp, signallingAddress);
    if (isTaken) this.#succeeded(leg);
    return isTaken;
  }

  #succeeded(leg: CallerLeg): void {
    const underway = this.#underway;
    const left = this.#holder.trunk.replace(leg);
    if (this.#ports !== null) this.#leaving ??= new LeavingLegs(this.#ports.clock);
    this.#leaving?.add(left);
    if (underway !== null) this.#settle(underway, 200);
    this.#holder.keepLive();
  }

  #fail(status: number): void {
    const underway = this.#underway;
    if (underway === null) return;
    this.#settle(underway, status);
    // With nobody to go back to, the gateway's side is hung up on.
    if (underway.isAlone) this.#holder.trunk.leave();
  }

  #giveUp(): void {
    const underway = this.#underway;
    if (underway === null) return;
    underway.giveUp();
    this.#fail(408);
  }

  #settle(underway: Underway, status: number): void {
    this.#underway = null;
    this.#limit?.cancel();
    this.#limit = null;
    if (underway.ringing !== null) this.#holder.media()?.session?.stopPlaying(underway.ringing);
    const { transfers } = this.#holder.state().record;
    const settled = { ...underway.record, sipStatus: status };
    this.#holder.amend({ transfers: transfers.map((other) => (other === underway.record ? settled : other)) });
    this.#ports?.log.info({ status }, 'transfer ends');
    underway.referral.progress(status);
  }

  /** Where this call's media is for another call of this process. */
  #place(ports: TransferPorts): Place | null {
    const media = this.#holder.media();
    const own = media?.session?.local(this.#holder.trunk.side).address;
    if (media === null || own === undefined) return null;
    const inner = ports.outside.innerAddressOf(trunkOf(this.#request).network);
    return { media, reached: (sdp) => atAddress(sdp, own, inner) };
  }

  get #request(): CallRequest {
    return this.#holder.state().request;
  }

  get #isBusy(): boolean {
    return this.#underway !== null || this.#passed !== null || this.#successor !== null;
  }

  get #isTalking(): boolean {
    return this.#holder.state().phase === 'talking';
  }

  #recordOf(kind: TransferRecord['kind'], target: string, callId: string | null): TransferRecord {
    return { atMs: this.#ports?.clock.wallMs() ?? 0, kind, by: 'simtrunk', target, callId, sipStatus: null };
  }

  #note(record: TransferRecord): void {
    this.#holder.amend({ transfers: withTransfer(this.#holder.state().record.transfers, record) });
  }
}
