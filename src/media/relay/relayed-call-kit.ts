// For tests of what a relay does to streams: one session over sockets in memory, with a clock that the test moves.
import { packets } from 'rtp.js';
import type { MediaEvent, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { ManualClock } from '../../lib/clock.js';
import { Pacer } from '../player/pacer.js';
import { MemorySockets } from './memory-sockets.js';
import { DEFAULT_STREAMS, type StreamSettings } from './relay-messages.js';
import { RelaySession } from './relay-session.js';
import { EVENTS, PCMA, rtpPacket } from './relay-test-kit.js';

const LOCAL = '192.0.2.1';
/** Each peer's RTP; its RTCP is on the next port. */
const PEERS = {
  caller: { address: '192.0.2.20', port: 40_000 },
  callee: { address: '192.0.2.30', port: 50_000 },
} as const;
const LOCAL_PORTS = { caller: 20_000, callee: 20_002 } as const;
const TICK_MS = 200;

export function otherSide(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}

/** A call of two peers that both have PCMA and telephone-event, unless the test says otherwise. */
export class RelayedCall {
  readonly clock = new ManualClock();
  readonly sockets = new MemorySockets(() => this.clock.monotonicMs());
  readonly events: MediaEvent[] = [];
  readonly forked: { readonly side: Side; readonly bytes: Buffer }[] = [];
  readonly session: RelaySession;
  /** Where the last packet that was relayed at once went. */
  lastPort: number | null = null;

  constructor(streams: Partial<StreamSettings> = {}) {
    // Zero is a time too, but nothing real happens there.
    this.clock.advance(1_000);
    const pair = (port: number) => ({ rtp: this.sockets.bind(LOCAL, port), rtcp: this.sockets.bind(LOCAL, port + 1) });
    let seed = 0x1000;
    this.session = new RelaySession(
      { caller: pair(LOCAL_PORTS.caller), callee: pair(LOCAL_PORTS.callee) },
      {
        settings: { ...DEFAULT_STREAMS, ...streams },
        played: { packets: 0 },
        pacer: new Pacer(this.clock),
        nowMs: () => this.clock.monotonicMs(),
        random32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0),
        tell: (event) => this.events.push(event),
      },
    );
    this.remote('caller');
    this.remote('callee');
  }

  /** Copies of both directions go to `forked` from now on. */
  fork(): void {
    this.session.forkTo({
      add: (isCallee, _arrivalMs, packet) =>
        this.forked.push({ side: isCallee ? 'callee' : 'caller', bytes: Buffer.from(packet) }),
    });
  }

  remote(side: Side, changes: Partial<MediaRemote> = {}): void {
    const { address, port } = PEERS[side];
    this.session.setRemote(side, {
      address,
      rtpPort: port,
      rtcpPort: port + 1,
      signallingAddress: address,
      nat: 'auto',
      sources: [],
      codecs: [PCMA, EVENTS],
      sends: true,
      ...changes,
    });
  }

  /** The side sends RTP; what the other side gets at once. */
  rtp(side: Side, packet: Uint8Array): Buffer | null {
    return this.#send(side, packet, 0)[0] ?? null;
  }

  /** The side sends RTCP; what the other side gets at once. */
  rtcp(side: Side, packet: Uint8Array): Buffer | null {
    return this.#send(side, packet, 1)[0] ?? null;
  }

  /** The side talks: a packet each 20 ms, from one of this number on. */
  talk(side: Side, from: { sequence: number; ssrc?: number; timestamp?: number }, count: number): Buffer[] {
    return Array.from({ length: count }, (_, index) => {
      this.advance(20);
      const timestamp = ((from.timestamp ?? from.sequence * 160) + index * 160) >>> 0;
      return this.rtp(side, rtpPacket({ ...from, sequence: from.sequence + index, timestamp }));
    }).flatMap((packet) => packet ?? []);
  }

  /** RTCP that the relay itself has sent to a side since it was asked last. */
  takeControl(side: Side): Buffer[] {
    const port = PEERS[side].port + 1;
    const found = this.sockets.sent.filter((sent) => sent.port === port);
    for (const sent of found) this.sockets.sent.splice(this.sockets.sent.indexOf(sent), 1);
    return found.map(({ bytes }) => bytes);
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.clock.advance(Math.min(left, TICK_MS));
      this.session.tick(this.clock.monotonicMs());
    }
  }

  report(): MediaReport {
    return this.session.report();
  }

  #send(side: Side, packet: Uint8Array, offset: 0 | 1): Buffer[] {
    const before = this.sockets.sent.length;
    const { address, port } = PEERS[side];
    this.sockets.deliver({ address: LOCAL, port: LOCAL_PORTS[side] + offset }, packet, {
      address,
      port: port + offset,
    });
    const sent = this.sockets.sent.splice(before);
    this.lastPort = sent.at(-1)?.port ?? this.lastPort;
    return sent.map(({ bytes }) => bytes);
  }
}

export interface ReportedBlock {
  readonly ssrc: number;
  readonly fractionLost?: number;
  readonly lost?: number;
  readonly highest?: number;
  readonly jitter?: number;
  readonly lsr?: number;
  readonly dlsr?: number;
}

/** RTCP of a peer: a sender report with `sender`, else a receiver report, and what is added to it. */
export function peerReport(
  ssrc: number,
  parts: {
    readonly sender?: { readonly ntpSeconds: number; readonly ntpFraction: number; readonly timestamp: number };
    readonly blocks?: readonly ReportedBlock[];
    readonly cname?: string;
    readonly bye?: boolean;
  },
): Buffer {
  const { sender, blocks = [], cname, bye = false } = parts;
  const compound = new packets.CompoundPacket();
  const report = sender === undefined ? new packets.ReceiverReportPacket() : new packets.SenderReportPacket();
  report.setSsrc(ssrc);
  if (sender !== undefined && report instanceof packets.SenderReportPacket) {
    report.setNtpSeconds(sender.ntpSeconds);
    report.setNtpFraction(sender.ntpFraction);
    report.setRtpTimestamp(sender.timestamp);
    report.setPacketCount(7);
    report.setOctetCount(1_120);
  }
  for (const each of blocks) {
    const block = new packets.ReceptionReport();
    block.setSsrc(each.ssrc);
    block.setFractionLost(each.fractionLost ?? 0);
    block.setTotalLost(each.lost ?? 0);
    block.setHighestSeqNumber(each.highest ?? 0);
    block.setJitter(each.jitter ?? 0);
    block.setLastSRTimestamp(each.lsr ?? 0);
    block.setDelaySinceLastSR(each.dlsr ?? 0);
    report.addReport(block);
  }
  compound.addPacket(report);
  if (cname !== undefined) {
    const description = new packets.SdesPacket();
    const chunk = new packets.SdesChunk();
    chunk.setSsrc(ssrc);
    chunk.addItem(1, cname);
    description.addChunk(chunk);
    compound.addPacket(description);
  }
  if (bye) {
    const goodbye = new packets.ByePacket();
    goodbye.addSsrc(ssrc);
    compound.addPacket(goodbye);
  }
  compound.serialize();
  const view = compound.getView();
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** What a packet says, by rtp.js. */
export function readControl(packet: Buffer): {
  readonly report: packets.SenderReportPacket | packets.ReceiverReportPacket;
  readonly block: packets.ReceptionReport | null;
  readonly cname: string | null;
  readonly cnameSsrc: number | null;
  readonly types: readonly number[];
} {
  const compound = new packets.CompoundPacket(new DataView(packet.buffer, packet.byteOffset, packet.length));
  const parts = compound.getPackets();
  const [report] = parts;
  if (!(report instanceof packets.SenderReportPacket || report instanceof packets.ReceiverReportPacket)) {
    throw new Error('RTCP that does not begin with a report');
  }
  const description = parts.find((part) => part instanceof packets.SdesPacket);
  const chunk = description instanceof packets.SdesPacket ? description.getChunks()[0] : undefined;
  return {
    report,
    block: report.getReports()[0] ?? null,
    cname: chunk?.getItems()[0]?.text ?? null,
    cnameSsrc: chunk?.getSsrc() ?? null,
    types: parts.map((part) => part.getPacketType()),
  };
}
