// FreeSWITCH as a PBX (Debian has none): a config with nothing but what is said here, told what to do, and telling what happens to its
// calls, over its event socket.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { freePort, freePortRange } from '../sip-tests/free-ports.js';
import { beginWith, connectTo, type Program, startProgram } from './program.js';
import { readVoice, writeVoice } from './voice-file.js';

export interface FreeswitchOrder {
  /** An empty folder, or that of one that was killed, which then finds its calls there (`sofia recover`). */
  readonly folder: string;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Its one profile listens there, UDP and TCP. */
  readonly sipPort: number;
  /** Settings of the profile, beside or in place of those that are here. */
  readonly profile?: Readonly<Record<string, string>>;
  /** Its trunks by name, each with its settings. */
  readonly trunks?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What it does with a call to a number: applications, each with its data, by a pattern of the number. */
  readonly dialplan?: readonly FreeswitchRule[];
  /** Users by name, for whom it asks credentials where its profile says so, with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** What it says in every call that it places itself; it must last longer than they do. */
  readonly says?: Int16Array;
}

export interface FreeswitchRule {
  /** Regular expression; its groups are $1, $2, … in what is applied. */
  readonly number: string;
  readonly apply: readonly (readonly [application: string, data?: string])[];
}

/** An event of its event socket, by the names that it gives. */
export type FreeswitchEvent = Readonly<Record<string, string | undefined>>;

const MODULES = [
  'mod_console',
  'mod_event_socket',
  'mod_sofia',
  'mod_commands',
  'mod_dptools',
  'mod_spandsp',
  'mod_sms',
  'mod_dialplan_xml',
  'mod_sndfile',
  'mod_tone_stream',
];
const EVENTS =
  'CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_HOLD CHANNEL_UNHOLD DTMF MESSAGE';
const VOICE = 'voice.wav';
const PASSWORD = 'of-this-test-alone';
const PROFILE_TRIES = 200;
const RTP_PORTS = 60;
const ANSWER_TIMEOUT_MS = 10_000;

/** Resolves when it takes calls. */
export async function startFreeswitch(order: FreeswitchOrder): Promise<Freeswitch> {
  const { folder } = order;
  const controlPort = await freePort();
  const rtpFrom = await freePortRange(RTP_PORTS, order.address);
  writeFileSync(join(folder, 'freeswitch.xml'), configuration(order, controlPort, rtpFrom));
  writeVoice(join(folder, VOICE), order.says ?? new Int16Array(0));
  const folders = ['-log', '-db', '-run', '-temp', '-storage', '-recordings'].flatMap((option) => {
    const path = join(folder, option.slice(1));
    mkdirSync(path, { recursive: true });
    return [option, path];
  });
  const args = ['-nf', '-nonat', '-np', '-conf', folder, ...folders];
  const program = startProgram('freeswitch', args, folder, (child) => child.kill('SIGTERM'));
  return beginWith(program, async () => {
    const freeswitch = new Freeswitch(program, await connectTo(program, 'FreeSWITCH', controlPort), folder);
    await freeswitch.begin();
    return freeswitch;
  });
}

function configuration(order: FreeswitchOrder, controlPort: number, rtpFrom: number): string {
  const address = order.address ?? '127.0.0.1';
  const profile = {
    'sip-ip': address,
    'rtp-ip': address,
    'sip-port': String(order.sipPort),
    context: 'public',
    dialplan: 'XML',
    'auth-calls': 'false',
    'inbound-codec-prefs': 'PCMA,PCMU',
    'outbound-codec-prefs': 'PCMA,PCMU',
    'inbound-codec-negotiation': 'generous',
    'rtp-timer-name': 'soft',
    'manage-presence': 'false',
    'hold-music': 'silence',
    'disable-naptr': 'true',
    'disable-srv': 'true',
    ...order.profile,
  };
  const trunks = Object.entries(order.trunks ?? {}).map(
    ([name, settings]) => `<gateway name="${escaped(name)}">${params({ register: 'false', ...settings })}</gateway>`,
  );
  const rules = (order.dialplan ?? []).map(({ number, apply }, index) => {
    const actions = apply.map(
      ([application, data = '']) => `<action application="${application}" data="${escaped(data)}"/>`,
    );
    return `<extension name="rule-${index}"><condition field="destination_number" expression="${escaped(number)}">${actions.join('')}</condition></extension>`;
  });
  const users = Object.entries(order.users ?? {}).map(
    ([name, password]) => `<user id="${escaped(name)}">${`<params>${setting(['password', password])}</params>`}</user>`,
  );
  const settings = (name: string, values: Record<string, string>) =>
    `<configuration name="${name}"><settings>${params(values)}</settings></configuration>`;
  return `<document type="freeswitch/xml">
<section name="configuration">
${settings('switch.conf', { loglevel: 'debug', 'rtp-start-port': String(rtpFrom), 'rtp-end-port': String(rtpFrom + RTP_PORTS - 1), 'max-sessions': '100', 'sessions-per-second': '100' })}
<configuration name="modules.conf"><modules>${MODULES.map((name) => `<load module="${name}"/>`).join('')}</modules></configuration>
<configuration name="console.conf"><mappings><map name="all" value="console,debug,info,notice,warning,err,crit,alert"/></mappings>
<settings>${params({ colorize: 'false', loglevel: 'debug' })}</settings></configuration>
${settings('event_socket.conf', { 'listen-ip': '127.0.0.1', 'listen-port': String(controlPort), password: PASSWORD })}
<configuration name="sofia.conf"><global_settings>${params({ 'log-level': '0' })}</global_settings>
<profiles><profile name="pbx"><gateways>${trunks.join('')}</gateways><settings>${params(profile)}</settings></profile></profiles></configuration>
</section>
<section name="dialplan"><context name="public">${rules.join('\n')}</context></section>
<section name="directory"><domain name="${address}"><groups><group name="all"><users>${users.join('')}</users></group></groups></domain></section>
</document>
`;
}

const setting = ([name, value]: readonly [string, string]) => `<param name="${name}" value="${escaped(value)}"/>`;
const params = (values: Readonly<Record<string, string>>) => Object.entries(values).map(setting).join('');

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

interface Waiting {
  answer(text: string): void;
  fail(): void;
}

export class Freeswitch {
  /** All that it told since its start, in order. */
  readonly events: FreeswitchEvent[] = [];
  readonly #folder: string;
  readonly #program: Program;
  readonly #control: Socket;
  readonly #answerTimeoutMs: number;
  /** Who waits for an answer, in the order of their commands. */
  readonly #awaited: Waiting[] = [];
  #unread = Buffer.alloc(0);

  constructor(program: Program, control: Socket, folder: string, answerTimeoutMs = ANSWER_TIMEOUT_MS) {
    this.#folder = folder;
    this.#program = program;
    this.#control = control;
    this.#answerTimeoutMs = answerTimeoutMs;
    control.on('data', (data) => this.#read(data));
    control.on('error', () => undefined);
    control.on('close', () => {
      for (const { fail } of this.#awaited.splice(0)) fail();
    });
  }

  async begin(): Promise<void> {
    await this.#say(`auth ${PASSWORD}`);
    await this.#say(`event json ${EVENTS}`);
    // The socket is there before the profile is.
    for (let tries = 0; tries < PROFILE_TRIES; tries++) {
      if (/RUNNING/.test(await this.api('sofia status'))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the profile does not run:\n${this.log()}`);
  }

  /** A command as in its console; resolves with what it says to it, and rejects with its log when it says nothing. */
  api(command: string): Promise<string> {
    return this.#say(`api ${command}`);
  }

  /**
   * Calls a number by its trunk `simtrunk`; resolves with the name of the leg.
   * @param application what it does as soon as that is answered; default: it talks
   */
  async call(number: string, variables: Readonly<Record<string, string>> = {}, application?: string): Promise<string> {
    const leg = await this.api('create_uuid');
    const all = { origination_uuid: leg, ignore_early_media: 'true', ...variables };
    const list = Object.entries(all).map(([name, value]) => `${name}='${value}'`);
    const talks = `&endless_playback(${join(this.#folder, VOICE)})`;
    await this.#say(`bgapi originate {${list.join(',')}}sofia/gateway/simtrunk/${number} ${application ?? talks}`);
    return leg;
  }

  /** From now on it keeps what this leg hears. */
  async listen(leg: string): Promise<void> {
    for (const setting of ['RECORD_READ_ONLY true', 'enable_file_write_buffering false'])
      await this.api(`uuid_setvar ${leg} ${setting}`);
    await this.api(`uuid_record ${leg} start ${this.#heardFile(leg)}`);
  }

  /** 8 kHz. While the leg is in a call the last moments may be missing. */
  heard(leg: string): Int16Array {
    return readVoice(this.#heardFile(leg));
  }

  /** What it told of a leg by this event. */
  eventOf(leg: string, name: string): FreeswitchEvent | undefined {
    return this.events.find((event) => event['Unique-ID'] === leg && event['Event-Name'] === name);
  }

  isAnswered(leg: string): boolean {
    return this.eventOf(leg, 'CHANNEL_ANSWER') !== undefined;
  }

  /** Its own word for why the leg is over (`USER_BUSY`); undefined while it is not. */
  causeOf(leg: string): string | undefined {
    return this.eventOf(leg, 'CHANNEL_HANGUP_COMPLETE')?.['Hangup-Cause'];
  }

  /** How the other side would name the leg's dialog in Replaces (RFC 3891), as somebody else who asks for its place. */
  async replacesOf(leg: string): Promise<string> {
    const [callId, to, from] = await Promise.all(
      ['sip_call_id', 'sip_to_tag', 'sip_from_tag'].map((name) => this.api(`uuid_getvar ${leg} ${name}`)),
    );
    return `${callId};to-tag=${to};from-tag=${from}`;
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const pid = Number(readFileSync(join(this.#folder, 'run', 'freeswitch.pid'), 'latin1'));
    process.kill(pid, 'SIGKILL');
    await this.close();
  }

  log(): string {
    return this.#program.log();
  }

  async close(): Promise<void> {
    this.#control.destroy();
    await this.#program.close();
  }

  #heardFile(leg: string): string {
    return join(this.#folder, `heard-${leg}.wav`);
  }

  #say(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(this.#answerTimeoutMs);
      const fail = () => {
        signal.onabort = null;
        reject(new Error(`FreeSWITCH has not answered ${command}:\n${this.log()}`));
      };
      const answer = (text: string) => {
        signal.onabort = null;
        resolve(text);
      };
      if (this.#control.destroyed) return fail();
      // Who has given up keeps its place: the answers come in the order of the commands.
      signal.onabort = fail;
      this.#awaited.push({ answer, fail });
      this.#control.write(`${command}\n\n`);
    });
  }

  /** Messages of headers, some with a body whose length they tell. */
  #read(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    for (;;) {
      const end = this.#unread.indexOf('\n\n');
      if (end < 0) return;
      const headers = new Map(
        this.#unread
          .toString('utf8', 0, end)
          .split('\n')
          .map((line) => line.split(': ', 2) as [string, string]),
      );
      const bodyEnd = end + 2 + Number(headers.get('Content-Length') ?? 0);
      if (this.#unread.length < bodyEnd) return;
      const body = this.#unread.toString('utf8', end + 2, bodyEnd);
      this.#unread = this.#unread.subarray(bodyEnd);
      const type = headers.get('Content-Type');
      if (type === 'text/event-json') this.events.push(JSON.parse(body) as FreeswitchEvent);
      else if (type === 'api/response') this.#awaited.shift()?.answer(body.trim());
      else if (type === 'command/reply') this.#awaited.shift()?.answer(headers.get('Reply-Text') ?? '');
    }
  }
}
