// A member of the network lab, for tests of who may send media: the relay with a clock that the test moves, or a peer's sockets.
import type { MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { answerAsMember } from '../../lib/testing/network-lab.js';
import { BatchedSockets, loadNativeSockets } from './batched-sockets.js';
import { DgramSockets } from './dgram-sockets.js';
import { RelayCore } from './relay-core.js';
import type { OpenReply, RelayNetwork } from './relay-messages.js';
import { countedOf, type ReceivedPacket, relaySettings, UdpPeer } from './relay-test-kit.js';

const SESSION = 1;
const sockets = new Map<string, UdpPeer>();
let nowMs = 1_000_000;
let core: RelayCore | null = null;

function socket(name: string): UdpPeer {
  const found = sockets.get(name);
  if (found === undefined) throw new Error(`no socket ${name}`);
  return found;
}

function report(): MediaReport {
  const current = core?.report(SESSION) ?? null;
  if (current === null) throw new Error('no session');
  return current;
}

answerAsMember({
  /** Opens one session of a relay. */
  relay(networks: readonly RelayNetwork[], callerNetwork: string, calleeNetwork: string): OpenReply {
    core?.shutdown();
    const clock = () => nowMs;
    core = new RelayCore(relaySettings(networks), new DgramSockets(clock), clock, () => undefined);
    return core.open(SESSION, callerNetwork, calleeNetwork);
  },
  setRemote(side: Side, remote: MediaRemote): void {
    core?.setRemote(SESSION, side, remote);
  },
  clearRemote(side: Side): void {
    core?.clearRemote(SESSION, side);
  },
  advance(byMs: number): void {
    nowMs += byMs;
  },
  report,
  /** Resolves when the relay has counted so many packets of a side, dropped ones included. */
  async counted(side: Side, packets: number): Promise<void> {
    while (countedOf(report()[side]) < packets) await new Promise((resolve) => setImmediate(resolve));
  },

  /** Sends a packet from a batched socket that marks what it sends. */
  sendMarked(native: string, dscp: number | false, from: string, to: string, port: number): void {
    const loaded = loadNativeSockets(native);
    if (loaded.native === null) throw new Error(loaded.cause);
    const batched = new BatchedSockets(loaded.native, { dscp });
    batched.bind(from, 0).send(Buffer.from('packet'), to, port);
    batched.close();
  },

  async bind(name: string, address: string, port: number): Promise<number> {
    const opened = await UdpPeer.open(address, port);
    sockets.set(name, opened);
    return opened.port;
  },
  send(name: string, packet: Uint8Array, to: { address: string; port: number }): Promise<void> {
    return socket(name).send(packet, to);
  },
  received(name: string): readonly ReceivedPacket[] {
    return socket(name).received;
  },
  receivedCount(name: string, count: number): Promise<readonly ReceivedPacket[]> {
    return socket(name).receivedCount(count);
  },
});
