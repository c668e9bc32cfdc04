// simtrunk's media plane under measurement, alone in its process: relay and recorder as the service starts them.
import { setTimeout as pause } from 'node:timers/promises';
import { startMedia } from '../app/start-media.js';
import type { MediaSession, RecordingHandle } from '../call/ports.js';
import { parseConfig } from '../config/load-config.js';
import { SystemClock } from '../lib/clock.js';
import { ClosingStack } from '../lib/closing-stack.js';
import { createLogger } from '../lib/logger.js';
import { readOrder, serveParent } from './child-process.js';
import { LOAD_PAYLOAD_TYPE, type LoadStream, loadPortOf } from './media-load.js';

export interface MediaRelayOrder {
  readonly calls: number;
  readonly isRecorded: boolean;
  /** Recordings are written below it. */
  readonly folder: string;
  /** First of the ports of the relay. */
  readonly firstPort: number;
  /** First of the ports that the load sends from and receives at. */
  readonly loadPort: number;
  /** Lines of the config's `media` section. */
  readonly mediaSettings: string;
}

export interface MediaRelayReady {
  readonly streams: readonly LoadStream[];
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
const config = parseConfig(configText(), `${order.folder}/simtrunk.yaml`, { env: {}, dataDir: order.folder });
const media = await startMedia(config, clock, log, opened);
const calls: Call[] = [];
const streams: LoadStream[] = [];
for (let index = 0; index < order.calls; index += 1) await openCall(index);

let ended: MediaRelayReport['recordings'] = null;
let reports = 0;
serveParent({ streams } satisfies MediaRelayReady, report, async () => {
  if (ended === null) await endCalls();
  await opened.close();
});

async function openCall(index: number): Promise<void> {
  const result = await media.media.open({ sessionId: `bench-${index}`, callerNetwork: 'lo', calleeNetwork: 'lo' });
  if (!result.ok) throw new Error(`call ${index} has no media: ${result.reason}`);
  const { session } = result;
  for (const side of ['caller', 'callee'] as const) {
    const { rtpPort } = session.local(side);
    const remotePort = loadPortOf(order.loadPort, index, side);
    session.setRemote(side, {
      address: '127.0.0.1',
      rtpPort: remotePort,
      rtcpPort: remotePort + 1,
      signallingAddress: '127.0.0.1',
      nat: 'auto',
      sources: [],
      payloadTypes: [LOAD_PAYLOAD_TYPE],
      clockRateHz: 8000,
      sends: true,
    });
    streams.push({ call: index, side, targetPort: rtpPort });
  }
  let recording: RecordingHandle | null = null;
  if (media.recorder !== null) {
    const codecs = { [LOAD_PAYLOAD_TYPE]: 'PCMA' } as const;
    const recordingId = `bench-${index}`;
    const request = { recordingId, callId: recordingId, startedWallMs: clock.wallMs() };
    recording = media.recorder.begin({ ...request, codecs: { caller: codecs, callee: codecs } });
    session.fork(recordingId);
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

function configText(): string {
  return `
networks:
  - { name: lo, bind: 127.0.0.1, mediaPorts: { from: ${order.firstPort}, to: ${order.firstPort + 4 * order.calls + 99} }, sip: [{ transport: udp, port: 0 }] }
trunks: []
gateways: []
plans: []
sims: []
channels: []
recording: { enabled: ${order.isRecorded}, dir: recordings, minFreeBytes: 0 }
${order.mediaSettings}
`;
}
