// Asterisk (with chan_pjsip; tried with 22 alone) as a PBX or as a gateway, with a configuration of its own in a folder of its own:
// told what to do, and tells what happens to it, over its manager interface (AMI).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { freePort, freePortRange } from '../sip-tests/free-ports.js';
import { beginWith, connectTo, type Program, startProgram } from './program.js';
import { readVoice, writeVoice } from './voice-file.js';

export interface AsteriskOrder {
  /** An empty folder. */
  readonly folder: string;
  /** Listens on 127.0.0.1, UDP and TCP. */
  readonly sipPort: number;
  /** TLS, too, with these PEM files. */
  readonly tls?: { readonly port: number; readonly cert: string; readonly key: string; readonly ca: string };
  /** Lines of `pjsip.conf` below its transports: `udp`, `tcp` and `tls`. */
  readonly pjsip: string;
  /** Lines of `extensions.conf`. */
  readonly dialplan: string;
  /** Further files of its configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Voices that its dialplan plays, by the name that `Playback` has for them. */
  readonly voices?: Readonly<Record<string, Int16Array>>;
  /** Its music on hold. */
  readonly music?: Int16Array;
}

/** An event or an answer of its manager interface; of a field that stands several times, the last. */
export type AsteriskEvent = Readonly<Record<string, string>>;

const RTP_PORTS = 100;
const ANSWER_TIMEOUT_MS = 10_000;

/** What other builds bring along and would listen somewhere, or want a configuration. */
const UNUSED_MODULES = [
  'chan_iax2.so',
  'chan_mgcp.so',
  'chan_sip.so',
  'chan_skinny.so',
  'chan_unistim.so',
  'pbx_dundi.so',
  'res_hep.so',
  'res_phoneprov.so',
  'res_snmp.so',
  'res_xmpp.so',
];

/** Resolves when it can be called and told what to do. */
export async function startAsterisk(order: AsteriskOrder): Promise<Asterisk> {
  const { folder, sipPort, tls } = order;
  const [managerPort, rtpFrom] = [await freePort(), await freePortRange(RTP_PORTS)];
  const places = Object.fromEntries(
    ['etc', 'var', 'spool', 'run', 'log', 'voices', 'heard', 'music'].map((name) => [name, join(folder, name)]),
  ) as Record<'etc' | 'var' | 'spool' | 'run' | 'log' | 'voices' | 'heard' | 'music', string>;
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true });
  for (const [name, says] of Object.entries(order.voices ?? {})) writeVoice(join(places.voices, `${name}.wav`), says);
  if (order.music !== undefined) writeVoice(join(places.music, 'music.wav'), order.music);
  const transport = (protocol: string, port: number, more = '') =>
    `[${protocol}]\ntype=transport\nprotocol=${protocol}\nbind=127.0.0.1:${port}\n${more}`;
  const files: Record<string, string> = {
    'asterisk.conf': `[directories]
astetcdir => ${places.etc}
astvarlibdir => ${places.var}
astdbdir => ${places.var}
astkeydir => ${places.var}
astspooldir => ${places.spool}
astrundir => ${places.run}
astlogdir => ${places.log}
`,
    'modules.conf': `[modules]\nautoload=yes\n${UNUSED_MODULES.map((name) => `noload=${name}\n`).join('')}`,
    'logger.conf': '[general]\n[logfiles]\nfull => notice,warning,error,verbose(4),debug(0)\n',
    'manager.conf': `[general]
enabled=yes
bindaddr=127.0.0.1
port=${managerPort}
[lab]
secret=lab
read=all
write=all
`,
    'musiconhold.conf': `[default]\nmode=files\ndirectory=${places.music}\n`,
    'rtp.conf': `[general]\nrtpstart=${rtpFrom}\nrtpend=${rtpFrom + RTP_PORTS - 1}\n`,
    'udptl.conf': `[general]\nudptlstart=${rtpFrom}\nudptlend=${rtpFrom + RTP_PORTS - 1}\n`,
    'pjsip.conf': [
      transport('udp', sipPort),
      transport('tcp', sipPort),
      tls === undefined
        ? ''
        : transport(
            'tls',
            tls.port,
            `cert_file=${tls.cert}\npriv_key_file=${tls.key}\nca_list_file=${tls.ca}\nverify_server=yes\nmethod=tlsv1_2\n`,
          ),
      order.pjsip,
    ].join('\n'),
    'extensions.conf': `[globals]\nVOICES=${places.voices}\nHEARD=${places.heard}\n${order.dialplan}`,
    ...order.files,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(places.etc, name), text);
  const program = startProgram('asterisk', ['-f', '-C', join(places.etc, 'asterisk.conf')], folder, (child) =>
    child.kill('SIGTERM'),
  );
  return beginWith(program, async () => {
    const manager = await connectTo(program, 'Asterisk', managerPort);
    const asterisk = new Asterisk(program, manager, places);
    await asterisk.ask('Login', { Username: 'lab', Secret: 'lab' });
    await asterisk.told(({ Event }) => Event === 'FullyBooted');
    return asterisk;
  });
}

export class Asterisk {
  readonly events: AsteriskEvent[] = [];
  readonly #program: Program;
  readonly #manager: Socket;
  readonly #places: { readonly log: string; readonly heard: string };
  readonly #waiting = new Set<() => void>();
  #unread = '';
  #asked = 0;

  constructor(program: Program, manager: Socket, places: { readonly log: string; readonly heard: string }) {
    this.#program = program;
    this.#manager = manager;
    this.#places = places;
    manager.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    manager.on('error', () => undefined);
  }

  /** An action of its manager interface; resolves with the answer, refused or not. */
  async ask(action: string, fields: Readonly<Record<string, string>> = {}): Promise<AsteriskEvent> {
    this.#asked += 1;
    const id = `lab-${this.#asked}`;
    const lines = Object.entries({ Action: action, ActionID: id, ...fields }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.#manager.write(`${lines.join('\r\n')}\r\n\r\n`);
    return this.told(({ Response, ActionID }) => Response !== undefined && ActionID === id);
  }

  /** Resolves with the first event of which this is so, past ones included. */
  async told(isIt: (event: AsteriskEvent) => boolean): Promise<AsteriskEvent> {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    for (;;) {
      const found = this.events.find(isIt);
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        const wake = () => {
          this.#waiting.delete(wake);
          if (signal.aborted) reject(new Error(`Asterisk has not told it:\n${this.log()}`));
          else resolve();
        };
        this.#waiting.add(wake);
        signal.onabort = wake;
      });
    }
  }

  /** A channel of its own calls this one and does there what an extension says, with nobody else in the call. */
  async originate(channel: string, extension: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const [exten = '', context = ''] = extension.split('@');
    await this.ask('Originate', {
      Channel: channel,
      Exten: exten,
      Context: context,
      Priority: '1',
      Async: 'true',
      Timeout: '60000',
      ...more,
    });
  }

  /** Its channels that are up, by name. */
  async channels(): Promise<readonly string[]> {
    const { Output = '' } = await this.ask('Command', { Command: 'core show channels concise' });
    return Output.split('\n').flatMap((line) => {
      const [name = '', , , , state] = line.split('!');
      return state === 'Up' ? [name] : [];
    });
  }

  /** What a channel heard whose dialplan keeps it with `MixMonitor(,r(${HEARD}/name.wav))`. The last seconds may be missing. */
  heard(name: string): Int16Array {
    return readVoice(join(this.#places.heard, `${name}.wav`));
  }

  log(): string {
    try {
      return `${this.#program.log()}\n${readFileSync(join(this.#places.log, 'full'), 'utf8')}`;
    } catch {
      return this.#program.log();
    }
  }

  async close(): Promise<void> {
    this.#manager.destroy();
    await this.#program.close();
  }

  #read(text: string): void {
    this.#unread += text;
    for (;;) {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) break;
      const block = this.#unread.slice(0, end);
      this.#unread = this.#unread.slice(end + 4);
      const event: Record<string, string> = {};
      for (const line of block.split('\r\n')) {
        const [, name, value = ''] = /^([\w-]+): ?(.*)$/s.exec(line) ?? [];
        if (name === undefined) continue;
        event[name] = name === 'Output' && event[name] !== undefined ? `${event[name]}\n${value}` : value;
      }
      this.events.push(event);
    }
    for (const wake of [...this.#waiting]) wake();
  }
}
