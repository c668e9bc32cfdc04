// The leg of a call from a mobile that nobody takes: it answers by itself, plays an announcement into the caller's leg and hangs
// up. To the call it is a leg as any other, so that it is charged, recorded and written down as any other.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { codecPolicy } from '../sdp/media-policy.js';
import type { DialAddress, GatewayTerms } from './call-request.js';
import type { CalleeLeg, CalleeLegListener, DialPort, DialRequest, MediaSession, ReofferAnswer } from './ports.js';
import type { DialogMessage, MessageAnswered } from './ports-dialog.js';

/** Name of the peer that is none. */
export const ANNOUNCEMENT = 'announcement';

/** What follows our 200 at once is not heard: the gateway has to answer the mobile network first. */
const PAUSE_MS = 500;
/** Nothing is sent to it (RFC 5737). */
const NOWHERE = '192.0.2.0';

/** Terms of the peer that plays; its clocks are never used. */
export function announcementPeer(network: string): GatewayTerms {
  return {
    name: ANNOUNCEMENT,
    network,
    signallingAddress: NOWHERE,
    // The player speaks G.711.
    media: codecPolicy(['PCMA', 'PCMU']),
    channelMedia: new Map(),
    firstResponseTimeoutMs: 4_000,
    progressTimeoutMs: 4_000,
    ringTimeoutMs: 4_000,
    responses: [],
    busyProbeMs: 0,
    nat: 'off',
    mediaSources: [],
  };
}

export function announcementAddress(path: string): DialAddress {
  return { requestUri: `file:${path}`, fromUser: '', headers: {} };
}

export interface AnnouncementPorts {
  readonly clock: Clock;
  readonly log: Logger;
  /** The call's; null before its media is opened. */
  session(): MediaSession | null;
}

/** Dials what is a peer, and plays what is an announcement. */
export function withAnnouncements(dialler: DialPort, ports: AnnouncementPorts): DialPort {
  return {
    dial: (request, listener) => {
      if (request.gateway !== ANNOUNCEMENT) return dialler.dial(request, listener);
      return new AnnouncementLeg(request, listener, ports);
    },
    endOrphan: (identity, cause) => dialler.endOrphan(identity, cause),
    onUnclaimedAnswer: (listener) => dialler.onUnclaimedAnswer(listener),
  };
}

class AnnouncementLeg implements CalleeLeg {
  readonly identity = null;
  readonly #listener: CalleeLegListener;
  readonly #ports: AnnouncementPorts;
  readonly #path: string;
  #timer: ClockTimer | undefined;
  #playId: string | null = null;
  #over = false;

  constructor({ attemptId, address, offerSdp }: DialRequest, listener: CalleeLegListener, ports: AnnouncementPorts) {
    this.#listener = listener;
    this.#ports = ports;
    this.#path = address.requestUri.slice('file:'.length);
    // Not before the call has noted its leg.
    queueMicrotask(() => {
      if (this.#over) return;
      listener.sent(attemptId);
      listener.answered(answerTo(offerSdp));
      this.#timer = ports.clock.after(PAUSE_MS, () => this.#play());
    });
  }

  cancel(): void {
    if (this.#over) return;
    this.#stop();
    queueMicrotask(() => this.#listener.failed({ status: 487, reasons: [], local: false }));
  }

  hangUp(): void {
    if (this.#over) return;
    this.#stop();
    queueMicrotask(() => this.#listener.cleared());
  }

  send(_message: DialogMessage, answered: MessageAnswered): void {
    answered(481);
  }

  reoffer(_sdp: string, answered: (answer: ReofferAnswer) => void): void {
    answered({ status: 488, sdp: null });
  }

  #play(): void {
    const session = this.#ports.session();
    if (this.#over || session === null) return;
    session.onEvent((event) => {
      if (event.type !== 'played' || event.playId !== this.#playId || this.#over) return;
      if (event.end === 'failed') {
        this.#ports.log.error({ alarm: 'announcement', file: this.#path }, 'announcement could not be played');
      }
      this.#stop();
      this.#listener.hungUp([]);
    });
    this.#playId = session.play('caller', { source: { kind: 'file', path: this.#path }, mode: 'replace' });
  }

  #stop(): void {
    this.#over = true;
    this.#timer?.cancel();
  }
}

/** Takes the offer as it is, sends nothing and hears nothing: what is played is laid into the caller's leg. */
function answerTo(offerSdp: string): string {
  const lines = offerSdp.split(/\r?\n/).filter((line) => !/^a=(?:sendrecv|sendonly|recvonly|inactive|rtcp)/.test(line));
  const answered = lines.map((line) => {
    if (line.startsWith('c=')) return `c=IN IP4 ${NOWHERE}`;
    return line.startsWith('m=audio ') ? line.replace(/^m=audio \d+/, 'm=audio 9') : line;
  });
  return [...answered.filter((line) => line !== ''), 'a=inactive', ''].join('\r\n');
}
