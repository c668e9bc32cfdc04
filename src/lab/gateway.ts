// A simulated mobile gateway: a SIP peer with one SIM in each of its ports, at most one call on each, its callees played by
// a plan. It keeps its own log and notes what no gateway should ever be asked, so that simtrunk can be held against it.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type BehaviourPlan, behaviourByNumber } from './callee-behaviour.js';
import { GatewayCall, type GatewayCallHost } from './gateway-call.js';
import { type GatewayCallRecord, GatewayLog, type GatewayViolation, type GatewayViolationKind } from './gateway-log.js';
import type { LabCodec } from './sdp-text.js';
import { SipEndpoint } from './sip-endpoint.js';
import { headerOf, userOf } from './sip-text.js';
import type { ServerTransaction, SipTiming } from './sip-transaction.js';

export interface GatewaySettings {
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** SIP port; default 0, which takes a free one. */
  readonly port?: number;
  /** Ports with a SIM, numbered from 1; default 44. */
  readonly simPorts?: number;
  /** Default: by the last digits of the number. */
  readonly plan?: BehaviourPlan;
  readonly codecs?: readonly LabCodec[];
  readonly timing?: SipTiming;
  /** NDJSON, appended to. */
  readonly logFile?: string;
}

export class SimulatedGateway implements GatewayCallHost {
  readonly simPorts: number;
  readonly codecs: readonly LabCodec[];
  readonly discardPort: number;
  readonly #plan: BehaviourPlan;
  readonly #log: GatewayLog;
  readonly #discard: Socket;
  readonly #byPort = new Map<number, GatewayCall>();
  readonly #occupied = new Set<number>();
  readonly #callById = new Map<string, GatewayCall>();
  #endpoint!: SipEndpoint;
  readonly #whenOver: { readonly isOver: () => boolean; readonly resolve: () => void }[] = [];
  #closed = false;
  #ordinal = 0;
  #silent = false;

  static async open(settings: GatewaySettings = {}): Promise<SimulatedGateway> {
    const address = settings.address ?? '127.0.0.1';
    const discard = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    discard.bind(0, address);
    await once(discard, 'listening');
    const gateway = new SimulatedGateway(settings, discard);
    try {
      gateway.#endpoint = await SipEndpoint.open({
        address,
        port: settings.port ?? 0,
        user: 'gateway',
        ...(settings.timing && { timing: settings.timing }),
        onRequest: (transaction) => gateway.#receive(transaction),
      });
    } catch (error) {
      discard.close();
      throw error;
    }
    return gateway;
  }

  private constructor(settings: GatewaySettings, discard: Socket) {
    this.simPorts = settings.simPorts ?? 44;
    this.codecs = settings.codecs ?? ['PCMA', 'PCMU'];
    this.#plan = settings.plan ?? behaviourByNumber;
    this.#log = new GatewayLog(settings.logFile);
    this.#discard = discard;
    this.discardPort = discard.address().port;
    discard.on('message', () => undefined);
    discard.on('error', () => undefined);
  }

  get endpoint(): SipEndpoint {
    return this.#endpoint;
  }

  get address(): string {
    return this.#endpoint.address;
  }

  /** SIP port. */
  get port(): number {
    return this.#endpoint.port;
  }

  /** Ended calls, in the order of their ends. */
  get calls(): readonly GatewayCallRecord[] {
    return this.#log.calls;
  }

  get violations(): readonly GatewayViolation[] {
    return this.#log.violations;
  }

  get liveCalls(): number {
    return this.#byPort.size;
  }

  secondsByPort(): Map<number, number> {
    return this.#log.secondsByPort();
  }

  /** What the callee of this call heard, by the Call-ID of the gateway's leg. Only calls with media are kept. */
  heardIn(sipCallId: string): Int16Array {
    return this.#callById.get(sipCallId)?.heard() ?? new Int16Array(0);
  }

  /** Makes a SIM busy with something that simtrunk cannot see, such as an incoming call: it answers 503. */
  occupy(simPort: number): void {
    this.#occupied.add(simPort);
  }

  vacate(simPort: number): void {
    this.#occupied.delete(simPort);
  }

  /** Answers nothing to new requests from now on, OPTIONS included, as a gateway that hangs; or answers again. */
  setSilent(silent: boolean): void {
    this.#silent = silent;
  }

  /** Every live call is hung up or refused, as when the mobile network goes away. */
  async hangUpAll(): Promise<void> {
    await Promise.all([...this.#byPort.values()].map((call) => call.hangUp()));
  }

  /** Resolves as soon as no call is live. */
  idle(): Promise<void> {
    return this.#when(() => this.#byPort.size === 0);
  }

  /** Resolves as soon as none of these calls is live, by the Call-ID of the gateway's leg. */
  over(sipCallIds: readonly string[]): Promise<void> {
    return this.#when(() => [...this.#byPort.values()].every(({ sipCallId }) => !sipCallIds.includes(sipCallId)));
  }

  /** Calls that are live, or ended since an instant of the wall clock. */
  callsSince(wallMs: number): readonly { readonly sipCallId: string; readonly port: number }[] {
    return [...this.calls.filter(({ endedMs }) => endedMs >= wallMs), ...this.#byPort.values()];
  }

  /** Ends without a word to anybody; the log is complete afterwards. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of [...this.#byPort.values()]) call.drop();
    await this.#endpoint.close();
    this.#discard.close();
    await this.#log.close();
  }

  violation(kind: GatewayViolationKind, sipCallId: string, user: string): void {
    this.#log.violation({ kind, atMs: Date.now(), sipCallId, user });
  }

  ended(call: GatewayCall): void {
    if (this.#byPort.get(call.port) === call) this.#byPort.delete(call.port);
    this.#log.call(call.record());
    for (const waiting of this.#whenOver.splice(0)) {
      if (waiting.isOver()) waiting.resolve();
      else this.#whenOver.push(waiting);
    }
  }

  #when(isOver: () => boolean): Promise<void> {
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => this.#whenOver.push({ isOver, resolve }));
  }

  #receive(transaction: ServerTransaction): void {
    if (this.#silent) return;
    const { method, uri } = transaction.request;
    if (method === 'INVITE') this.#invited(transaction, userOf(uri) ?? '');
    else transaction.respond(method === 'OPTIONS' ? 200 : 481);
  }

  #invited(transaction: ServerTransaction, user: string): void {
    const sipCallId = headerOf(transaction.request, 'call-id');
    const dialled = /^(\d+)#(\+?\d+)$/.exec(user);
    const simPort = Number(dialled?.[1]);
    const number = dialled?.[2] ?? '';
    if (dialled === null || simPort < 1 || simPort > this.simPorts) {
      this.violation('no-such-port', sipCallId, user);
      transaction.respond(404);
      return;
    }
    if (this.#byPort.has(simPort)) {
      this.violation('port-in-use', sipCallId, user);
      transaction.respond(503);
      return;
    }
    const behaviour = this.#occupied.has(simPort)
      ? { tries: true, final: { status: 503, afterMs: 0 } }
      : this.#plan({ port: simPort, number, ordinal: this.#ordinal++ });
    const call = new GatewayCall(this, transaction, simPort, number, behaviour);
    this.#byPort.set(simPort, call);
    if (behaviour.says !== undefined || behaviour.earlyMedia !== undefined) this.#callById.set(sipCallId, call);
    // A socket that cannot be had ends this call alone.
    call.begin().catch(() => transaction.respond(500));
  }
}
