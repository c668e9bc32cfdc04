// Entry of a relay thread: binds each network once to prove that it can, then serves messages until shut down.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicNowMs } from '../../lib/clock.js';
import { BindError } from './media-socket.js';
import { openSockets } from './open-sockets.js';
import { takePrecedence } from './precedence.js';
import { RelayCore } from './relay-core.js';
import type { RelayInput, RelayOutput, RelayReply, RelayRequest, RelayThreadSettings } from './relay-messages.js';

/** How often a session looks for what is due: silence, digits whose end was lost, RTCP. */
const TICK_MS = 200;
const PARTS = 10;

if (parentPort === null) throw new Error('relay-worker.js runs as a worker thread only');
const port = parentPort;
const settings = workerData as RelayThreadSettings;
const precedence = takePrecedence(settings.sockets ?? 'auto', settings.relayThreads);

const { sockets, kind, detail } = openSockets(settings.sockets ?? 'auto', monotonicNowMs, {
  dscp: settings.dscp ?? false,
});
const core = new RelayCore(settings, sockets, monotonicNowMs, (session, event) =>
  post({ type: 'event', session, event }),
);
// The port to the main thread is what keeps this one alive.
setInterval(() => core.tick(PARTS), TICK_MS / PARTS).unref();

function post(message: RelayOutput): void {
  port.postMessage(message);
}

function firstUnusableNetwork(): { network: string; message: string } | null {
  for (const network of settings.networks) {
    try {
      sockets.bind(network.bind, 0).close();
    } catch (error) {
      if (!(error instanceof BindError)) throw error;
      return { network: network.name, message: error.message };
    }
  }
  return null;
}

function answer(request: RelayRequest): RelayReply {
  switch (request.type) {
    case 'open':
      return { type: 'open', result: core.open(request.session, request.callerNetwork, request.calleeNetwork) };
    case 'place':
      return { type: 'place', result: core.place(request.session, request.network) };
    case 'report':
      return { type: 'report', report: core.report(request.session) };
    case 'close':
      return { type: 'close', report: core.close(request.session) };
    case 'counters':
      return { type: 'counters', counters: core.counters() };
    case 'shutdown':
      core.shutdown();
      return { type: 'shutdown' };
  }
}

port.on('message', (input: RelayInput) => {
  switch (input.type) {
    case 'remote':
      return core.setRemote(input.session, input.side, input.remote);
    case 'clear':
      return core.clearRemote(input.session, input.side);
    case 'fork':
      return core.fork(input.session, input.recordingId, input.taps);
    case 'unfork':
      return core.unfork(input.session);
    case 'watch':
      return core.watchSilence(input.session, input.afterMs);
    case 'play':
      return core.play(input.session, input.play);
    case 'stop':
      return core.stopPlaying(input.session, input.playId);
    case 'tap':
      return core.connectTap(input.port, input.name, input.flushMs);
    default:
      post({ type: 'reply', id: input.id, reply: answer(input) });
      if (input.type === 'shutdown') port.close();
  }
});

const unusable = firstUnusableNetwork();
if (unusable === null) {
  post({ type: 'ready', sockets: { kind, detail }, precedence });
} else {
  post({ type: 'failed', ...unusable });
  core.shutdown();
  port.close();
}
