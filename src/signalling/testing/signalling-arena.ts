// For tests of legs: the application on the embedded SIP server, a caller and a gateway of plain sockets, and what call
// control would have been told.
import { randomUUID } from 'node:crypto';
import type { CallRequest, DialAddress, Reliability } from '../../call/call-request.js';
import type { CalleeLegListener, CallerLeg, CallerLegListener, DialRequest } from '../../call/ports.js';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { codecPolicy } from '../../sdp/media-policy.js';
import { type ServerUnderTest, startEmbedded } from '../../sip-server/testing/arena.js';
import { Inbox } from '../../sip-server/testing/inbox.js';
import { UdpPeer } from '../../sip-server/testing/raw-peer.js';
import { SDP } from '../../sip-server/testing/sip-script.js';
import type { SignallingSettings, SignallingTrunk } from '../signalling-settings.js';
import { SipApplication } from '../sip-application.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

export const DIAL = {
  attemptId: 'a1',
  gateway: 'gw1',
  channelId: 'gw1/1',
  offerSdp: SDP,
  maxForwards: 69,
  passedHeaders: {},
} as const;

/** One thing that a listener was told: its name, and what came with it. */
export interface Told {
  readonly event: string;
  readonly value: unknown;
}

export class ToldInbox extends Inbox<Told> {
  constructor() {
    super(({ event }) => event);
  }

  async next(event: string): Promise<unknown> {
    return (await this.take(event, (told) => told.event === event)).value;
  }

  note = (event: string, value: unknown = undefined): void => this.put({ event, value });
}

/** What is other than usual; `sources`, `prack` and `inbound` are those of the one trunk. */
export interface ArenaOptions extends Partial<SignallingSettings> {
  readonly sources?: readonly string[];
  readonly inbound?: SignallingTrunk['inbound'];
  readonly prack?: Reliability;
}

const NO_LINES: SignallingSettings['lines'] = {
  isThere: false,
  answer: () => ({ status: 405, headers: {} }),
  isSource: () => false,
  lineAt: () => undefined,
  placeOf: () => 'configured',
};

export interface OfferedCall {
  readonly request: CallRequest;
  readonly leg: CallerLeg;
  readonly told: ToldInbox;
}

export class SignallingArena {
  readonly #offered = new Inbox<OfferedCall>(({ request }) => request.sipCallId);
  isAccepting = true;

  private constructor(
    readonly server: ServerUnderTest,
    readonly application: SipApplication,
    readonly caller: UdpPeer,
    readonly gateway: UdpPeer,
  ) {
    application.serve(
      (request, leg) => {
        const told = new ToldInbox();
        leg.listen(callerListener(told));
        this.#offered.put({ request, leg, told });
      },
      () => this.isAccepting,
    );
  }

  static async open({
    sources = ['127.0.0.1'],
    prack = 'required',
    inbound,
    ...changes
  }: ArenaOptions = {}): Promise<SignallingArena> {
    const server = await startEmbedded({ t1Ms: 20 });
    const trunk = {
      name: 'pbx',
      network: 'lan',
      traffic: 'commercial',
      media: codecPolicy(['PCMA']),
      nat: 'off',
      agentFrom: 'none',
    } as const;
    const settings: SignallingSettings = {
      trunks: [{ ...trunk, mediaSources: [], sources, prack, inbound }],
      allowedHeaders: ['X-Campaign'],
      digest: { realm: 'simtrunk', algorithms: ['SHA-256', 'MD5'], nonceSecret: 'test', nonceLifetimeMs: 60_000 },
      gateways: [{ name: 'gw1', host: '127.0.0.1' }],
      lines: NO_LINES,
      trunkAccounts: new Map(),
      accountOf: () => undefined,
    };
    const application = new SipApplication({ ...settings, ...changes }, new SystemClock(), log);
    server.control?.onTrying((sipCallId) => application.noteTrying(sipCallId));
    server.control?.on('answer:forked', ({ callId }) => application.noteForkedAnswer(callId));
    await application.connect(server.admin, 5_000);
    return new SignallingArena(server, application, await UdpPeer.open(server.udp), await UdpPeer.open(server.udp));
  }

  /** The next call that was offered to call control. */
  offered(): Promise<OfferedCall> {
    return this.#offered.take('call', () => true);
  }

  get gatewayUri(): string {
    return `sip:1%23010@127.0.0.1:${this.gateway.local.port}`;
  }

  get address(): DialAddress {
    return { requestUri: this.gatewayUri, fromUser: '+821012340001', headers: {} };
  }

  dial(changes: Partial<DialRequest> = {}) {
    const told = new ToldInbox();
    const leg = this.application.dial(
      { ...DIAL, attemptId: randomUUID(), address: this.address, ...changes },
      calleeListener(told),
    );
    return { leg, told };
  }

  async close(): Promise<void> {
    await this.application.close();
    this.caller.close();
    this.gateway.close();
    await this.server.close();
  }
}

function callerListener({ note }: ToldInbox): CallerLegListener {
  return {
    cancelled: (cause) => note('cancelled', cause),
    cleared: () => note('cleared'),
    connected: () => note('connected'),
    connectFailed: () => note('connect failed'),
    acknowledged: (sdp) => note('acknowledged', sdp),
    answeredEarly: (sdp) => note('answered early', sdp),
    hungUp: (cause, passed) => {
      note('hung up', cause);
      note('passed', passed);
    },
    renegotiated: (renegotiation) => note('renegotiated', renegotiation),
    refreshDue: () => note('refresh due'),
    sessionOver: () => note('session over'),
    messaged: (message) => note('messaged', message),
    referred: (referral) => note('referred', referral),
  };
}

export function calleeListener({ note }: ToldInbox): CalleeLegListener {
  return {
    sent: (sipCallId) => note('sent', sipCallId),
    trying: () => note('trying'),
    heardFrom: () => {},
    progressed: (status, sdp, passed) => {
      note('progressed', [status, sdp]);
      note('passed', passed);
    },
    answered: (sdp, _lateMs, passed) => {
      note('answered', sdp);
      note('passed', passed);
    },
    answeredAgain: () => note('answered again'),
    failed: ({ status, reasons, local, passed }) => {
      note('failed', { status, reasons, local });
      note('passed', passed);
    },
    hungUp: (reasons, _lateMs, passed) => {
      note('hung up', reasons);
      note('passed', passed);
    },
    cleared: () => note('cleared'),
    renegotiated: (renegotiation) => note('renegotiated', renegotiation),
    refreshDue: () => note('refresh due'),
    sessionOver: () => note('session over'),
    messaged: (message) => note('messaged', message),
    referred: (referral) => note('referred', referral),
  };
}
