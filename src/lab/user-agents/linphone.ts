// linphonec as a phone (Debian's linphone-cli): told what to do by its console, and what happens to it read from there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Phone } from './phone.js';
import { beginWith, type Program, startProgram } from './program.js';
import { readVoice, writeVoice } from './voice-file.js';

export interface LinphoneOrder {
  /** An empty folder. */
  readonly folder: string;
  /** A free one: it cannot be told to take any. */
  readonly sipPort: number;
  readonly rtpPort: number;
  /** What it says, from the moment a call has media. */
  readonly says: Int16Array;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Whom it calls itself where it does not register. Default: linphone. */
  readonly user?: string;
  /** How it sends keys; default rfc4733. */
  readonly keys?: 'rfc4733' | 'info';
  /** Interval of its session timer (RFC 4028); default: it has none. */
  readonly sessionSeconds?: number;
  /** Default: it does not register. @param registrar host and port */
  readonly registers?: { readonly user: string; readonly password: string; readonly registrar: string };
}

/** Resolves when it can be called and told what to do. Answers every call. */
export async function startLinphonePhone(order: LinphoneOrder): Promise<Phone> {
  const { folder, sipPort, address = '127.0.0.1' } = order;
  for (const place of ['.local/share/linphone', '.config/linphone'])
    mkdirSync(join(folder, place), { recursive: true });
  const byInfo = order.keys === 'info' ? 1 : 0;
  const sections = {
    sip: {
      sip_port: sipPort,
      sip_tcp_port: sipPort,
      sip_tls_port: 0,
      bind_address: address,
      use_ipv6: 0,
      contact: `sip:${order.user ?? 'linphone'}@${address}`,
      default_proxy: -1,
      use_info: byInfo,
      use_rfc2833: 1 - byInfo,
      ...(order.sessionSeconds !== undefined && {
        session_expires_enabled: 1,
        session_expires_value: order.sessionSeconds,
        session_expires_min_value: order.sessionSeconds,
      }),
    },
    rtp: { audio_rtp_port: order.rtpPort },
    // Whatever mends or shapes a voice would make another one of it.
    sound: { echocancellation: 0, echolimiter: 0, agc: 0, noisegate: 0 },
    video: { capture: 0, display: 0, automatically_initiate: 0, automatically_accept: 0 },
    ...(order.registers && registration(order.registers)),
  };
  const lines = Object.entries(sections).flatMap(([section, keys]) => [
    `[${section}]`,
    ...Object.entries(keys).map(([key, value]) => `${key}=${value}`),
  ]);
  const file = join(folder, 'linphonerc');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const program = startProgram('linphonec', ['-c', file, '-a'], folder, (child) => child.stdin?.write('quit\n'));
  const heardFile = join(folder, 'heard.wav');
  const voiceFile = join(folder, 'voice.wav');
  writeVoice(voiceFile, order.says);
  for (const command of ['soundcard use files', `play ${voiceFile}`, `record ${heardFile}`]) program.type(command);
  await beginWith(program, () => program.printed(/record /));
  return new LinphonePhone(program, heardFile);
}

function registration({ user, password, registrar }: NonNullable<LinphoneOrder['registers']>) {
  return {
    proxy_0: {
      reg_proxy: `<sip:${registrar};transport=udp>`,
      reg_identity: `sip:${user}@${registrar}`,
      reg_expires: 60,
      reg_sendregister: 1,
      publish: 0,
    },
    auth_info_0: { username: user, passwd: password, realm: 'simtrunk' },
  };
}

class LinphonePhone implements Phone {
  readonly #program: Program;
  readonly #heardFile: string;

  constructor(program: Program, heardFile: string) {
    this.#program = program;
    this.#heardFile = heardFile;
  }

  dial(uri: string): void {
    this.#program.type(`call ${uri}`);
  }

  hold(): void {
    this.#program.type('pause');
  }

  resume(): void {
    this.#program.type('resume');
  }

  press(digit: string): void {
    this.#program.type(digit);
  }

  hangUp(): void {
    this.#program.type('terminate');
  }

  isTalking(): boolean {
    const log = this.#program.log();
    return log.lastIndexOf('connected') > log.lastIndexOf(' ended (');
  }

  isHolding(): boolean {
    const log = this.#program.log();
    return log.lastIndexOf('is now paused') > log.lastIndexOf('Media streams established');
  }

  keysHeard(): string {
    return [...this.#program.log().matchAll(/Receiving tone (.) from/g)].map(([, key]) => key).join('');
  }

  heard(): Int16Array {
    return readVoice(this.#heardFile);
  }

  log(): string {
    return this.#program.log();
  }

  close(): Promise<void> {
    return this.#program.close();
  }
}
