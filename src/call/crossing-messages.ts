// What peers say in their dialogs beside offers, on its way to the other side of a call: INFO and MESSAGE as far as the allow list
// lets their content through, and digits, which one side may have in its RTP (RFC 4733) and the other in INFO.
import type { Logger } from '../lib/logger.js';
import type { CallMedia } from './call-media.js';
import { dtmfInfo, isDtmf, type KeyedDigit, readDtmfInfo } from './dtmf-info.js';
import type { MediaEvent } from './ports.js';
import type { DialogMessage, MessageAnswered, PeerMessage } from './ports-dialog.js';
import type { MediaReport, Side, StreamReport } from './reports.js';

/** Content types that pass in INFO and in MESSAGE, in lower case; a method without any is refused. */
export interface AllowedContent {
  readonly info: readonly string[];
  readonly message: readonly string[];
}

export interface MessageHolder {
  /** Both sides talk. */
  isTalking(): boolean;
  media(): CallMedia | null;
  send(side: Side, message: DialogMessage, answered: MessageAnswered): void;
}

/** Whoever sends more keys nothing in by hand; the relay keeps as many. */
const MAX_KEPT_DIGITS = 256;

export class CrossingMessages {
  readonly #allowed: AllowedContent;
  readonly #log: Logger;
  readonly #holder: MessageHolder;
  /** Digits that came in INFO, by the side that keyed them; null while there is none. */
  #keyed: Readonly<Record<Side, { count: number; digits: string }>> | null = null;

  constructor(allowed: AllowedContent, log: Logger, holder: MessageHolder) {
    this.#allowed = allowed;
    this.#log = log;
    this.#holder = holder;
  }

  /** An INFO or MESSAGE of a side; answered with what the other side says to it. */
  take(from: Side, message: PeerMessage): void {
    const { method, contentType, headers, body } = message;
    const media = this.#holder.media();
    if (method === 'INFO' && isDtmf(contentType) && media?.policyOf(from)?.dtmf === 'info') {
      this.#takeDigit(from, message);
      return;
    }
    const allowed = method === 'INFO' ? this.#allowed.info : method === 'MESSAGE' ? this.#allowed.message : [];
    // RFC 2976 §2: an INFO without a body asks whether the dialog lives.
    if (method === 'INFO' && body === null) message.answer(200);
    else if (allowed.length === 0) message.answer(405);
    else if (!allowed.includes(contentType ?? '')) message.answer(415, { Accept: allowed.join(', ') });
    else if (!this.#holder.isTalking()) message.answer(500, { 'Retry-After': '5' });
    else this.#holder.send(otherOf(from), { method, headers, body }, (status) => message.answer(status));
  }

  /** A digit in the RTP of a side: told to the other in INFO, where that has its digits so. */
  heard({ side, event, durationMs }: Extract<MediaEvent, { type: 'dtmf' }>): void {
    const to = otherOf(side);
    if (this.#holder.isTalking() && this.#holder.media()?.policyOf(to)?.dtmf === 'info') {
      this.#sendDigit(to, { digit: event, durationMs });
    }
  }

  /** The relay's report with the digits that it could not hear. */
  withKeyed(report: MediaReport | null): MediaReport | null {
    if (report === null || this.#keyed === null) return report;
    const { caller, callee } = this.#keyed;
    return { ...report, caller: withDigits(report.caller, caller), callee: withDigits(report.callee, callee) };
  }

  #takeDigit(from: Side, message: PeerMessage): void {
    const keyed = readDtmfInfo(message.contentType, message.body);
    const media = this.#holder.media();
    if (keyed === null) {
      message.answer(400);
      return;
    }
    // What is keyed before the other side is there is lost, as it is in RTP.
    message.answer(200);
    this.#keyed ??= { caller: { count: 0, digits: '' }, callee: { count: 0, digits: '' } };
    const noted = this.#keyed[from];
    noted.count += 1;
    if (noted.digits.length < MAX_KEPT_DIGITS) noted.digits += keyed.digit;
    this.#log.debug({ side: from, durationMs: keyed.durationMs }, 'digit in INFO');
    const to = otherOf(from);
    if (!this.#holder.isTalking()) return;
    if (media?.policyOf(to)?.dtmf === 'info') this.#sendDigit(to, keyed);
    else media?.session?.play(to, { source: { kind: 'digit', ...keyed }, mode: 'replace' });
  }

  #sendDigit(to: Side, keyed: KeyedDigit): void {
    this.#holder.send(to, dtmfInfo(keyed), (status) => {
      if (status >= 300) this.#log.info({ side: to, status }, 'digit in INFO was refused');
    });
  }
}

function otherOf(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}

/** Which they were is kept only where the relay keeps its own. */
function withDigits(stream: StreamReport, keyed: { readonly count: number; readonly digits: string }): StreamReport {
  const { dtmfDigits } = stream;
  return {
    ...stream,
    dtmfEvents: stream.dtmfEvents + keyed.count,
    dtmfDigits: dtmfDigits === null ? null : `${dtmfDigits}${keyed.digits}`.slice(0, MAX_KEPT_DIGITS),
  };
}
