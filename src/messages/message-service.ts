// Text messages of trunks and of the API, until a gateway has each or none will: taken once, reserved, sent, charged once. A message
// that may have left is never sent again by itself, and is charged; what is cut short by a crash is one of those (docs/messages.md).
import { randomUUID } from 'node:crypto';
import type { ClockTimer } from '../lib/clock.js';
import type { Message, MessageAttempt, MessageParty, MessageRequest } from './message.js';
import type { MessagePorts, MessageSettings, SendOutcome } from './message-ports.js';
import type { MessageRefusal } from './message-refusal.js';
import { closeAttempt, logged, messageOf } from './message-steps.js';
import { placeMessage } from './place-message.js';
import { settleLeftMessages } from './recover-messages.js';

export type Submission =
  | { readonly ok: true; readonly message: Message; readonly isRepetition: boolean }
  | { readonly ok: false; readonly reason: MessageRefusal; readonly message: Message };

export interface MessageCounters {
  readonly taken: number;
  /** Requests that came again. */
  readonly repeated: number;
  readonly refused: number;
  readonly sent: number;
  readonly unknown: number;
  readonly failed: number;
  /** Waiting for a channel now. */
  queued: number;
  /** Being told to their gateways now. */
  sending: number;
}

/** How often those that wait look for a channel when nothing tells of one. */
const LOOK_AGAIN_MS = 1_000;
/** A gateway that is slow to answer holds up the end no longer: its message is one that may have been sent. */
const STOP_LIMIT_MS = 5_000;
/** Of those that wait, tried at a time: a full house refuses the first few as it would the others. */
const TRIED_AT_ONCE = 8;

type Ending = { readonly state: 'sent' | 'unknown' | 'failed'; readonly reason: MessageRefusal | null };

export class MessageService {
  readonly #ports: MessagePorts;
  #settings: MessageSettings;
  readonly #submitting = new Map<string, Promise<Submission>>();
  /** Oldest first. */
  readonly #waiting = new Map<string, Message>();
  readonly #sending = new Set<Promise<void>>();
  /** Until when channels that have sent one rest from messages, by elapsed time. */
  readonly #resting = new Map<string, number>();
  #timer: ClockTimer | undefined;
  #looking: Promise<void> | null = null;
  #hasNews = false;
  #isStopping = false;
  readonly #counts = { taken: 0, repeated: 0, refused: 0, sent: 0, unknown: 0, failed: 0 };

  constructor(ports: MessagePorts, settings: MessageSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  get counters(): MessageCounters {
    return { ...this.#counts, queued: this.#waiting.size, sending: this.#sending.size };
  }

  /** For messages that come from now on, and for those that wait. */
  reconfigure(settings: MessageSettings): void {
    this.#settings = settings;
  }

  /** Settles what an earlier process left, and takes up again what waited in it. */
  async start(): Promise<void> {
    const waiting = await settleLeftMessages(this.#ports);
    for (const message of waiting) this.#waiting.set(message.messageId, message);
    this.look();
  }

  /** Takes no more, and waits for the gateways that are being told; what waits stays in the journal. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#timer?.cancel();
    await Promise.allSettled(this.#submitting.values());
    await this.#looking;
    let limit: ClockTimer | undefined;
    const isLate = new Promise<void>((resolve) => {
      limit = this.#ports.clock.after(STOP_LIMIT_MS, resolve);
    });
    await Promise.race([Promise.allSettled(this.#sending), isLate]);
    limit?.cancel();
  }

  /** Takes a message, or says why not. Resolves when it is in the journal; the gateway is told after. */
  submit(request: MessageRequest): Promise<Submission> {
    const { key } = request;
    const underWay = key === null ? undefined : this.#submitting.get(key);
    if (underWay !== undefined) return underWay.then((submission) => this.#repeated(submission));
    const submitting = this.#submit(request).catch((error): Submission => {
      this.#ports.log.error({ alarm: 'defect', err: error }, 'message could not be taken');
      this.#counts.refused++;
      return { ok: false, reason: 'internal-error', message: messageOf(request, this.#ports.clock.wallMs()) };
    });
    const name = key ?? randomUUID();
    this.#submitting.set(name, submitting);
    return submitting.finally(() => this.#submitting.delete(name));
  }

  /** A channel may have come free. */
  look(): void {
    if (this.#isStopping || this.#waiting.size === 0) return;
    this.#timer ??= this.#ports.clock.after(LOOK_AGAIN_MS, () => {
      this.#timer = undefined;
      this.look();
    });
    this.#hasNews = true;
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = null;
    });
  }

  /** What comes free while they are tried is looked for again. */
  async #lookOnce(): Promise<void> {
    while (this.#hasNews && !this.#isStopping) {
      this.#hasNews = false;
      await this.#tryWaiting();
    }
  }

  #repeated(submission: Submission): Submission {
    this.#counts.repeated++;
    return submission.ok ? { ...submission, isRepetition: true } : submission;
  }

  async #submit(request: MessageRequest): Promise<Submission> {
    const { books, admission, clock } = this.#ports;
    const { key } = request;
    const known = key === null ? null : await books.findByKey(key);
    if (known !== null) return this.#repeated({ ok: true, message: known, isRepetition: true });
    const message = messageOf(request, clock.wallMs());
    if (this.#isStopping) return this.#refuse(message, 'stopping', null);
    if (request.text === '' && request.pictures.length === 0) return this.#refuse(message, 'empty', null);
    const admitted = admission.admitMessage(request);
    const admittedMessage = { ...message, callee: admitted.callee };
    if (!admitted.ok) return this.#refuse(admittedMessage, admitted.reason, admitted.detail);
    const isEmergency = admitted.callee.numberClass === 'emergency';
    if (!isEmergency && this.#ports.isAccepting?.() === false) return this.#refuse(admittedMessage, 'stopping', null);
    const elsewhere = key === null ? null : await this.#claim(admittedMessage, key);
    if (elsewhere !== null) return elsewhere;
    const placing = await placeMessage(this.#ports, admittedMessage, admitted.callee, this.#placeOptions(key));
    if (placing.kind === 'refused') {
      await this.#giveUp(key);
      return this.#refuse({ ...admittedMessage, decision: placing.decision }, placing.reason, placing.detail);
    }
    if (placing.kind === 'wait') {
      if (this.#waiting.size >= this.#settings.maxQueued) {
        await this.#giveUp(key);
        return this.#refuse(admittedMessage, 'queue-full', null);
      }
      const queued = { ...admittedMessage, decision: placing.decision };
      await books.commit(books.keep(queued, { key }));
      await this.#keep(key);
      this.#counts.taken++;
      this.#waiting.set(queued.messageId, queued);
      this.look();
      return { ok: true, message: queued, isRepetition: false };
    }
    this.#counts.taken++;
    this.#send(placing.message);
    await this.#keep(key);
    return { ok: true, message: placing.message, isRepetition: false };
  }

  /** Of a request that any node may get: null when it is this node's to take. */
  async #claim(message: Message, key: string): Promise<Submission | null> {
    const claimed = await this.#ports.keys?.claim(key, message.messageId);
    if (claimed === undefined || claimed.kind === 'ours') return null;
    if (claimed.kind === 'pending') return this.#refuse(message, 'taken-elsewhere', null);
    return this.#repeated({ ok: true, message: { ...message, messageId: claimed.id }, isRepetition: true });
  }

  async #keep(key: string | null): Promise<void> {
    if (key !== null) await this.#ports.keys?.keep(key);
  }

  async #giveUp(key: string | null): Promise<void> {
    if (key !== null) await this.#ports.keys?.giveUp(key);
  }

  /** Refused at once: its record says so, and another request with its key is a new one. */
  async #refuse(message: Message, reason: MessageRefusal, detail: string | null): Promise<Submission> {
    const { books, clock, log } = this.#ports;
    this.#counts.refused++;
    log.info({ messageId: message.messageId, trunk: message.trunk, reason, detail }, 'message refused');
    const ended = { ...message, state: 'failed' as const, endReason: reason, endedAtMs: clock.wallMs(), revision: 1 };
    // A journal that does not take the row holds nobody up: there is nothing to lose but the record of a refusal.
    books.commit(books.keep(ended)).then(
      () => books.announce(),
      (error) => log.error({ err: error, messageId: message.messageId }, 'record of a refused message is lost'),
    );
    return { ok: false, reason, message: ended };
  }

  // ---- waiting for a channel -------------------------------------------------------------------------------------------

  async #tryWaiting(): Promise<void> {
    let tried = 0;
    for (const message of [...this.#waiting.values()]) {
      if (this.#isStopping) return;
      const { clock, log } = this.#ports;
      const isLate = clock.wallMs() - message.takenAtMs >= this.#settings.maxWaitMs;
      if (!isLate && tried++ >= TRIED_AT_ONCE) continue;
      try {
        if (isLate) await this.#end(message, 'no-channel');
        else await this.#placeAgain(message);
      } catch (error) {
        log.error({ alarm: 'defect', err: error, messageId: message.messageId }, 'waiting message could not be placed');
      }
    }
  }

  /** One that has been taken already: waits, is sent, or fails. */
  async #placeAgain(message: Message): Promise<void> {
    const { callee } = message;
    if (callee === null) return this.#end(message, 'internal-error');
    const placing = await placeMessage(this.#ports, message, callee, this.#placeOptions(null));
    if (placing.kind === 'sending') {
      this.#waiting.delete(message.messageId);
      this.#send(placing.message);
    } else if (placing.kind === 'refused' && placing.reason !== 'journal-stalled' && placing.reason !== 'ledger-away') {
      await this.#end({ ...message, decision: placing.decision }, placing.reason);
    } else {
      // Behind all others: whom nothing suits now holds up nobody.
      const isNew = !this.#waiting.delete(message.messageId);
      this.#waiting.set(message.messageId, message);
      if (isNew) this.look();
    }
  }

  async #end(message: Message, reason: MessageRefusal): Promise<void> {
    const { books } = this.#ports;
    this.#waiting.delete(message.messageId);
    await books.commit(books.keep(this.#ended(message, { state: 'failed', reason }), { isNews: true }));
    books.announce();
  }

  #placeOptions(key: string | null) {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const [channelId, untilMs] of this.#resting) if (untilMs <= nowMs) this.#resting.delete(channelId);
    return { gateways: this.#settings.gateways, resting: new Set(this.#resting.keys()), key };
  }

  // ---- telling the gateway ---------------------------------------------------------------------------------------------

  #send(message: Message): void {
    const { log } = this.#ports;
    const sending = this.#sendNow(message).catch((error) => {
      // Its reservation is held, and the next start settles it as one that may have left.
      log.error({ alarm: 'messages', err: error, messageId: message.messageId }, 'end of a message could not be kept');
    });
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
  }

  async #sendNow(message: Message): Promise<void> {
    const { sender, clock, log } = this.#ports;
    const attempt = message.attempts.at(-1) as MessageAttempt;
    const { attemptId, channelId, gateway, simNumber } = attempt;
    const gapMs = this.#settings.gateways.find(({ name }) => name === gateway)?.gapMs ?? 0;
    const outcome = await sender
      .send({
        ...{ messageId: message.messageId, attemptId, gateway, channelId, simNumber },
        ...{ callee: message.callee as MessageParty, text: message.text, pictures: message.pictures },
        load: { kind: message.kind ?? 'sms', count: message.parts ?? 1 },
        encoding: message.encoding ?? 'ucs-2',
      })
      .catch((error): SendOutcome => {
        log.error({ alarm: 'defect', err: error, gateway }, 'message sender failed');
        return { kind: 'silent', detail: 'internal error' };
      });
    if (gapMs > 0) this.#resting.set(channelId, clock.monotonicMs() + gapMs);
    log.info({ messageId: message.messageId, channelId, ...logged(outcome) }, 'message handed to its gateway');
    if (outcome.kind === 'sent') await this.#settle(message, attempt, outcome, { state: 'sent', reason: null });
    else if (outcome.kind === 'silent') await this.#settleSilent(message, attempt, outcome);
    else await this.#release(message, attempt, outcome);
    this.look();
  }

  /** Nobody said what became of it: it is charged, since it may have been sent. */
  async #settleSilent(
    message: Message,
    attempt: MessageAttempt,
    outcome: Extract<SendOutcome, { kind: 'silent' }>,
  ): Promise<void> {
    const { onSilence = 'stop' } = this.#settings.gateways.find(({ name }) => name === attempt.gateway) ?? {};
    const mayGoOn = onSilence === 'next' && message.attempts.length < this.#settings.maxAttempts;
    if (!mayGoOn || this.#isStopping) {
      await this.#settle(message, attempt, outcome, { state: 'unknown', reason: null });
      return;
    }
    const queued = await this.#settle(message, attempt, outcome, null);
    await this.#placeAgain(queued);
  }

  /** Charges it. Without an ending it goes on to another channel. */
  async #settle(
    message: Message,
    attempt: MessageAttempt,
    outcome: Extract<SendOutcome, { kind: 'sent' | 'silent' }>,
    ending: Ending | null,
  ): Promise<Message> {
    const { ledger, books, clock } = this.#ports;
    const estimated = outcome.kind === 'silent';
    let kept = message;
    await ledger.settle(
      {
        ...{ reservationId: attempt.attemptId, answeredWallMs: clock.wallMs(), durationMs: 0 },
        ...{ estimated, channelInUse: false },
      },
      ({ cost, currency }) => {
        const closed = closeAttempt(message, outcome, clock.wallMs(), { cost, currency, estimated });
        kept = ending === null ? { ...closed, state: 'queued' } : this.#ended(closed, ending);
        return books.keep(kept, { isNews: ending !== null });
      },
    );
    books.announce();
    return kept;
  }

  /** It was not sent: nothing is charged, and the next channel is tried unless the message itself was refused. */
  async #release(
    message: Message,
    attempt: MessageAttempt,
    outcome: Extract<SendOutcome, { kind: 'refused' | 'unsent' }>,
  ): Promise<void> {
    const { ledger, books, clock } = this.#ports;
    const closed = closeAttempt(message, outcome, clock.wallMs(), null);
    const isOfMessage = outcome.kind === 'refused' && outcome.means === 'message';
    const isLast = isOfMessage || message.attempts.length >= this.#settings.maxAttempts;
    const reason = isOfMessage ? 'refused-by-gateway' : 'every-attempt-failed';
    const kept: Message = isLast ? this.#ended(closed, { state: 'failed', reason }) : { ...closed, state: 'queued' };
    await ledger.release(attempt.attemptId, { invited: false }, () => books.keep(kept, { isNews: isLast }));
    if (isLast) books.announce();
    else if (!this.#isStopping) await this.#placeAgain(kept);
  }

  #ended(message: Message, { state, reason }: Ending): Message {
    this.#counts[state]++;
    const { revision } = message;
    return { ...message, state, endReason: reason, endedAtMs: this.#ports.clock.wallMs(), revision: revision + 1 };
  }
}
