// The drachtio-srf application: takes INVITEs of trunks, answers OPTIONS, dials gateways, ends legs of lost dialogs.
// It reaches the embedded SIP server exactly as it reaches a drachtio-server: over the admin socket, and only so.
import { randomUUID } from 'node:crypto';
import type { CallRequest, TrunkTerms } from '../call/call-request.js';
import type {
  CalleeLeg,
  CalleeLegListener,
  CallerLeg,
  DialPort,
  DialRequest,
  LegIdentity,
  OrphanCause,
} from '../call/ports.js';
import type { DigestAccount, DigestSettings } from '../digest/digest-guard.js';
import { type Clock, monotonicNowMs } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { ArrivalClock } from './arrival-clock.js';
import { guarded } from './callback-guard.js';
import { requestWithAccount } from './challenge-answers.js';
import { InboundLeg } from './inbound-leg.js';
import type { HeldCallee, HeldCaller, LegHost } from './leg-host.js';
import { sourceUri } from './leg-identity.js';
import { addressAtContact } from './line-uri.js';
import { cseqNumber, userOf } from './message-parts.js';
import { OutboundLeg } from './outbound-leg.js';
import { PeerTable } from './peer-table.js';
import { reachServer } from './reach-server.js';
import type { AgentSource } from './read-agent.js';
import { readInvite } from './read-invite.js';
import {
  createSrf,
  type ServerResponse,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  type SrfApplication,
} from './srf.js';
import { challengeLines, type GateVerdict, TrunkGate } from './trunk-gate.js';

/** Header by which we know a call that comes back to us: a value of this process, on every INVITE that leaves. */
const LOOP_MARKER = 'X-Simtrunk-Loop';
const MAX_EARLY_TRYING = 1024;
const MAX_EARLY_UNCLAIMED = 1024;
/** Three transmissions of a BYE over UDP at the default T1. */
const LAST_WORDS_MS = 2_000;
/** drachtio-srf waits 1.7 times as long after each failed attempt, without an end unless told. */
const LONGEST_RECONNECT_PAUSE_MS = 500;
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

/** A REGISTER as it came; `source` is where from, as a SIP URI. */
export interface ReceivedRegister {
  readonly uri: string;
  readonly body: string;
  readonly authorization: string | undefined;
  /** User of the To header. */
  readonly user: string;
  readonly contact: string | undefined;
  readonly expires: string | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly source: string;
}

/** Lines of gateways that register with us, by whoever keeps them. */
export interface LinePlaces {
  /** False: no line may register, and REGISTER is answered as any other method that means nothing here. */
  readonly isThere: boolean;
  answer(request: ReceivedRegister): {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** One for each WWW-Authenticate. */
    readonly challenges?: readonly string[];
  };
  /** Whether a registered line sends from there. */
  isSource(source: string): boolean;
  /** Where a channel is called: where the config says, where its line registered from, or nowhere now. */
  placeOf(
    gateway: string,
    channelId: string,
  ): { readonly contact: string; readonly nextHop: string | undefined } | 'configured' | 'nowhere';
}

/** Methods that a trunk may try and that have no meaning here: better 405 than the server's 503. */
const REFUSED_METHODS = ['subscribe', 'publish', 'message', 'notify', 'info', 'refer'] as const;
const ALLOWED = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE';

export interface SignallingTrunk extends TrunkTerms {
  readonly sources: readonly string[];
  readonly certificate?: string | undefined;
  readonly agentFrom: AgentSource;
}

export interface SignallingSettings {
  readonly trunks: readonly SignallingTrunk[];
  /** Those that are named by a host name are not known by where they send from. */
  readonly gateways: readonly { readonly name: string; readonly host: string }[];
  readonly lines: LinePlaces;
  readonly digest: DigestSettings;
  /** Of trunks that have to prove who they are, by name. */
  readonly trunkAccounts: ReadonlyMap<string, DigestAccount>;
  /** What a gateway gets when it asks for credentials: the channel's own, else the gateway's. */
  accountOf(gateway: string, channelId: string | null): DigestAccount | undefined;
  /** Headers that pass from the caller's INVITE to the gateway's; everything else stays on its side. */
  readonly allowedHeaders: readonly string[];
  /** The SIP server is a thread of this process, whose clock nobody sets: what it says of times is believed. */
  readonly isServerOurs?: boolean;
}

export interface DrachtioServer {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

export type CallHandler = (request: CallRequest, leg: CallerLeg) => void;

export interface SignallingCounters {
  readonly invites: number;
  readonly unknownSources: number;
  /** Requests that were asked for credentials, because they brought none or old ones. */
  readonly challenged: number;
  /** Requests that brought wrong ones. */
  readonly credentialsRefused: number;
  /** INVITEs that require an extension which we do not have. */
  readonly extensionsRefused: number;
  readonly optionsAnswered: number;
  readonly refusedMethods: number;
}

export class SipApplication implements DialPort, LegHost {
  readonly #settings: SignallingSettings;
  readonly #log: Logger;
  readonly #srf: SrfApplication;
  readonly #clock: Clock;
  readonly #gate: TrunkGate<SignallingTrunk>;
  readonly #gateways = new PeerTable<string>();
  readonly #marker = randomUUID();
  readonly #callees = new Map<string, HeldCallee>();
  readonly #callers = new Set<HeldCaller>();
  readonly #earlyTrying = new Set<string>();
  /** Answers that came before anybody asked for them. */
  readonly #unclaimed: string[] = [];
  #onUnclaimedAnswer: ((attemptId: string) => void) | undefined;
  readonly #counters = {
    ...{ invites: 0, unknownSources: 0, challenged: 0, credentialsRefused: 0 },
    ...{ extensionsRefused: 0, optionsAnswered: 0, refusedMethods: 0 },
  };
  #onCall: CallHandler | undefined;
  #namesOf: (address: string, port: number) => Promise<readonly string[] | null> = async () => null;
  #isAccepting: () => boolean = () => true;
  #onReconnected: () => void = () => {};
  #onCallersGone: () => void = () => {};
  readonly #arrivals: ArrivalClock | null;
  #isConnected = false;
  #isLost = false;
  #isClosing = false;

  constructor(settings: SignallingSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#arrivals = settings.isServerOurs === true ? new ArrivalClock(monotonicNowMs) : null;
    this.#clock = clock;
    this.#log = log;
    const { trunks, digest, trunkAccounts: accounts } = settings;
    this.#gate = new TrunkGate({ trunks, accounts, digest });
    for (const { name, host } of settings.gateways) this.#gateways.add(host, name);
    this.#srf = createSrf();
    this.#srf.on('error', (error) => log.warn({ err: error }, 'connection to the SIP server failed'));
    this.#srf.on('close', () => this.#noteClosed());
    this.#srf.on('connect', (error) => {
      if (!error) this.#noteConnected();
    });
    this.#srf.use('invite', (request, response) => this.#onInvite(request, response));
    this.#srf.use('options', (request, response) => this.#onOptions(request, response));
    this.#srf.use('register', (request, response) => this.#onRegister(request, response));
    for (const method of REFUSED_METHODS) {
      this.#srf.use(method, (request, response) => this.#onRefusedMethod(request, response));
    }
  }

  get counters(): SignallingCounters {
    return this.#counters;
  }

  /** Sets who takes the calls, and whether new ones are welcome (OPTIONS then says 503). */
  serve(onCall: CallHandler, isAccepting: () => boolean): void {
    this.#onCall = onCall;
    this.#isAccepting = isAccepting;
  }

  /**
   * Connects and authenticates; drachtio-srf itself reconnects later. Resolves with the server's listeners, each as
   * `udp/192.0.2.1:5060`.
   * @throws SimtrunkError SIP_SERVER_UNREACHABLE when the secret is refused or nobody answers in time.
   */
  async connect(server: DrachtioServer, timeoutMs: number): Promise<readonly string[]> {
    const where = `${server.host}:${server.port}`;
    const startMs = performance.now();
    const failure = await reachServer(server.host, server.port, timeoutMs);
    if (failure !== null) {
      const text = `No drachtio server listens at ${where} (${failure}). Start it, or correct sip.drachtio in the config.`;
      throw new SimtrunkError('SIP_SERVER_UNREACHABLE', text);
    }
    return new Promise((resolve, reject) => {
      const refuse = (text: string) => reject(new SimtrunkError('SIP_SERVER_UNREACHABLE', text));
      const timer = setTimeout(
        () =>
          refuse(`What listens at ${where} does not speak as a drachtio server. Correct sip.drachtio in the config.`),
        Math.max(0, timeoutMs - (performance.now() - startMs)),
      );
      this.#srf.on('connect', (error, hostport) => {
        clearTimeout(timer);
        if (error) {
          refuse(`The drachtio server at ${where} refused our secret. Correct sip.drachtio.secret in the config.`);
          return;
        }
        this.#log.info({ hostport }, 'connected to the SIP server');
        resolve(hostport.split(','));
      });
      this.#srf.connect({ ...server, reconnect: { retryMaxDelay: LONGEST_RECONNECT_PAUSE_MS } });
    });
  }

  latenessMs({ stackTime }: SipMessage): number {
    return this.#arrivals?.latenessMs(stackTime) ?? 0;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /**
   * Disconnects as soon as callers have answered their BYE, which is repeated until then, and the server has read our last
   * words: a final response written just before would be lost with a server that is closed next. Never waits for long.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    await soon(new Promise((resolve) => this.#whenCallersAreGone(resolve)));
    const closed = new Promise<void>((resolve) => this.#srf.on('close', () => resolve()));
    const wasConnected = this.#isConnected;
    this.#disconnect();
    if (wasConnected) await soon(closed);
  }

  #whenCallersAreGone(listener: () => void): void {
    this.#onCallersGone = listener;
    if (this.#callers.size === 0) listener();
  }

  #disconnect(): void {
    try {
      this.#srf.disconnect();
    } catch (error) {
      this.#log.debug({ err: error }, 'was not connected');
    }
  }

  dial(request: DialRequest, listener: CalleeLegListener): CalleeLeg {
    const account = this.#settings.accountOf(request.gateway, request.channelId);
    const leg = new OutboundLeg(this.#srf, this, listener, account, this.#log);
    const markers = { [LOOP_MARKER]: this.#marker };
    const place = this.#settings.lines.placeOf(request.gateway, request.channelId);
    if (place === 'configured') leg.start(request, markers);
    else if (place === 'nowhere') leg.failUnsent();
    else {
      const address = addressAtContact(request.address, place.contact);
      leg.start({ ...request, address }, markers, place.nextHop);
    }
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
    const { channelId } = identity;
    // A gateway's name may hold no slash.
    const account =
      channelId === undefined ? undefined : this.#settings.accountOf(channelId.split('/')[0] ?? '', channelId);
    // The next number that this dialog cannot have used: no process of ours sends more than a few requests in it.
    const cseq = identity.cseq + 100;
    return new Promise((resolve) => {
      requestWithAccount(
        { srf: this.#srf, log: this.#log, account },
        identity.remoteTarget,
        {
          method: 'BYE',
          proxy: identity.nextHop,
          headers: {
            From: identity.local,
            To: identity.remote,
            'Call-ID': identity.callId,
            CSeq: `${cseq} BYE`,
            Reason: `SIP;cause=503;text="${cause}"`,
          },
        },
        (response) => {
          if (response === null) this.#log.warn({ sipCallId: identity.callId }, 'orphaned leg could not be ended');
          resolve(statusOf(response));
        },
      );
    });
  }

  /** Sends REGISTER; resolves with the final response, null when none came from the registrar. */
  register({
    uri,
    aor,
    contactUser,
    callId,
    cseq,
    expiresSeconds,
    proxy,
    account,
  }: RegisterToSend): Promise<SipResponse | null> {
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
      requestWithAccount(
        { srf: this.#srf, log: this.#log, account },
        uri,
        { method: 'REGISTER', headers, proxy },
        (response) => resolve(statusOf(response) === null ? null : response),
      );
    });
  }

  /** Sends OPTIONS to a gateway; resolves with the final status, null when nothing came from it. */
  probe(uri: string, gateway: string): Promise<number | null> {
    const account = this.#settings.accountOf(gateway, null);
    return new Promise((resolve) => {
      requestWithAccount(
        { srf: this.#srf, log: this.#log, account },
        uri,
        { method: 'OPTIONS', headers: {} },
        (response) => resolve(statusOf(response)),
      );
    });
  }

  #noteClosed(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    if (this.#isClosing) return;
    this.#isLost = true;
    this.#log.error({ alarm: 'signalling' }, 'connection to the SIP server is lost');
  }

  #noteConnected(): void {
    // An attempt that was under way when we were closed.
    if (this.#isClosing) {
      this.#disconnect();
      return;
    }
    this.#isConnected = true;
    this.#arrivals?.reset();
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#log.warn({}, 'connected to the SIP server again');
    this.#onReconnected();
  }

  /** Sets who tells the names of a verified certificate, by the address and port of its TLS connection. */
  readNamesBy(namesOf: (address: string, port: number) => Promise<readonly string[] | null>): void {
    this.#namesOf = namesOf;
  }

  #onInvite(request: SipRequest, response: ServerResponse): void {
    if (!this.#gate.needsNames(request)) {
      this.#takeInvite(request, response, this.#admit(request, response));
      return;
    }
    // Made now, so that a CANCEL which comes meanwhile is not missed.
    const leg = new InboundLeg(this.#srf, request, response, this, this.#log);
    this.#withNames(request, (names) =>
      this.#takeInvite(request, response, this.#admit(request, response, names), leg),
    );
  }

  #withNames(request: SipRequest, listener: (names: readonly string[]) => void): void {
    const heard = guarded(this.#log, 'certificate', listener);
    // A server that cannot tell has ended, and the request with it.
    this.#namesOf(request.source_address, request.source_port).then(
      (names) => heard(names ?? []),
      () => heard([]),
    );
  }

  #takeInvite(request: SipRequest, response: ServerResponse, trunk: SignallingTrunk | null, made?: InboundLeg): void {
    if (trunk === null) return;
    this.#counters.invites++;
    const waitedMs = this.latenessMs(request);
    if (this.#onCall === undefined) {
      response.send(503, {});
      return;
    }
    // RFC 3261 §8.2.2.3: what the caller requires and we cannot do is refused, never ignored.
    const required = request.get('Require');
    if (required !== undefined) {
      this.#counters.extensionsRefused++;
      response.send(420, { headers: { Unsupported: required } });
      return;
    }
    const leg = made ?? new InboundLeg(this.#srf, request, response, this, this.#log);
    const looped = request.get(LOOP_MARKER) === this.#marker;
    this.#onCall(readInvite(request, trunk, { allowedHeaders: this.#settings.allowedHeaders, looped, waitedMs }), leg);
  }

  #isGateway(request: SipRequest): boolean {
    const { source_address, source_port } = request;
    return (
      this.#gateways.find(source_address, source_port) !== undefined ||
      this.#settings.lines.isSource(sourceUri(request))
    );
  }

  /** The trunk that a request is of; null when it has been answered. */
  #admit(request: SipRequest, response: ServerResponse, names?: readonly string[]): SignallingTrunk | null {
    const verdict = this.#gate.admit(request, this.#clock.wallMs(), names);
    if (verdict.kind === 'trunk') return verdict.trunk;
    if (verdict.kind === 'challenge') this.#challenge(request, response, verdict);
    else {
      this.#counters.unknownSources++;
      response.send(403, {});
    }
    return null;
  }

  #challenge(
    request: SipRequest,
    response: ServerResponse,
    { reason, headers }: Extract<GateVerdict<unknown>, { kind: 'challenge' }>,
  ): void {
    if (reason === 'refused') {
      this.#counters.credentialsRefused++;
      const { method, source_address: source } = request;
      this.#log.info({ method, source }, 'wrong credentials');
    } else this.#counters.challenged++;
    response.send(401, { headers: { ...headers } });
  }

  #onOptions(request: SipRequest, response: ServerResponse): void {
    // A peer whose address we know asks whether we are there, which needs no proof of who it is.
    const isKnown = this.#gate.bySource(request) !== undefined || this.#isGateway(request);
    if (!isKnown && this.#gate.needsNames(request)) {
      this.#withNames(request, (names) => {
        if (this.#admit(request, response, names) !== null) this.#answerOptions(response);
      });
      return;
    }
    if (isKnown || this.#admit(request, response) !== null) this.#answerOptions(response);
  }

  #answerOptions(response: ServerResponse): void {
    this.#counters.optionsAnswered++;
    const headers = { Allow: ALLOWED, Accept: 'application/sdp' };
    response.send(this.#isAccepting() ? 200 : 503, { headers });
  }

  #onRegister(request: SipRequest, response: ServerResponse): void {
    const { lines } = this.#settings;
    const required = request.get('Require');
    if (!lines.isThere) {
      this.#onRefusedMethod(request, response);
      return;
    }
    if (required !== undefined) {
      this.#counters.extensionsRefused++;
      response.send(420, { headers: { Unsupported: required } });
      return;
    }
    const { status, headers, challenges } = lines.answer({
      uri: request.uri,
      body: request.body ?? '',
      authorization: request.get('Authorization'),
      user: userOf(request.get('To') ?? ''),
      contact: request.get('Contact'),
      expires: request.get('Expires'),
      callId: request.get('Call-ID') ?? '',
      cseq: cseqNumber(request),
      source: sourceUri(request),
    });
    const asked = challenges === undefined ? {} : { 'WWW-Authenticate': challengeLines(challenges) };
    response.send(status, { headers: { ...headers, ...asked } });
  }

  #onRefusedMethod(request: SipRequest, response: ServerResponse): void {
    this.#counters.refusedMethods++;
    const known = this.#gate.bySource(request) !== undefined;
    response.send(known ? 405 : 403, { headers: { Allow: ALLOWED } });
  }
}

/** Null when the server made the response in place of one that never came. */
function statusOf(response: SipResponse | null): number | null {
  return response?.source_address ? response.status : null;
}

/** What comes true by itself, or not within the patience of one who is leaving. */
function soon(event: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LAST_WORDS_MS);
    void event.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
