// Requests that begin something: who may send them, and who takes them. What nobody takes is refused with 405, for better than the
// server's 503; strangers get 403 or are asked for credentials.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { ALLOWED, unknownExtensions } from './capabilities.js';
import { sourceUri } from './leg-identity.js';
import { cseqNumber, userOf } from './message-parts.js';
import { PeerTable } from './peer-table.js';
import type { PeerSettings, SignallingCounters, SignallingSettings, SignallingTrunk } from './signalling-settings.js';
import type { ServerResponse, SipRequest, SrfApplication } from './srf.js';
import { TrunkConnections } from './trunk-connections.js';
import { challengeLines, type GateVerdict, TrunkGate } from './trunk-gate.js';

/** Methods that mean nothing outside of a dialog until somebody takes them. */
const UNTAKEN_METHODS = ['subscribe', 'publish', 'message', 'notify', 'info', 'refer'] as const;

export type RequestHandler = (request: SipRequest, response: ServerResponse) => void;
type Names = (address: string, port: number) => Promise<readonly string[] | null>;

export class RequestIntake {
  readonly #settings: SignallingSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  #gate: TrunkGate<SignallingTrunk>;
  #gateways: PeerTable<string>;
  readonly connections = new TrunkConnections();
  readonly #handlers = new Map<string, RequestHandler>();
  readonly #counters = {
    invites: 0,
    unknownSources: 0,
    challenged: 0,
    credentialsRefused: 0,
    extensionsRefused: 0,
    unknownChannels: 0,
    optionsAnswered: 0,
    refusedMethods: 0,
  };
  #namesOf: Names = async () => null;
  #isAccepting: () => boolean = () => true;

  constructor(srf: SrfApplication, settings: SignallingSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#gate = gateOf(settings);
    this.#gateways = gatewaysOf(settings);
    this.handle('options', (request, response) => this.#onOptions(request, response));
    this.handle('register', (request, response) => this.#onRegister(request, response));
    for (const method of ['invite', 'options', 'register', ...UNTAKEN_METHODS]) {
      srf.use(method, (request, response) => this.#take(method, request, response));
    }
  }

  get counters(): SignallingCounters {
    return this.#counters;
  }

  /** Lets other peers in from now on; who has been let in stays. */
  reconfigure(peers: PeerSettings): void {
    this.#gate = gateOf(peers, this.#gate);
    this.#gateways = gatewaysOf(peers);
    this.connections.keepThoseOf(peers.trunks);
  }

  /** Says who takes the requests of a method that come outside of a dialog; nobody has looked at them yet. */
  handle(method: string, handler: RequestHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Whether new calls are welcome: OPTIONS says 503 when not. */
  acceptWhile(isAccepting: () => boolean): void {
    this.#isAccepting = isAccepting;
  }

  /** Sets who tells the names of a verified certificate, by the address and port of its TLS connection. */
  readNamesBy(namesOf: Names): void {
    this.#namesOf = namesOf;
  }

  countInvite(): void {
    this.#counters.invites++;
  }

  countUnknownChannel(): void {
    this.#counters.unknownChannels++;
  }

  /** False when it requires an extension that is not among these: refused, never ignored (RFC 3261 §8.2.2.3). */
  hasExtensions(request: SipRequest, response: ServerResponse, known: readonly string[] = []): boolean {
    const unknown = unknownExtensions(request, known);
    if (unknown.length === 0) return true;
    this.#counters.extensionsRefused++;
    response.send(420, { headers: { Unsupported: unknown.join(', ') } });
    return false;
  }

  /** The gateway that sends from there, by its address in the config; undefined for one that is known by its lines' alone. */
  gatewayOf({ source_address, source_port }: SipRequest): string | undefined {
    return this.#gateways.find(source_address, source_port);
  }

  isGateway(request: SipRequest): boolean {
    return this.gatewayOf(request) !== undefined || this.#settings.lines.isSource(sourceUri(request));
  }

  /**
   * Tells the handler of the trunk that a request is of, in this tick unless the certificate of its connection has to be asked
   * for; a request of no trunk is answered.
   */
  admit(request: SipRequest, response: ServerResponse, handler: (trunk: SignallingTrunk) => void): void {
    if (!this.#gate.needsNames(request)) this.#admitNamed(request, response, handler);
    else this.#withNames(request, (names) => this.#admitNamed(request, response, handler, names));
  }

  /** Whether `admit` tells later. */
  isAdmittedLater(request: SipRequest): boolean {
    return this.#gate.needsNames(request);
  }

  refuseMethod(request: SipRequest, response: ServerResponse): void {
    this.#counters.refusedMethods++;
    const known = this.#gate.bySource(request) !== undefined;
    response.send(known ? 405 : 403, { headers: { Allow: ALLOWED } });
  }

  #take(method: string, request: SipRequest, response: ServerResponse): void {
    const handler = this.#handlers.get(method);
    try {
      if (handler === undefined) this.refuseMethod(request, response);
      else handler(request, response);
    } catch (error) {
      // Whatever a peer sends, it ends no process.
      this.#log.error({ alarm: 'defect', err: error, method }, 'request could not be handled');
      if (!response.finalResponseSent) response.send(500, {});
    }
  }

  #withNames(request: SipRequest, listener: (names: readonly string[]) => void): void {
    const heard = guarded(this.#log, 'certificate', listener);
    // A server that cannot tell has ended, and the request with it.
    this.#namesOf(request.source_address, request.source_port).then(
      (names) => heard(names ?? []),
      () => heard([]),
    );
  }

  #admitNamed(
    request: SipRequest,
    response: ServerResponse,
    handler: (trunk: SignallingTrunk) => void,
    names?: readonly string[],
  ): void {
    const verdict = this.#gate.admit(request, this.#clock.wallMs(), names);
    if (verdict.kind === 'trunk') {
      this.connections.note(verdict.trunk, request);
      handler(verdict.trunk);
    } else if (verdict.kind === 'challenge') this.#challenge(request, response, verdict);
    else {
      this.#counters.unknownSources++;
      response.send(403, {});
    }
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
    const trunk = this.#gate.bySource(request);
    // A peer whose address we know asks whether we are there, which needs no proof of who it is. That a connection is a PBX's does.
    const isKnown = trunk === undefined ? this.isGateway(request) : !this.connections.mayNote(trunk, request);
    if (isKnown) this.#answerOptions(response);
    else this.admit(request, response, () => this.#answerOptions(response));
  }

  #answerOptions(response: ServerResponse): void {
    this.#counters.optionsAnswered++;
    const headers = { Allow: ALLOWED, Accept: 'application/sdp' };
    response.send(this.#isAccepting() ? 200 : 503, { headers });
  }

  #onRegister(request: SipRequest, response: ServerResponse): void {
    const { lines } = this.#settings;
    if (!lines.isThere) {
      this.refuseMethod(request, response);
      return;
    }
    if (!this.hasExtensions(request, response)) return;
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
}

function gateOf(
  { trunks, digest, trunkAccounts: accounts }: PeerSettings,
  before?: TrunkGate<SignallingTrunk>,
): TrunkGate<SignallingTrunk> {
  return new TrunkGate({ trunks, accounts, digest }, before);
}

function gatewaysOf({ gateways }: PeerSettings): PeerTable<string> {
  const table = new PeerTable<string>();
  for (const { name, host } of gateways) table.add(host, name);
  return table;
}
