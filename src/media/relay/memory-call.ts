// For tests of the relay: one call between two peers, in memory and in the test's own time.
import assert from 'node:assert/strict';
import type { MediaAddress, MediaCodec, MediaEvent, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { ManualClock } from '../../lib/clock.js';
import { MemorySockets, type SentPacket } from './memory-sockets.js';
import { RelayCore } from './relay-core.js';
import { DEFAULT_STREAMS, type StreamSettings } from './relay-messages.js';
import { EVENTS, PCMA } from './relay-test-kit.js';

export const SESSION = 1;
export const SIDES = ['caller', 'callee'] as const;
export const CN: MediaCodec = { payloadType: 13, name: 'CN', clockRateHz: 8_000 };
const NETWORK = { name: 'lan', bind: '192.0.2.1', advertise: '192.0.2.1', mediaPorts: { from: 20_000, to: 20_019 } };

export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** Where a side's SDP says that it is, where its signalling came from, and a media server of its own. */
export const PEERS: Readonly<Record<Side, { sdp: Peer; signalling: string; listed: string }>> = {
  caller: { sdp: { address: '10.0.0.2', port: 4_000 }, signalling: '203.0.113.2', listed: '198.51.100.2' },
  callee: { sdp: { address: '10.0.0.3', port: 4_000 }, signalling: '203.0.113.3', listed: '198.51.100.3' },
};

export class MemoryCall {
  readonly clock = new ManualClock();
  readonly sockets = new MemorySockets(() => this.clock.monotonicMs());
  readonly events: MediaEvent[] = [];
  readonly core: RelayCore;
  readonly local: Readonly<Record<Side, MediaAddress>>;

  constructor(streams: Partial<StreamSettings> = {}) {
    this.core = new RelayCore(
      { networks: [NETWORK], maxTapBatches: 1, streams: { ...DEFAULT_STREAMS, ...streams } },
      this.sockets,
      () => this.clock.monotonicMs(),
      (_session, event) => this.events.push(event),
      this.clock,
    );
    const opened = this.core.open(SESSION, NETWORK.name, NETWORK.name);
    assert.ok(opened.ok);
    this.local = opened.local;
  }

  remote(side: Side, changes: Partial<MediaRemote> = {}): void {
    const { sdp, signalling, listed } = PEERS[side];
    this.core.setRemote(SESSION, side, {
      address: sdp.address,
      rtpPort: sdp.port,
      rtcpPort: sdp.port + 1,
      signallingAddress: signalling,
      nat: 'auto',
      sources: [listed],
      codecs: [PCMA, EVENTS],
      sends: true,
      ...changes,
    });
  }

  /** Somebody sends to a side's port. */
  send(from: Peer, side: Side, kind: 'rtp' | 'rtcp', packet: Uint8Array): void {
    const { address, rtpPort, rtcpPort } = this.local[side];
    this.sockets.deliver({ address, port: kind === 'rtp' ? rtpPort : rtcpPort }, packet, from);
  }

  /** RTP that a side got. */
  got(side: Side): SentPacket[] {
    return this.sockets.sent.filter(({ fromPort }) => fromPort === this.local[side].rtpPort);
  }

  /** Millisecond by millisecond, so that everything happens when it is due. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1) this.clock.advance(1);
  }

  report(): MediaReport {
    const report = this.core.report(SESSION);
    assert.ok(report);
    return report;
  }
}

/** Every address that is a side's. */
export function addressesOf(side: Side): string[] {
  const { sdp, signalling, listed } = PEERS[side];
  return [sdp.address, signalling, listed];
}
