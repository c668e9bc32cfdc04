// baresip as a phone (Debian's baresip-core): told what to do, and tells what happens to it, over its own control socket.
// It has no player that writes a file; what it hears is kept by its filter sndfile, until the first hold (in 1.0.0).
import { readdirSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { freePort, freePortRange } from '../sip-tests/free-ports.js';
import type { Phone } from './phone.js';
import { beginWith, connectTo, type Program, startProgram } from './program.js';
import { readVoice, writeVoice } from './voice-file.js';

export interface BaresipOrder {
  /** An empty folder. */
  readonly folder: string;
  /** Calls to another user are refused. */
  readonly user: string;
  /** What it says in every call from its answer on; it must last longer than they do. */
  readonly says: Int16Array;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Default: a free one. */
  readonly sipPort?: number;
  /** Its domain; with a registrar that of the registrar. Default: its address. */
  readonly domain?: string;
  /** What else stands in its account, such as `regint=60`. Default: it does not register. */
  readonly account?: readonly string[];
  /** Further lines of its configuration. */
  readonly configuration?: readonly string[];
}

/** Where Debian puts them; it looks nowhere by itself. */
const MODULES = '/usr/lib/baresip/modules';
const RTP_PORTS = 20;

interface BaresipEvent {
  readonly event?: boolean;
  readonly type?: string;
  readonly param?: string;
}

/** Resolves when it can be told what to do. Answers every call. */
export async function startBaresipPhone(order: BaresipOrder): Promise<BaresipPhone> {
  const { folder, user, says, address = '127.0.0.1' } = order;
  const sipPort = order.sipPort ?? (await freePort(address));
  const controlPort = await freePort();
  const rtpFrom = await freePortRange(RTP_PORTS, address);
  const voiceFile = join(folder, 'voice.wav');
  writeVoice(voiceFile, says);
  const modules = ['g711', 'aufile', 'aubridge', 'sndfile'].map((name) => `module ${name}.so`);
  const applications = ['account', 'menu', 'ctrl_tcp'].map((name) => `module_app ${name}.so`);
  const lines = [
    `module_path ${MODULES}`,
    `sip_listen ${address}:${sipPort}`,
    `audio_source aufile,${voiceFile}`,
    'audio_player aubridge,ear',
    `snd_path ${folder}`,
    `audio_alert aufile,${join(folder, 'alert.wav')}`,
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    `rtp_ports ${rtpFrom}-${rtpFrom + RTP_PORTS - 1}`,
    'ringback_disabled yes',
    ...(order.configuration ?? []),
    ...modules,
    ...applications,
  ];
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
  const parameters = ['answermode=auto', ...(order.account ?? ['regint=0'])];
  writeFileSync(
    join(folder, 'accounts'),
    `<sip:${user}@${order.domain ?? `${address}:${sipPort}`}>;${parameters.join(';')}\n`,
  );
  const program = startProgram('baresip', ['-f', folder, '-v'], folder, (child) => child.kill('SIGTERM'));
  return beginWith(program, async () => {
    return new BaresipPhone(program, await connectTo(program, 'baresip', controlPort), folder);
  });
}

export class BaresipPhone implements Phone {
  readonly #program: Program;
  readonly #control: Socket;
  readonly #folder: string;
  readonly #told: string[] = [];
  #unread = Buffer.alloc(0);
  #keys = '';
  #isTalking = false;
  #wantsToHold = false;
  #isHolding = false;

  constructor(program: Program, control: Socket, folder: string) {
    this.#program = program;
    this.#control = control;
    this.#folder = folder;
    control.on('data', (data) => this.#read(data));
    control.on('error', () => undefined);
  }

  dial(uri: string): void {
    this.#say('dial', uri);
  }

  hold(): void {
    this.#wantsToHold = true;
    this.#say('hold');
  }

  resume(): void {
    this.#wantsToHold = false;
    this.#say('resume');
  }

  press(digit: string): void {
    this.#say('sndcode', digit);
  }

  /** From now on it says what it hears: whoever it talks with hears by it whether it does. */
  echo(): void {
    this.#say('ausrc', 'aubridge,ear');
  }

  /** Asks the other party to call somebody else in its place (REFER). */
  transfer(uri: string): void {
    this.#say('transfer', uri);
  }

  hangUp(): void {
    this.#say('hangup');
  }

  isTalking(): boolean {
    return this.#isTalking;
  }

  isHolding(): boolean {
    return this.#isHolding;
  }

  keysHeard(): string {
    return this.#keys;
  }

  heard(): Int16Array {
    const files = readdirSync(this.#folder).filter((name) => name.endsWith('-dec.wav'));
    // Their names begin with the second of the call.
    return readVoice(join(this.#folder, files.sort().at(-1) ?? 'nothing'));
  }

  log(): string {
    return `${this.#program.log()}\n${this.#told.join('\n')}`;
  }

  async close(): Promise<void> {
    this.#control.destroy();
    await this.#program.close();
  }

  #say(command: string, params = ''): void {
    const text = JSON.stringify({ command, params });
    this.#control.write(`${Buffer.byteLength(text)}:${text},`);
  }

  /** Netstrings, each with a JSON object. */
  #read(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    for (;;) {
      const colon = this.#unread.indexOf(':');
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#unread.toString('latin1', 0, colon));
      if (this.#unread.length <= end) return;
      const text = this.#unread.toString('utf8', colon + 1, end);
      this.#unread = this.#unread.subarray(end + 1);
      this.#told.push(text);
      this.#note(JSON.parse(text) as BaresipEvent);
    }
  }

  #note({ event, type, param }: BaresipEvent): void {
    if (event !== true) return;
    if (type === 'CALL_ESTABLISHED') this.#isTalking = true;
    else if (type === 'CALL_CLOSED') this.#isTalking = false;
    else if (type === 'CALL_REMOTE_SDP' && param === 'answer') this.#isHolding = this.#wantsToHold;
    else if (type === 'CALL_DTMF_START') this.#keys += param ?? '';
  }
}
