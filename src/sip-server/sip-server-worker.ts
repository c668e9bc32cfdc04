// Entry of the server's thread: starts the server, then answers the control port.
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../lib/clock.js';
import type { ServerLog } from './server-log.js';
import { AdminUnavailable, SipServer } from './sip-server.js';
import { ListenerUnavailable } from './transport/transport-layer.js';
import type { ControlCalls, ControlRequest, WorkerMessage, WorkerSettings } from './worker-protocol.js';

if (parentPort === null) throw new Error('This file is the entry of a worker thread');
const port = parentPort;
const settings = workerData as WorkerSettings;

function post(message: WorkerMessage): void {
  port.postMessage(message);
}

const log: ServerLog = {
  isDebugWanted: settings.isDebugWanted,
  write: (level, message, fields) => {
    if (level !== 'debug' || settings.isDebugWanted) post({ kind: 'log', level, message, fields });
  },
};

const server = new SipServer(settings.server, new SystemClock(), log, (event, what) =>
  post({ kind: 'event', event, what }),
);

const calls: ControlCalls = {
  setSources: (sources) => server.defence.setSources(sources),
  setPeers: (peers) => server.setPeers(peers),
  setCertificate: (listener, tls) => server.setCertificate(listener, tls),
  peerNames: (address, port) => server.peerNames(address, port),
  counters: () => server.counters(),
  watchTrying: () => server.watchTrying((callId) => post({ kind: 'trying', callId })),
  setDrain: (drain) => server.setDrain(drain),
  ban: (source, seconds) => server.defence.ban(source, seconds),
  unban: (source) => server.defence.unban(source),
  bans: () => server.defence.bans(),
  sources: (limit) => server.defence.sources(limit),
  startTrace: (request) => server.observation.startTrace(request),
  stopTrace: (id) => server.observation.stopTrace(id),
  traces: () => server.observation.traces(),
  traceLadder: (id, options) => server.observation.traceLadder(id, options),
  tracePcap: (id) => server.observation.tracePcap(id),
  setMirror: (mirror) => server.observation.setMirror(mirror),
  close: () => server.close(),
};

async function answer<K extends keyof ControlCalls>({ call, args }: ControlRequest<K>): Promise<unknown> {
  return (calls[call] as (...args: Parameters<ControlCalls[K]>) => unknown)(...args);
}

port.on('message', (request: ControlRequest) => {
  answer(request).then(
    (value) => {
      post({ kind: 'answer', id: request.id, value });
      if (request.call === 'close') port.close();
    },
    (error) =>
      post({ kind: 'refused', id: request.id, reason: error instanceof Error ? error.message : String(error) }),
  );
});

try {
  await server.open();
  post({
    kind: 'ready',
    adminPort: server.adminPort,
    listenerPorts: server.listeners.map((listener) => listener.port),
  });
} catch (error) {
  const { admin } = settings.server;
  const address =
    error instanceof ListenerUnavailable
      ? `${error.listener.transport}:${error.listener.address}:${error.listener.port}`
      : error instanceof AdminUnavailable
        ? `${admin.address}:${admin.port}`
        : '';
  post({ kind: 'unavailable', address, reason: error instanceof Error ? error.message : String(error) });
  port.close();
}
