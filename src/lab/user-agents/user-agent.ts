// Real user agents as child processes, on loopback, with a folder of their own and no sound card:
// baresip, and linphonec of Debian's linphone-cli.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface UserAgentOrder {
  readonly name: string;
  /** An empty folder. */
  readonly folder: string;
  readonly registrarPort: number;
  /** Who must have signed the registrar's certificate, PEM: it is reached over TLS then. Of baresip. */
  readonly authority?: string;
}

export interface UserAgent {
  /** What it printed. */
  log(): string;
  /** A command as its user would type it. */
  type(command: string): void;
  /** Asks it to leave, which unregisters it, and ends it by force when it does not. */
  close(): Promise<void>;
}

export function isInstalled(command: string): boolean {
  return spawnSync('/bin/sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/** Where Debian puts baresip's; it looks nowhere by itself. */
const MODULES = '/usr/lib/baresip/modules';

const LEAVING_TIMEOUT_MS = 1_500;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Answers every call, and speaks what is in a file. @param dial whom it calls at its start */
export function startBaresip({ name, folder, registrarPort, authority }: UserAgentOrder, dial?: string): UserAgent {
  const authorityFile = join(folder, 'authority.pem');
  if (authority !== undefined) writeFileSync(authorityFile, authority);
  const voice = join(folder, 'voice.wav');
  writeFileSync(voice, silentWav(60));
  const modules = ['g711', 'aufile'].map((module) => `module ${module}.so`);
  const applications = ['account', 'menu'].map((module) => `module_app ${module}.so`);
  writeFileSync(
    join(folder, 'config'),
    [
      `module_path ${MODULES}`,
      'sip_listen 127.0.0.1:0',
      `audio_source aufile,${voice}`,
      `audio_player aufile,${join(folder, 'heard.wav')}`,
      `audio_alert aufile,${join(folder, 'alert.wav')}`,
      ...(authority === undefined ? [] : [`sip_cafile ${authorityFile}`]),
      ...modules,
      ...applications,
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'accounts'),
    `<sip:${name}@127.0.0.1:${registrarPort};transport=${authority === undefined ? 'udp' : 'tls'}>;auth_user=${name};auth_pass=none;regint=60;answermode=auto\n`,
  );
  const dialling = dial === undefined ? [] : ['-e', `/dial sip:${dial}@127.0.0.1:${registrarPort}`];
  return start('baresip', ['-f', folder, ...dialling], folder, (child) => child.kill('SIGTERM'));
}

/** @param sipPort a free one: it cannot be told to take any @param answers takes every call by itself */
export function startLinphone(
  { name, folder, registrarPort }: UserAgentOrder,
  sipPort: number,
  answers: boolean,
): UserAgent {
  for (const place of ['.local/share/linphone', '.config/linphone'])
    mkdirSync(join(folder, place), { recursive: true });
  const file = join(folder, 'linphonerc');
  const sections = {
    sip: {
      sip_port: sipPort,
      sip_tcp_port: 0,
      sip_tls_port: 0,
      bind_address: '127.0.0.1',
      use_ipv6: 0,
      default_proxy: 0,
    },
    proxy_0: {
      reg_proxy: `<sip:127.0.0.1:${registrarPort};transport=udp>`,
      reg_identity: `sip:${name}@127.0.0.1:${registrarPort}`,
      reg_expires: 60,
      reg_sendregister: 1,
      publish: 0,
    },
    video: { capture: 0, display: 0, automatically_initiate: 0, automatically_accept: 0 },
  };
  const lines = Object.entries(sections).flatMap(([section, keys]) => [
    `[${section}]`,
    ...Object.entries(keys).map(([key, value]) => `${key}=${value}`),
  ]);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return start('linphonec', ['-c', file, ...(answers ? ['-a'] : [])], folder, (child) => child.stdin?.write('quit\n'));
}

function start(command: string, args: string[], folder: string, leave: (child: ChildProcess) => void): UserAgent {
  const child = spawn(command, args, {
    env: { ...process.env, HOME: folder },
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  const ended = once(child, 'exit').catch(() => undefined);
  void ended.then(() => running.delete(child));
  // One that has ended by itself is found out by what it does not do.
  child.stdin.on('error', () => undefined);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-20_000);
    });
  }
  return {
    log: () => log,
    type: (line) => void child.stdin.write(`${line}\n`),
    close: async () => {
      leave(child);
      const force = setTimeout(() => child.kill('SIGKILL'), LEAVING_TIMEOUT_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

/** 8 kHz, 16 bits, one channel. */
function silentWav(seconds: number): Buffer {
  const dataBytes = seconds * 16_000;
  const wav = Buffer.alloc(44 + dataBytes);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + dataBytes, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(16_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(dataBytes, 40);
  return wav;
}
