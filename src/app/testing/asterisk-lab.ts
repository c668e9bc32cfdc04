// For tests of whole calls with Asterisk on both sides: one as the PBX with its phones, one as the mobile gateway with its
// mobiles, simtrunk between them.
import { type RunningApp, startApp } from '../../app.js';
import type { Cdr } from '../../cdr/cdr.js';
import { answers } from '../../lab/callee-behaviour.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../../lab/sip-tests/case-config.js';
import { freePort } from '../../lab/sip-tests/free-ports.js';
import { type Asterisk, type AsteriskOrder, startAsterisk } from '../../lab/user-agents/asterisk.js';
import { type BaresipPhone, startBaresipPhone } from '../../lab/user-agents/baresip.js';
import { Arena, until } from './arena.js';
import { Voice } from './understood.js';

/** What is other than in the plainest setup; lines of an Asterisk's endpoint replace those of the same name. */
export interface AsteriskLabOrder {
  readonly trunk?: Record<string, unknown>;
  readonly gateway?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  /** Of the PBX's endpoint for simtrunk. */
  readonly pbx?: Record<string, string>;
  /** Of its address of simtrunk. */
  readonly aor?: Record<string, string>;
  /** Of its phones. */
  readonly phones?: Record<string, string>;
  /** Of the gateway's endpoint for simtrunk. */
  readonly box?: Record<string, string>;
  /** Where the PBX calls simtrunk; default: its address, over UDP. */
  readonly contact?: (ports: { readonly sip: number; readonly tls: number }) => string;
  /** How simtrunk calls the PBX; default UDP. */
  readonly inboundBy?: 'tcp' | 'tls';
  /** Further sections of its `pjsip.conf`, and of its dialplan. */
  readonly pbxSections?: string;
  readonly pbxDialplan?: string;
  /** Further options of its `Dial` over the trunk. */
  readonly dialOptions?: string;
  readonly boxSections?: string;
  readonly boxDialplan?: string;
  readonly pbxFiles?: Readonly<Record<string, string>>;
  readonly boxFiles?: Readonly<Record<string, string>>;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

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
exten => h,1,UserEvent(MobileOver,Cause: \${HANGUPCAUSE})
[texts]
exten => _X.,1,UserEvent(Text,Body: \${MESSAGE(body)},From: \${MESSAGE(from)},Extension: \${EXTEN})
 same => n,Set(MESSAGE_DATA(X-Line)=line-1)
 same => n,MessageSend(pjsip:simtrunk,<sip:\${EXTEN}@127.0.0.1>)
`;

const AGENTS = (options: string) => `
[agents]
exten => _0X.,1,Set(__AGENT=\${CHANNEL(endpoint)})
 same => n,Dial(PJSIP/\${EXTEN}@simtrunk,20,${options})
 same => n,UserEvent(Dialled,Cause: \${HANGUPCAUSE},DialStatus: \${DIALSTATUS})
 same => n,Hangup(\${HANGUPCAUSE})
exten => h,1,UserEvent(Dialled,Cause: \${HANGUPCAUSE},DialStatus: \${DIALSTATUS})
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
  readonly phones: BaresipPhone[] = [];
  app!: RunningApp;
  pbx!: Asterisk;
  box!: Asterisk;
  pbxPort = 0;
  boxPort = 0;
  tlsPort = 0;
  phonePorts: number[] = [];
  #trace = '';
  #pbxOrder!: AsteriskOrder;
  #boxOrder!: AsteriskOrder;

  private constructor(arena: Arena) {
    this.arena = arena;
  }

  static async open(order: AsteriskLabOrder = {}): Promise<AsteriskLab> {
    const lab = new AsteriskLab(await Arena.open(() => answers()));
    await lab.#start(order);
    return lab;
  }

  async #start(order: AsteriskLabOrder): Promise<void> {
    const { arena } = this;
    this.pbxPort = await freePort();
    this.boxPort = await freePort();
    this.tlsPort = await freePort();
    const pbxTlsPort = await freePort();
    this.phonePorts = [await freePort(), await freePort(), await freePort()];
    const sims = [1, 2, 3];
    this.app = await startApp(
      arena.config({
        sip: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 },
        ...(order.tls && {
          networks: [
            {
              sip: [
                { transport: 'udp', port: arena.sipPort },
                { transport: 'tcp', port: arena.sipPort },
                { transport: 'tls', port: this.tlsPort, cert: order.tls.cert, key: order.tls.key, ca: order.tls.ca },
              ],
            },
          ],
        }),
        trunks: [
          {
            name: 'pbx',
            network: 'lan',
            sources: [`127.0.0.1:${this.pbxPort}`],
            agentFrom: 'from-user',
            inbound: {
              address: `127.0.0.1:${order.inboundBy === 'tls' ? pbxTlsPort : this.pbxPort}`,
              transport: order.inboundBy ?? 'udp',
            },
            ...order.trunk,
          },
        ],
        gateways: [
          {
            name: 'gw1',
            network: 'lan',
            address: `127.0.0.1:${this.boxPort}`,
            dial: '{number}',
            gapMs: 0,
            probe: false,
            inbound: {},
            ...order.gateway,
          },
        ],
        sims: sims.map((n) => ({ iccid: iccidOf(n), number: simNumberOf(n), plan: BASE_PLAN.name })),
        channels: sims.map((port) => ({ gateway: 'gw1', port, line: `line-${port}`, sim: iccidOf(port) })),
        ...order.config,
      }),
    );
    const trace = await this.app.sip?.startTrace({ match: { kind: 'all' } });
    this.#trace = trace?.ok ? trace.id : '';
    const phone = (user: number, port: number | undefined) =>
      section(String(user), {
        type: 'endpoint',
        context: 'agents',
        aors: String(user),
        disallow: 'all',
        allow: 'alaw,ulaw',
        direct_media: 'no',
        ...order.phones,
      }) + section(String(user), { type: 'aor', contact: `sip:${user}@127.0.0.1:${port}` });
    const endpoint = (context: string, over: Record<string, string> | undefined) =>
      section('simtrunk', {
        type: 'endpoint',
        context,
        aors: 'simtrunk',
        disallow: 'all',
        allow: 'alaw,ulaw',
        direct_media: 'no',
        ...Object.fromEntries(
          Object.entries(over ?? {}).map(([key, value]) => [key, value.replaceAll('SIMTRUNK', String(arena.sipPort))]),
        ),
      }) + section('simtrunk', { type: 'identify', endpoint: 'simtrunk', match: '127.0.0.1' });
    const contact = order.contact?.({ sip: arena.sipPort, tls: this.tlsPort }) ?? `sip:127.0.0.1:${arena.sipPort}`;
    this.#pbxOrder = {
      folder: arena.subfolder('pbx'),
      sipPort: this.pbxPort,
      ...(order.tls && { tls: { port: pbxTlsPort, ...order.tls } }),
      pjsip:
        section('global', { type: 'global', endpoint_identifier_order: 'username,ip', debug: 'no' }) +
        endpoint('from-simtrunk', order.pbx) +
        section('simtrunk', { type: 'aor', contact, ...order.aor }) +
        this.phonePorts.map((port, index) => phone(701 + index, port)).join('') +
        (order.pbxSections ?? ''),
      dialplan: `SIMTRUNK=${arena.sipPort}\n${AGENTS(order.dialOptions ?? 'tT')}${(order.pbxDialplan ?? '').replaceAll('127.0.0.1:SIMTRUNK', `127.0.0.1:${arena.sipPort}`)}`,
      voices: { agent: this.agentVoice.says },
      files: {
        'queues.conf': `[general]\n[callbacks]\nstrategy=ringall\ntimeout=10\nmember => PJSIP/703\n`,
        'features.conf': `[general]\n[featuremap]\nblindxfer => #1\natxfer => *2\n`,
        ...order.pbxFiles,
      },
      music: this.musicVoice.says,
    };
    this.#boxOrder = {
      folder: arena.subfolder('box'),
      sipPort: this.boxPort,
      pjsip:
        endpoint('mobiles', order.box) +
        section('simtrunk', { type: 'aor', contact: `sip:127.0.0.1:${arena.sipPort}` }) +
        (order.boxSections ?? '').replaceAll('SIMTRUNK', String(arena.sipPort)),
      dialplan: MOBILES + (order.boxDialplan ?? ''),
      voices: { mobile: this.mobileVoice.says, ringback: this.ringbackVoice.says.subarray(0, 3 * 8_000) },
      files: order.boxFiles ?? {},
    };
    [this.pbx, this.box] = await Promise.all([startAsterisk(this.#pbxOrder), startAsterisk(this.#boxOrder)]);
  }

  async restartPbx(): Promise<void> {
    this.pbx = await startAsterisk(this.#pbxOrder);
  }

  async restartBox(): Promise<void> {
    this.box = await startAsterisk(this.#boxOrder);
  }

  async phone(index = 0, voice = this.agentVoice, configuration: readonly string[] = []): Promise<BaresipPhone> {
    const user = String(701 + index);
    const phone = await startBaresipPhone({
      folder: this.arena.subfolder(`phone-${user}`),
      user,
      says: voice.says,
      sipPort: this.phonePorts[index] ?? 0,
      domain: `127.0.0.1:${this.pbxPort}`,
      configuration,
    });
    this.phones.push(phone);
    return phone;
  }

  /** How an extension of the PBX is dialled by its phones. */
  uri(extension: string): string {
    return `sip:${extension}@127.0.0.1:${this.pbxPort}`;
  }

  async cdr(count = 1): Promise<Cdr> {
    await until('the CDR is published', () => this.arena.cdrLines().length >= count);
    const cdr = this.arena.cdrLines()[count - 1];
    if (cdr === undefined) throw new Error('no CDR');
    return cdr;
  }

  ladder(): Promise<string | null | undefined> {
    return this.app.sip?.traceLadder(this.#trace) ?? Promise.resolve('');
  }

  /** What was printed, and what was said over SIP. */
  async log(): Promise<string> {
    const logs = [...this.phones.map((phone) => phone.log()), this.pbx.log(), this.box.log()];
    return [...logs, await this.ladder()].join('\n----\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.phones.splice(0).map((phone) => phone.close()));
    await this.app.close();
    await this.pbx?.close();
    await this.box?.close();
    await this.arena.close();
  }
}

function section(name: string, options: Readonly<Record<string, string>>): string {
  return `[${name}]\n${Object.entries(options)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')}\n`;
}
