// The drachtio-srf application: takes INVITEs of trunks, answers OPTIONS, dials gateways, ends legs of lost dialogs.
// It reaches the embedded SIP server exactly as it reaches a drachtio-server: over the admin socket, and only so.
import { randomUUID } from 'node:crypto';
import type { CallRequest, TrunkTerms } from '../call/call-request.js';
import { BY_CONNECTION, type IncomingTerms } from '../call/incoming-routes.js';
import type {
  CalleeLeg,
  CalleeLegListener,
  CallerLeg,
  DialPort,
  DialRequest,
  LegIdentity,
  OrphanCause,
} from '../call/ports.js';
import type { DialogName } from '../call/ports-dialog.js';
import type { TrunkCall, TrunkDialPort } from '../call/ports-transfer.js';
import { type Clock, monotonicNowMs } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { ArrivalClock } from './arrival-clock.js';
import { callExtensions, TRANSFER_EXTENSIONS } from './capabilities.js';
import { GatewayCallers } from './gateway-callers.js';
import { InboundLeg } from './inbound-leg.js';
import type { HeldCallee, HeldCaller, LegHost } from './leg-host.js';
import { openConnectionTo } from './leg-identity.js';
import { addressAtContact } from './line-uri.js';
import { reasonHeaders } from './message-parts.js';
import { OutboundLeg } from './outbound-leg.js';
import { type RegisterToSend, type RequestSender, sendOrphanBye, sendProbe, sendRegister } from './own-requests.js';
import { readIncoming } from './read-incoming.js';
import { type InviteCircumstances, readInvite } from './read-invite.js';
import { readReplaces } from './refer-to.js';
import { RequestIntake } from './request-intake.js';
import { type DrachtioServer, ServerConnection } from './server-connection.js';
import { hasOtherBody } from './session-body.js';
import { NO_SESSION_TIMER, sessionExtensions } from './session-expires.js';
import type {
  CallingGateway,
  PeerSettings,
  SignallingCounters,
  SignallingSettings,
  SignallingTrunk,
} from './signalling-settings.js';
import { type MessageResponse, type MessageToSend, sendSipMessage } from './sip-messages.js';
import { createSrf, type ServerResponse, type SipMessage, type SipRequest, type SipResponse } from './srf.js';

/** Header by which we know a call that comes back to us: a value of this process, on every INVITE that leaves. */
const LOOP_MARKER = 'X-Simtrunk-Loop';
/** Of a call from a mobile the called side is a trunk, by this name (incoming-routes.ts). */
const CALLED_TRUNK = 'trunk:';
const MAX_EARLY_TRYING = 1024;
const MAX_EARLY_UNCLAIMED = 1024;

/** `replaces`: the dialog whose place the call is to take (RFC 3891); null for a call of its own. */
export type CallHandler = (request: CallRequest, leg: CallerLeg, replaces: DialogName | null) => void;
/** Where a call from a mobile on a channel goes; undefined for a channel that is not there. */
export type MobileCalls = (channelId: string, calling: string) => IncomingTerms | undefined;

export class SipApplication implements DialPort, TrunkDialPort, LegHost {
  #settings: SignallingSettings;
  readonly #log: Logger;
  readonly #srf = createSrf();
  readonly #connection: ServerConnection;
  /** Requests that begin something: who else takes some says so there. */
  readonly intake: RequestIntake;
  readonly #sender: RequestSender;
  readonly #marker = randomUUID();
  readonly #callees = new Map<string, HeldCallee>();
  readonly #callers = new Set<HeldCaller>();
  readonly #earlyTrying = new Set<string>();
  /** Answers that came before anybody asked for them. */
  readonly #unclaimed: string[] = [];
  #onUnclaimedAnswer: ((attemptId: string) => void) | undefined;
  #isWithdrawn = false;
  #onCall: CallHandler | undefined;
  #gatewayCallers: GatewayCallers;
  #takeMobile: MobileCalls | undefined;
  #onReconnected: () => void = () => {};
  #onCallersGone: () => void = () => {};
  readonly #arrivals: ArrivalClock | null;
  readonly clock: Clock;
  readonly isServerOurs: boolean;

  constructor(settings: SignallingSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.clock = clock;
    this.isServerOurs = settings.isServerOurs === true;
    this.#arrivals = settings.isServerOurs === true ? new ArrivalClock(monotonicNowMs) : null;
    this.#log = log;
    const accountOf: SignallingSettings['accountOf'] = (gateway, channelId) =>
      this.#settings.accountOf(gateway, channelId);
    this.#sender = { srf: this.#srf, log, accountOf };
    this.#connection = new ServerConnection(this.#srf, log, (isAgain) => {
      this.#arrivals?.reset();
      if (isAgain) this.#onReconnected();
    });
    this.#gatewayCallers = callersOf(settings);
    this.intake = new RequestIntake(this.#srf, settings, clock, log);
    this.intake.handle('invite', (request, response) => this.#onInvite(request, response));
  }

  /** Other trunks, gateways and credentials hold from now on; legs that there are keep theirs. */
  reconfigure(peers: PeerSettings): void {
    this.#settings = { ...this.#settings, ...peers };
    this.intake.reconfigure(peers);
    this.#gatewayCallers = callersOf(this.#settings);
  }

  /**
   * Where other nodes share the SIP server: has it send them what begins something, or this node, too. On a server of its own
   * this one is asked on, and says 503.
   */
  withdraw(isWithdrawn: boolean): void {
    if (!this.#settings.isServerShared || isWithdrawn === this.#isWithdrawn) return;
    this.#isWithdrawn = isWithdrawn;
    // By INVITE alone: a real drachtio-server takes all methods back with one (wire protocol), and gives all back so.
    if (isWithdrawn) this.#srf.unregisterForMessages('invite');
    else this.#srf.reregisterForMessages('invite');
  }

  get counters(): SignallingCounters {
    return this.intake.counters;
  }

  /** Sets who takes the calls, and whether new ones are welcome (OPTIONS then says 503). */
  serve(onCall: CallHandler, isAccepting: () => boolean): void {
    this.#onCall = onCall;
    this.intake.acceptWhile(isAccepting);
  }

  /** Sets who says where calls from mobiles go; undefined for a channel that is not there. */
  takeFromMobilesBy(take: MobileCalls): void {
    this.#takeMobile = take;
  }

  /**
   * Resolves with the server's listeners, each as `udp/192.0.2.1:5060`; drachtio-srf itself reconnects later.
   * @throws SimtrunkError SIP_SERVER_UNREACHABLE when the secret is refused or nobody answers in time.
   */
  connect(server: DrachtioServer, timeoutMs: number): Promise<readonly string[]> {
    return this.#connection.connect(server, timeoutMs);
  }

  latenessMs({ stackTime }: SipMessage): number {
    return this.#arrivals?.latenessMs(stackTime) ?? 0;
  }

  get isConnected(): boolean {
    return this.#connection.isConnected;
  }

  /** Disconnects as soon as callers have answered their BYE, which is repeated until then; never waits for long. */
  close(): Promise<void> {
    return this.#connection.close(new Promise((resolve) => this.#whenCallersAreGone(resolve)));
  }

  #whenCallersAreGone(listener: () => void): void {
    this.#onCallersGone = listener;
    if (this.#callers.size === 0) listener();
  }

  dial(request: DialRequest, listener: CalleeLegListener): CalleeLeg {
    const account = this.#settings.accountOf(request.gateway, request.channelId);
    const isTrunk = request.gateway.startsWith(CALLED_TRUNK);
    const passed = this.#passedFrom(isTrunk ? 'trunk' : 'gateway');
    const leg = new OutboundLeg(this.#srf, this, listener, account, this.#log, passed);
    // Not to a trunk, which may well forward a call from a mobile by us.
    const markers: Readonly<Record<string, string>> = isTrunk ? {} : { [LOOP_MARKER]: this.#marker };
    const open = isTrunk ? this.intake.connections.of(request.gateway.slice(CALLED_TRUNK.length)) : undefined;
    const isAddressed = !request.address.requestUri.includes(`@${BY_CONNECTION}`);
    const place = this.#settings.lines.placeOf(request.gateway, request.channelId);
    if (open !== undefined) {
      const address = addressAtContact(request.address, open.contact);
      const otherwise = isAddressed ? { address: request.address } : undefined;
      leg.start({ ...request, address }, markers, open.nextHop, otherwise);
    } else if (!isAddressed) leg.failUnsent();
    else if (place === 'configured') leg.start(request, markers);
    else if (place === 'nowhere') leg.failUnsent();
    else {
      const address = addressAtContact(request.address, place.contact);
      leg.start({ ...request, address }, markers, place.nextHop);
    }
    return leg;
  }

  /** Without the loop marker: a PBX may well call a number in turn, by us. */
  dialTrunk(call: TrunkCall, listener: CalleeLegListener): CalleeLeg {
    const { trunk, legId, requestUri, nextHop, otherHop, fromUser, headers, offerSdp, maxForwards, sessionTimer } =
      call;
    const account = this.#settings.accountOf(CALLED_TRUNK + trunk, null);
    const leg = new OutboundLeg(this.#srf, this, listener, account, this.#log);
    const address = { requestUri, fromUser, headers };
    const place = { attemptId: legId, gateway: '', channelId: '' };
    const request = { ...place, address, offerSdp, maxForwards, sessionTimer, passedHeaders: {} };
    if (otherHop === null) leg.start(request, {}, nextHop);
    else leg.start(request, {}, openConnectionTo(nextHop), { address, nextHop: otherHop });
    return leg;
  }

  calleeSent(sipCallId: string, leg: HeldCallee): void {
    this.#callees.set(sipCallId, leg);
    if (this.#earlyTrying.delete(sipCallId)) leg.noteTrying();
  }

  calleeOver(sipCallId: string): void {
    this.#callees.delete(sipCallId);
  }

  callerAnswered(leg: HeldCaller): void {
    this.#callers.add(leg);
  }

  callerOver(leg: HeldCaller): void {
    this.#callers.delete(leg);
    if (this.#callers.size === 0) this.#onCallersGone();
  }

  /** 100 Trying for one of our INVITEs, as the embedded server's control port tells it. */
  noteTrying(sipCallId: string): void {
    const leg = this.#callees.get(sipCallId);
    if (leg !== undefined) {
      leg.noteTrying();
      return;
    }
    // It came by another way than the echo of the INVITE, and may be first.
    this.#earlyTrying.add(sipCallId);
    if (this.#earlyTrying.size <= MAX_EARLY_TRYING) return;
    for (const oldest of this.#earlyTrying) {
      this.#earlyTrying.delete(oldest);
      break;
    }
  }

  /** A further branch of one of our forked INVITEs was answered and ended, as the embedded server's control port tells it. */
  noteForkedAnswer(sipCallId: string): void {
    this.#callees.get(sipCallId)?.noteForkedAnswer();
  }

  onUnclaimedAnswer(listener: (attemptId: string) => void): void {
    this.#onUnclaimedAnswer = listener;
    for (const sipCallId of this.#unclaimed.splice(0)) listener(sipCallId);
  }

  /** A late answer to an INVITE of an earlier process, as the embedded server's control port tells it. */
  noteUnclaimedAnswer(sipCallId: string): void {
    if (this.#onUnclaimedAnswer !== undefined) this.#onUnclaimedAnswer(sipCallId);
    else if (this.#unclaimed.length < MAX_EARLY_UNCLAIMED) this.#unclaimed.push(sipCallId);
  }

  /** Called when a new connection has replaced a lost one; the dialogs of the old one are gone (wire protocol §10). */
  onReconnected(listener: () => void): void {
    this.#onReconnected = listener;
  }

  /** Attempts without an answer are heard of no more; answered legs live on until they are ended by a BYE of their own. */
  detachLegs(): void {
    for (const leg of [...this.#callers, ...this.#callees.values()]) leg.detach();
  }

  endOrphan(identity: LegIdentity, cause: OrphanCause): Promise<number | null> {
    return sendOrphanBye(this.#sender, identity, cause);
  }

  /** Sends REGISTER; resolves with the final response, null when none came from the registrar. */
  register(register: RegisterToSend): Promise<SipResponse | null> {
    return sendRegister(this.#sender, register);
  }

  /** Sends MESSAGE outside of a dialog; resolves with the final response, null when it could not be sent. */
  sendMessage(message: MessageToSend): Promise<MessageResponse | null> {
    return sendSipMessage(this.#sender, message);
  }

  /** Sends OPTIONS to a gateway; resolves with the final status, null when nothing came from it. */
  probe(uri: string, gateway: string): Promise<number | null> {
    return sendProbe(this.#sender, uri, gateway);
  }

  #onInvite(request: SipRequest, response: ServerResponse): void {
    const gateway = this.#gatewayCallers.gatewayOf(request);
    if (gateway !== undefined) {
      this.#takeFromMobile(request, response, gateway);
      return;
    }
    // Made now where the trunk is known later, so that a CANCEL which comes meanwhile is not missed.
    const made = this.intake.isAdmittedLater(request) ? this.#callerLeg(request, response, 'trunk') : null;
    this.intake.admit(request, response, (trunk) => this.#takeInvite(request, response, trunk, made));
  }

  #takeInvite(request: SipRequest, response: ServerResponse, trunk: SignallingTrunk, made: InboundLeg | null): void {
    const leg = made ?? this.#callerLeg(request, response, 'trunk');
    leg.account = this.#settings.accountOf(CALLED_TRUNK + trunk.name, null);
    this.#begin(request, response, trunk, leg, (circumstances) => readInvite(request, trunk, circumstances), 'trunk');
  }

  /** A call from a mobile: the gateway is known, the channel has to be (semantics.md, "Inbound"). */
  #takeFromMobile(request: SipRequest, response: ServerResponse, gateway: CallingGateway): void {
    const channelId = this.#gatewayCallers.channelOf(gateway, request);
    const calling = this.#gatewayCallers.callerOf(gateway, request);
    const terms = channelId === undefined ? undefined : this.#takeMobile?.(channelId, calling);
    if (terms === undefined) {
      this.intake.countUnknownChannel();
      this.#log.warn({ gateway: gateway.name, channelFrom: gateway.channelFrom, uri: request.uri }, 'unknown channel');
      response.send(404, reasonHeaders('Q.850;cause=1;text="unknown channel"'));
      return;
    }
    const leg = this.#callerLeg(request, response, 'gateway');
    leg.account = this.#settings.accountOf(gateway.name, channelId ?? null);
    const read = (circumstances: InviteCircumstances) => readIncoming(request, terms, circumstances);
    this.#begin(request, response, terms.trunk, leg, read, 'gateway');
  }

  #begin(
    request: SipRequest,
    response: ServerResponse,
    { sessionTimer = NO_SESSION_TIMER, prack = 'required' }: TrunkTerms,
    leg: InboundLeg,
    read: (circumstances: InviteCircumstances) => CallRequest,
    side: 'trunk' | 'gateway',
  ): void {
    this.intake.countInvite();
    const waitedMs = this.latenessMs(request);
    if (this.#onCall === undefined) {
      response.send(503, {});
      return;
    }
    const extensions = callExtensions([...sessionExtensions(sessionTimer), ...TRANSFER_EXTENSIONS], prack);
    if (!this.intake.hasExtensions(request, response, extensions)) return;
    if (hasOtherBody(request)) {
      response.send(415, { headers: { Accept: 'application/sdp' } });
      return;
    }
    if (!leg.keepSession(sessionTimer)) return;
    leg.reliability = prack;
    const looped = request.get(LOOP_MARKER) === this.#marker;
    const call = read({ allowedHeaders: this.#passedFrom(side), looped, waitedMs });
    const named = request.get('Replaces');
    const replaces = named === undefined ? null : readReplaces(named);
    if (named !== undefined && replaces === null) leg.refuse(400, undefined);
    else this.#onCall(call, leg, replaces);
  }

  #callerLeg(request: SipRequest, response: ServerResponse, side: 'trunk' | 'gateway'): InboundLeg {
    return new InboundLeg(this.#srf, request, response, this, this.#log, this.#passedFrom(side));
  }

  /** Names of the headers that go on from the messages of such a peer to the other side. */
  #passedFrom(side: 'trunk' | 'gateway'): readonly string[] {
    const { allowedHeaders, allowedHeadersToTrunks = [] } = this.#settings;
    return side === 'trunk' ? allowedHeaders : allowedHeadersToTrunks;
  }
}

function callersOf({ callingGateways = [], trunks, lines }: SignallingSettings): GatewayCallers {
  const sources = trunks.flatMap((trunk) => trunk.sources);
  return new GatewayCallers(callingGateways, sources, lines);
}
