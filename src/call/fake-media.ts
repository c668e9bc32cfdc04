// Doubles of relay and recorder: sessions and recordings that report when the test lets them.
import type {
  MediaEvent,
  MediaOpenResult,
  MediaPort,
  MediaRefusal,
  MediaSession,
  RecordingHandle,
  RecordingLossCause,
  RecordingPort,
  RecordingRequest,
} from './ports.js';
import type { MediaReport, RecordingReport, Side, StreamReport } from './reports.js';

const STREAM: StreamReport = {
  ...{ packets: 10, bytes: 1_720, lost: 0, jitterMs: 0, outOfOrder: 0, duplicates: 0, rtcpPackets: 0 },
  ...{ rtcpGenerated: 0, transcoded: 0, roundTripMs: null, peerReport: null, mos: 4.4, silentMs: 0 },
  ...{ dtmfEvents: 0, dtmfDigits: null },
  dropped: { source: 0, ssrc: 0, 'payload-type': 0, malformed: 0, 'no-destination': 0, 'send-error': 0 },
  source: null,
  firstPacketWallMs: null,
};

/** Answers that wait until the test lets them go. */
class Gate {
  isHeld = false;
  readonly #waiting: (() => void)[] = [];

  pass<T>(value: () => T): Promise<T> {
    if (!this.isHeld) return Promise.resolve(value());
    return new Promise((resolve) => this.#waiting.push(() => resolve(value())));
  }

  release(): void {
    this.isHeld = false;
    for (const go of this.#waiting.splice(0)) go();
  }
}

export class FakeMedia implements MediaPort {
  readonly gate = new Gate();
  refusal: MediaRefusal | 'throws' | null = null;
  lastPacketAgeMs: number | null = 0;
  openSessions = 0;
  readonly lost: (() => void)[] = [];
  /** What calls have asked for by `watchSilence`. */
  readonly silenceWatches: (number | null)[] = [];
  readonly eventListeners: ((event: MediaEvent) => void)[] = [];
  /** Where the media of each side is, as a call has said last. */
  readonly remotes: Partial<Record<Side, string>> = {};
  /** Where the signalling of each side comes from, the same. */
  readonly signallingAddresses: Partial<Record<Side, string>> = {};
  /** By session, the sides that are another session of ours, the same. */
  readonly sidesOfOurs = new Map<string, Set<Side>>();
  readonly capabilities: MediaPort['capabilities'] = { srtp: false, transcodes: () => false };
  readonly #trace: string[];

  constructor(trace: string[]) {
    this.#trace = trace;
  }

  async open({ sessionId }: { readonly sessionId: string }): Promise<MediaOpenResult> {
    if (this.refusal === 'throws') throw new Error('relay failed');
    if (this.refusal !== null) return { ok: false, reason: this.refusal };
    this.openSessions += 1;
    this.#trace.push('media opened');
    return { ok: true, session: this.#session(sessionId) };
  }

  #session(sessionId: string): MediaSession {
    const report = (): MediaReport => ({ caller: STREAM, callee: STREAM, lastPacketAgeMs: this.lastPacketAgeMs });
    let closed: Promise<MediaReport> | undefined;
    const ours = new Set<Side>();
    this.sidesOfOurs.set(sessionId, ours);
    return {
      sessionId,
      local: (side) => ({ address: '192.0.2.1', rtpPort: side === 'caller' ? 20_000 : 20_002, rtcpPort: 20_001 }),
      placeCallee: async () => ({ ok: true }),
      setRemote: (side, { address, signallingAddress, isOurs }) => {
        this.remotes[side] = address;
        this.signallingAddresses[side] = signallingAddress;
        if (isOurs) ours.add(side);
        else ours.delete(side);
      },
      clearRemote: () => this.#trace.push('media forgets callee'),
      fork: () => this.#trace.push('media forked'),
      unfork: () => this.#trace.push('media unforked'),
      watchSilence: (afterMs) => this.silenceWatches.push(afterMs),
      play: (side, { source, mode }) => {
        this.#trace.push(`media plays ${source.kind} to ${side} (${mode})`);
        return 'play1';
      },
      stopPlaying: () => {},
      report: async () => report(),
      close: () => {
        if (closed === undefined) {
          this.openSessions -= 1;
          this.#trace.push('media closed');
          closed = this.gate.pass(report);
        }
        return closed;
      },
      onLost: (listener) => this.lost.push(listener),
      onEvent: (listener) => this.eventListeners.push(listener),
    };
  }
}

export class FakeRecorder implements RecordingPort {
  readonly gate = new Gate();
  unready: RecordingLossCause | null = null;
  unfinished = 0;
  /** Its thread has ended unnoticed: a recording is lost as soon as somebody asks. */
  isLost = false;
  readonly #losses: ((cause: RecordingLossCause) => void)[] = [];
  readonly #trace: string[];

  constructor(trace: string[]) {
    this.#trace = trace;
  }

  readiness(): ReturnType<RecordingPort['readiness']> {
    return this.unready === null ? { ok: true } : { ok: false, cause: this.unready };
  }

  begin({ recordingId }: RecordingRequest): RecordingHandle {
    this.unfinished += 1;
    this.#trace.push('recording begun');
    const path = `/recordings/${recordingId}.wav`;
    const loss = this.unready;
    const report: RecordingReport = {
      ...{ state: 'complete', path, sha256: '00', bytes: 44, durationMs: 0 },
      ...{ packets: { caller: 10, callee: 10 }, reanchored: 0, lostPackets: 0 },
      ...(loss !== null && { state: 'lost' as const, sha256: null }),
    };
    let finished: Promise<RecordingReport> | undefined;
    return {
      recordingId,
      path,
      setCodecs: () => {},
      finish: () => {
        if (finished === undefined) {
          this.unfinished -= 1;
          finished = this.gate.pass(() => report);
        }
        return finished;
      },
      onLoss: (listener) => {
        this.#losses.push(listener);
        if (this.isLost) listener('recorder-down');
        else if (loss !== null) queueMicrotask(() => listener(loss));
      },
    };
  }

  lose(cause: RecordingLossCause): void {
    for (const listener of this.#losses) listener(cause);
  }
}
