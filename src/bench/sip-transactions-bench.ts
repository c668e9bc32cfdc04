// How many OPTIONS the embedded server and a bare application answer in a second: a client in this process keeps a fixed
// number of them open on loopback UDP. All three processes share the machine, so CPU a transaction is what compares.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { costOf } from '../lab/sip-tests/load/process-cost.js';
import { startEmbedded } from './sip-parts.js';

export interface SipTransactionsBenchResult {
  readonly benchmark: 'sip-transactions';
  readonly perSecond: number;
  /** User and system time of the server's process, and of the application's, for each OPTIONS answered. */
  readonly serverCpuUs: number;
  readonly applicationCpuUs: number;
}

/** Few enough that no socket buffer overflows. */
const OPEN_AT_ONCE = 32;
const WARM_UP_MS = 1_000;

/** @throws Error when nothing is answered */
export async function benchTransactions(measuredMs: number): Promise<SipTransactionsBenchResult> {
  const { server, application, stop } = await startEmbedded({ calleePort: 9 });
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  let sent = 0;
  let answered = 0;
  const sendNext = (): void => {
    sent++;
    const text =
      `OPTIONS sip:service@127.0.0.1:${server.ready.sipPort} SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-bench-${sent};rport\r\nMax-Forwards: 70\r\n` +
      `From: <sip:bench@127.0.0.1>;tag=b${sent}\r\nTo: <sip:service@127.0.0.1>\r\nCall-ID: bench-${sent}@127.0.0.1\r\n` +
      'CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n';
    socket.send(text, server.ready.sipPort, '127.0.0.1');
  };
  socket.on('message', (bytes) => {
    if (bytes.toString('latin1', 8, 11) !== '200') return;
    answered++;
    sendNext();
  });
  try {
    for (let count = 0; count < OPEN_AT_ONCE; count++) sendNext();
    await elapsed(WARM_UP_MS);
    const before = {
      answered,
      server: cpuMsOf(server.pid),
      application: cpuMsOf(application.pid),
      ms: performance.now(),
    };
    await elapsed(measuredMs);
    const count = answered - before.answered;
    if (count === 0) throw new Error('No OPTIONS was answered');
    return {
      benchmark: 'sip-transactions',
      perSecond: Math.round((count * 1000) / (performance.now() - before.ms)),
      serverCpuUs: Math.round(((cpuMsOf(server.pid) - before.server) * 1000) / count),
      applicationCpuUs: Math.round(((cpuMsOf(application.pid) - before.application) * 1000) / count),
    };
  } finally {
    socket.close();
    await stop();
  }
}

/** NaN where there is no /proc. */
export function cpuMsOf(pid: number): number {
  return costOf(pid)?.cpuMs ?? Number.NaN;
}

export function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
