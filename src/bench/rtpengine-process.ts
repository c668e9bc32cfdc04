// An rtpengine in userspace for the media benchmark: started with its own recording to pcap files, given calls over its
// ng protocol (bencode over UDP), and ended. Nothing else here needs that protocol.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { boundToUs, endWithUs } from '../lib/end-with-us.js';
import { SimtrunkError } from '../lib/errors.js';
import { LOAD_PAYLOAD_TYPE, loadPortOf } from './media-load.js';

export interface RtpengineOrder {
  readonly calls: number;
  readonly isRecorded: boolean;
  readonly folder: string;
  readonly firstPort: number;
  readonly controlPort: number;
  readonly loadPort: number;
}

export interface RunningRtpengine {
  readonly pid: number;
  /** Of each stream of the load, in its order. */
  readonly targetPorts: readonly number[];
  stop(): Promise<void>;
}

const START_TRIES = 100;

/** @throws SimtrunkError RTPENGINE_UNAVAILABLE */
export async function startRtpengine(order: RtpengineOrder): Promise<RunningRtpengine> {
  const recording = order.isRecorded ? [`--recording-dir=${order.folder}`, '--recording-method=pcap'] : [];
  const ports = [`--port-min=${order.firstPort}`, `--port-max=${order.firstPort + 4 * order.calls + 99}`];
  const command = boundToUs('rtpengine', [
    ...['--foreground', '--log-stderr', '--log-level=3', '--table=-1', '--interface=127.0.0.1'],
    ...[`--listen-ng=127.0.0.1:${order.controlPort}`, ...ports, ...recording],
  ]);
  const child = endWithUs(spawn(...command, { stdio: ['ignore', 'ignore', 'pipe'] }));
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-2_000);
  });
  const failed = new Promise<never>((_, reject) => {
    const refuse = (detail: string) =>
      reject(new SimtrunkError('RTPENGINE_UNAVAILABLE', `rtpengine does not run: ${detail} Install rtpengine-daemon.`));
    child.once('error', (error) => refuse(error.message));
    child.once('exit', (code, signal) => refuse(`it ended with ${signal ?? code}. ${said}`));
  });
  failed.catch(() => undefined);
  const control = new NgControl(order.controlPort);
  const stop = async () => {
    control.close();
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(force);
  };
  try {
    await Promise.race([control.untilAwake(), failed]);
    const targetPorts: number[] = [];
    for (let call = 0; call < order.calls; call += 1) {
      targetPorts.push(...(await Promise.race([openCall(control, order, call), failed])));
    }
    return { pid: child.pid ?? 0, targetPorts, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openCall(control: NgControl, order: RtpengineOrder, call: number): Promise<[number, number]> {
  const id = { 'call-id': `bench-${call}`, 'from-tag': 'caller', ICE: 'remove' };
  const recording: Record<string, string> = order.isRecorded ? { 'record call': 'yes' } : {};
  const offer = Object.assign({ command: 'offer', sdp: sdpOf(order, 2 * call) }, id, recording);
  const offered = await control.request(offer);
  const answer = Object.assign({ command: 'answer', 'to-tag': 'callee', sdp: sdpOf(order, 2 * call + 1) }, id);
  const answered = await control.request(answer);
  return [audioPortOf(answered), audioPortOf(offered)];
}

function sdpOf(order: RtpengineOrder, stream: number): string {
  const port = loadPortOf(order.loadPort, stream);
  return [
    'v=0',
    'o=bench 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP ${LOAD_PAYLOAD_TYPE}`,
    'a=sendrecv',
    '',
  ].join('\r\n');
}

function audioPortOf(reply: string): number {
  const port = /m=audio (\d+) /.exec(reply)?.[1];
  if (port === undefined) throw new Error(`rtpengine answered without a port: ${reply}`);
  return Number(port);
}

/** Requests one after another, each sent again until its reply comes. */
class NgControl {
  readonly #socket = createSocket('udp4');
  readonly #port: number;
  #cookie = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async untilAwake(): Promise<void> {
    const reply = await this.request({ command: 'ping' });
    if (!reply.includes('4:pong')) throw new Error(`rtpengine answered a ping with ${reply}`);
  }

  async request(dictionary: Readonly<Record<string, string>>): Promise<string> {
    this.#cookie += 1;
    const cookie = `${this.#cookie} `;
    const entries = Object.entries(dictionary).map(([key, value]) => bencode(key) + bencode(value));
    const datagram = Buffer.from(`${cookie}d${entries.join('')}e`);
    let reply: string | null = null;
    const onMessage = (message: Buffer) => {
      const text = message.toString();
      if (text.startsWith(cookie)) reply = text.slice(cookie.length);
    };
    this.#socket.on('message', onMessage);
    try {
      for (let tries = 0; tries < START_TRIES; tries += 1) {
        this.#socket.send(datagram, this.#port, '127.0.0.1', () => undefined);
        for (let waits = 0; waits < 50 && reply === null; waits += 1) await pause(2);
        if (reply !== null) return checked(reply);
      }
    } finally {
      this.#socket.off('message', onMessage);
    }
    throw new Error('rtpengine does not answer');
  }

  close(): void {
    this.#socket.close();
  }
}

function bencode(text: string): string {
  return `${Buffer.byteLength(text)}:${text}`;
}

function checked(reply: string): string {
  if (reply.includes('6:result5:error')) throw new Error(`rtpengine refused: ${reply}`);
  return reply;
}
