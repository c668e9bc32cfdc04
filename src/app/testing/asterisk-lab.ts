// For tests of whole calls with Asterisk on both sides: one as the PBX with its phones, one as the mobile gateway with its
// mobiles, simtrunk between them.
import { type RunningApp, startApp } from '../../app.js';
import { answers } from '../../lab/callee-behaviour.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../../lab/sip-tests/case-config.js';
import { freePort } from '../../lab/sip-tests/free-ports.js';
import { SAMPLE_RATE_HZ } from '../../lab/speech.js';
import { type Asterisk, startAsterisk } from '../../lab/user-agents/asterisk.js';
import { type BaresipPhone, startBaresipPhone } from '../../lab/user-agents/baresip.js';
import { Arena } from './arena.js';
import { Voice } from './understood.js';

/** What is other than in the plainest setup: a trunk and a gateway by address over UDP. */
export interface AsteriskLabOrder {
  /** Keys of simtrunk's trunk, of its gateway, and of its config. */
  readonly trunk?: Record<string, unknown>;
  readonly gateway?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  /** Options of the PBX's endpoint for simtrunk, of those for its phones, and of the gateway's for simtrunk. */
  readonly pbx?: Record<string, string>;
  readonly phones?: Record<string, string>;
  readonly box?: Record<string, string>;
  /** Further sections of the PBX's `pjsip.conf`. */
  readonly pbxSections?: string;
  /** Where the PBX calls simtrunk. */
  readonly contact?: (ports: { readonly sip: number; readonly tls: number }) => string;
  /** Both have a TLS listener, too. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

const SIMS = [1, 2, 3];
const FIRST_EXTENSION = 701;
const EARLY_SECONDS = 3;
const ENDPOINT = { type: 'endpoint', disallow: 'all', allow: 'alaw,ulaw', direct_media: 'no' };

/** What the mobile of the gateway does, by the last digit that was dialled. */
const MOBILES = `
[mobiles]
exten => _X.,1,Goto(do-\${EXTEN:-1},1)
exten => do-1,1,Ringing()
 same => n,Wait(0.3)
 same => n,Goto(talk,1)
exten => do-2,1,Ringing()
 same => n,Wait(0.3)
 same => n,Hangup(17)
exten => do-3,1,Ringing()
 same => n,Wait(60)
 same => n,Hangup(19)
exten => do-4,1,Progress()
 same => n,Playback(\${VOICES}/ringback,noanswer)
 same => n,Goto(talk,1)
exten => do-5,1,Hangup(1)
exten => do-6,1,Hangup(34)
exten => do-7,1,Ringing()
 same => n,Wait(0.3)
 same => n,Hangup(21)
exten => do-8,1,Hangup(27)
exten => do-9,1,Ringing()
 same => n,Wait(0.3)
 same => n,Hangup(19)
exten => do-0,1,Answer()
 same => n,Echo()
exten => talk,1,MixMonitor(\${HEARD}/talk-mix.wav,r(\${HEARD}/talk.wav))
 same => n,Answer()
 same => n,Playback(\${VOICES}/mobile&\${VOICES}/mobile&\${VOICES}/mobile)
 same => n,Hangup()
[texts]
exten => _X.,1,UserEvent(Text,Body: \${MESSAGE(body)},From: \${MESSAGE(from)},Extension: \${EXTEN})
 same => n,Set(MESSAGE_DATA(X-Line)=line-1)
 same => n,MessageSend(pjsip:simtrunk,<sip:\${EXTEN}@127.0.0.1>)
`;

/** Its phones call mobiles and each other; `said` is an agent without a telephone. */
const AGENTS = `
[agents]
exten => _0X.,1,Dial(PJSIP/\${EXTEN}@simtrunk,20)
 same => n,UserEvent(Dialled,Cause: \${HANGUPCAUSE},DialStatus: \${DIALSTATUS})
 same => n,Hangup(\${HANGUPCAUSE})
exten => _7XX,1,Dial(PJSIP/\${EXTEN},20)
 same => n,Hangup(\${HANGUPCAUSE})
[from-simtrunk]
exten => _7XX,1,Dial(PJSIP/\${EXTEN},10)
 same => n,Hangup(\${HANGUPCAUSE})
exten => _+82X.,1,Answer()
 same => n,Queue(callbacks)
[said]
exten => talk,1,MixMonitor(\${HEARD}/talk-mix.wav,r(\${HEARD}/talk.wav))
 same => n,Playback(\${VOICES}/agent&\${VOICES}/agent&\${VOICES}/agent)
 same => n,Hangup()
exten => wait,1,Wait(60)
[transfers]
exten => number,1,Transfer(PJSIP/sip:01012345670@127.0.0.1:\${SIMTRUNK})
 same => n,Goto(told,1)
exten => extension,1,Transfer(PJSIP/702)
 same => n,Goto(told,1)
exten => told,1,UserEvent(Transferred,Status: \${TRANSFERSTATUS})
 same => n,Wait(5)
[texts]
exten => _X.,1,UserEvent(Text,Body: \${MESSAGE(body)},From: \${MESSAGE(from)},Extension: \${EXTEN})
`;

export class AsteriskLab {
  readonly agentVoice = new Voice(1);
  readonly mobileVoice = new Voice(2);
  readonly musicVoice = new Voice(3);
  readonly ringbackVoice = new Voice(4);
  readonly otherVoice = new Voice(5);
  readonly arena: Arena;
  app!: RunningApp;
  /** The PBX. */
  pbx!: Asterisk;
  /** The gateway. */
  box!: Asterisk;
  readonly #phones: BaresipPhone[] = [];
  readonly #closing: (() => Promise<void>)[] = [];
  #pbxPort = 0;
  #phonePorts: readonly number[] = [];
  #trace = '';

  private constructor(arena: Arena) {
    this.arena = arena;
  }

  static async open(order: AsteriskLabOrder = {}): Promise<AsteriskLab> {
    const arena = await Arena.open(() => answers());
    const lab = new AsteriskLab(arena);
    lab.#closing.push(() => arena.close());
    try {
      await lab.#start(order);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  async #start(order: AsteriskLabOrder): Promise<void> {
    const { arena } = this;
    const [pbxPort, boxPort, tlsPort, pbxTlsPort, ...phonePorts] = await freePorts(7);
    this.#pbxPort = pbxPort;
    this.#phonePorts = phonePorts;
    const app = await startApp(arena.config(this.#config(order, { pbxPort, boxPort, tlsPort })));
    this.app = app;
    this.#closing.push(() => app.close());
    const trace = await app.sip?.startTrace({ match: { kind: 'all' } });
    this.#trace = trace?.ok ? trace.id : '';
    const place = `sip:127.0.0.1:${arena.sipPort}`;
    const phone = (user: number, port: number) =>
      section(String(user), { ...ENDPOINT, context: 'agents', aors: String(user), ...order.phones }) +
      section(String(user), { type: 'aor', contact: `sip:${user}@127.0.0.1:${port}` });
    const simtrunk = (context: string, contact: string, over: Record<string, string> | undefined) =>
      section('simtrunk', { ...ENDPOINT, context, aors: 'simtrunk', ...over }) +
      section('simtrunk', { type: 'aor', contact }) +
      section('simtrunk', { type: 'identify', endpoint: 'simtrunk', match: '127.0.0.1' });
    const starts = [
      startAsterisk({
        folder: arena.subfolder('pbx'),
        sipPort: pbxPort,
        ...(order.tls && { tls: { port: pbxTlsPort, ...order.tls } }),
        pjsip:
          // Its phones are at simtrunk's address.
          section('global', { type: 'global', endpoint_identifier_order: 'username,ip' }) +
          simtrunk('from-simtrunk', order.contact?.({ sip: arena.sipPort, tls: tlsPort }) ?? place, order.pbx) +
          phonePorts.map((port, index) => phone(FIRST_EXTENSION + index, port)).join('') +
          (order.pbxSections ?? ''),
        dialplan: `SIMTRUNK=${arena.sipPort}\n${AGENTS}`,
        voices: { agent: this.agentVoice.says },
        music: this.musicVoice.says,
        files: { 'queues.conf': '[general]\n[callbacks]\nstrategy=ringall\ntimeout=10\nmember => PJSIP/703\n' },
      }),
      startAsterisk({
        folder: arena.subfolder('box'),
        sipPort: boxPort,
        pjsip: simtrunk('mobiles', place, order.box),
        dialplan: MOBILES,
        voices: {
          mobile: this.mobileVoice.says,
          ringback: this.ringbackVoice.says.subarray(0, EARLY_SECONDS * SAMPLE_RATE_HZ),
        },
      }),
    ].map(async (start) => {
      const asterisk = await start;
      this.#closing.push(() => asterisk.close());
      return asterisk;
    });
    await Promise.allSettled(starts);
    [this.pbx, this.box] = (await Promise.all(starts)) as [Asterisk, Asterisk];
  }

  #config(
    order: AsteriskLabOrder,
    { pbxPort, boxPort, tlsPort }: { pbxPort: number; boxPort: number; tlsPort: number },
  ): Record<string, unknown> {
    const { sipPort } = this.arena;
    const listeners = [
      { transport: 'udp', port: sipPort },
      { transport: 'tcp', port: sipPort },
    ];
    const pbx = `127.0.0.1:${pbxPort}`;
    const trunk = { name: 'pbx', network: 'lan', sources: [pbx], agentFrom: 'from-user', inbound: { address: pbx } };
    const gateway = { name: 'gw1', network: 'lan', address: `127.0.0.1:${boxPort}`, dial: '{number}' };
    return {
      // Asterisk has these clocks.
      sip: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 },
      networks: [{ sip: order.tls ? [...listeners, { transport: 'tls', port: tlsPort, ...order.tls }] : listeners }],
      trunks: [{ ...trunk, ...order.trunk }],
      gateways: [{ ...gateway, gapMs: 0, probe: false, inbound: {}, ...order.gateway }],
      sims: SIMS.map((n) => ({ iccid: iccidOf(n), number: simNumberOf(n), plan: BASE_PLAN.name })),
      channels: SIMS.map((port) => ({ gateway: 'gw1', port, line: `line-${port}`, sim: iccidOf(port) })),
      ...order.config,
    };
  }

  /** Starts the telephone of an extension from 701 on, which says this. */
  async phone(extension: number, { says }: Voice): Promise<BaresipPhone> {
    const phone = await startBaresipPhone({
      folder: this.arena.subfolder(`phone-${extension}`),
      user: String(extension),
      says,
      sipPort: this.#phonePorts[extension - FIRST_EXTENSION] ?? 0,
      domain: `127.0.0.1:${this.#pbxPort}`,
    });
    this.#phones.push(phone);
    this.#closing.push(() => phone.close());
    return phone;
  }

  /** How an extension of the PBX is dialled by its phones. */
  uri(extension: string): string {
    return `sip:${extension}@127.0.0.1:${this.#pbxPort}`;
  }

  /** What simtrunk sent and received. */
  async ladder(): Promise<string> {
    return (await this.app.sip?.traceLadder(this.#trace)) ?? '';
  }

  /** What was printed, and what was said over SIP. */
  async log(): Promise<string> {
    const logs = [...this.#phones, this.pbx, this.box].map((program) => program.log());
    return [...logs, await this.ladder()].join('\n----\n');
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
  }
}

async function freePorts(count: number): Promise<[number, number, number, number, ...number[]]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports as [number, number, number, number, ...number[]];
}

function section(name: string, options: Readonly<Record<string, string>>): string {
  return `[${name}]\n${Object.entries(options)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')}\n`;
}
