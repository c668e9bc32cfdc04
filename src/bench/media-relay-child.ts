// simtrunk's media plane under measurement, alone in its process: relay and recorder as the service starts them.
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startMedia } from '../app/start-media.js';
import type { MediaSession, RecordingHandle } from '../call/ports.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { SystemClock } from '../lib/clock.js';
import { ClosingStack } from '../lib/closing-stack.js';
import { createLogger } from '../lib/logger.js';
import type { SocketsSetting } from '../media/relay/open-sockets.js';
import { readOrder, serveParent } from './child-process.js';
import { LOAD_PAYLOAD_TYPE, loadPortOf } from './media-load.js';

export interface MediaRelayOrder {
  readonly calls: number;
  readonly isRecorded: boolean;
  /** Recordings are written below it. */
  readonly folder: string;
  /** First of the ports of the relay. */
  readonly firstPort: number;
  /** First of the ports that the load sends from and receives at. */
  readonly loadPort: number;
  readonly sockets: SocketsSetting;
  readonly threads: number;
}

export interface MediaRelayReady {
  /** Of each stream of the load, in its order. */
  readonly targetPorts: readonly number[];
}

export interface MediaRelayReport {
  readonly relayedPackets: number;
  readonly forkedPackets: number;
  readonly forkLostPackets: number;
  readonly droppedPackets: number;
  /** Null until the calls have been ended by the third report. */
  readonly recordings: { readonly complete: number; readonly other: number; readonly packets: number } | null;
}

interface Call {
  readonly session: MediaSession;
  readonly recording: RecordingHandle | null;
}

const order = readOrder<MediaRelayOrder>();
const clock = new SystemClock();
const log = createLogger({ level: 'warn', redactNumbers: false });
const opened = new ClosingStack((error, part) => log.error({ err: error, part }, 'part did not close'));
const media = await startMedia(await mediaConfig(), clock, log, opened);
const calls: Call[] = [];
const targetPorts: number[] = [];
for (let index = 0; index < order.calls; index += 1) await openCall(index);

let ended: MediaRelayReport['recordings'] = null;
let reports = 0;
serveParent({ targetPorts } satisfies MediaRelayReady, report, async () => {
  if (ended === null) await endCalls();
  await opened.close();
});

async function openCall(index: number): Promise<void> {
  const result = await media.media.open({ sessionId: `bench-${index}`, callerNetwork: 'lo', calleeNetwork: 'lo' });
  if (!result.ok) throw new Error(`call ${index} has no media: ${result.reason}`);
  const { session } = result;
  for (const side of ['caller', 'callee'] as const) {
    const { rtpPort } = session.local(side);
    const remotePort = loadPortOf(order.loadPort, targetPorts.length);
    session.setRemote(side, {
      address: '127.0.0.1',
      rtpPort: remotePort,
      rtcpPort: remotePort + 1,
      signallingAddress: '127.0.0.1',
      nat: 'auto',
      sources: [],
      codecs: [{ payloadType: LOAD_PAYLOAD_TYPE, name: 'PCMA', clockRateHz: 8000 }],
      sends: true,
    });
    targetPorts.push(rtpPort);
  }
  let recording: RecordingHandle | null = null;
  if (media.recorder !== null) {
    const codecs = { [LOAD_PAYLOAD_TYPE]: 'PCMA' } as const;
    const recordingId = `bench-${index}`;
    const request = { recordingId, callId: recordingId, startedWallMs: clock.wallMs() };
    recording = media.recorder.begin({ ...request, codecs: { caller: codecs, callee: codecs } });
    session.fork({ recordingId });
  }
  calls.push({ session, recording });
}

/** The third report ends the calls. */
async function report(): Promise<MediaRelayReport> {
  reports += 1;
  const relay = (await media.counters()).relay;
  if (relay === null) throw new Error('the relay has ended');
  if (reports === 3) await endCalls();
  return {
    relayedPackets: relay.packets,
    forkedPackets: relay.forkedPackets,
    forkLostPackets: relay.forkLostPackets,
    droppedPackets: Object.values(relay.dropped).reduce((sum, count) => sum + count, 0),
    recordings: ended,
  };
}

async function endCalls(): Promise<void> {
  // What the load sent last is still on its way.
  await pause(100);
  let complete = 0;
  let other = 0;
  let packets = 0;
  for (const { session, recording } of calls) {
    await session.close();
    const result = await recording?.finish();
    if (result === undefined) continue;
    if (result.state === 'complete') complete += 1;
    else other += 1;
    packets += (result.packets?.caller ?? 0) + (result.packets?.callee ?? 0);
  }
  ended = { complete, other, packets };
}

/** The default config, with what the benchmark wants of it. */
async function mediaConfig(): Promise<Config> {
  const file = fileURLToPath(new URL('../../config/simtrunk.yaml', import.meta.url));
  const config = await loadConfig(file, { env: {}, dataDir: order.folder });
  const mediaPorts = { from: order.firstPort, to: order.firstPort + 4 * order.calls + 99 };
  const networks = config.networks.map((network) => Object.assign({}, network, { name: 'lo', mediaPorts })).slice(0, 1);
  const recording = { ...config.recording, enabled: order.isRecorded, minFreeBytes: 0 };
  const media = { ...config.media, sockets: order.sockets, threads: order.threads };
  return { ...config, networks, recording, media };
}
