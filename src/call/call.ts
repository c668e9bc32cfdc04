// One live call: feeds inputs to the pure machine and carries out its effects through the ports, in order.
// Effects that must not outrun the journal (INVITE, 200) follow an input that tells of the commit.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Ledger } from '../quota/ledger.js';
import { type AttemptWatch, attemptEnds } from './attempt-ends.js';
import { type Account, type AccountHolder, CallAccount } from './call-account.js';
import { type AdmissionSettings, admitRequest } from './call-admission.js';
import type { CallEffect, CallInput, CallTimer } from './call-events.js';
import type { CallMedia } from './call-media.js';
import type { CallRecord } from './call-record.js';
import { CallReports } from './call-reports.js';
import type { Callee, CallRequest } from './call-request.js';
import { CallRunner } from './call-runner.js';
import { type CallLimits, type CallState, openAttempt, openCall, recordOf } from './call-state.js';
import { currentAttempt } from './call-steps.js';
import { CallTimers } from './call-timers.js';
import { CallTransfers } from './call-transfers.js';
import { CalleeLegs } from './callee-legs.js';
import { CallerSide } from './caller-side.js';
import { holdingOf } from './channel-use.js';
import { type AllowedContent, CrossingMessages } from './crossing-messages.js';
import { isNamed } from './dialog-name.js';
import type { EndReason } from './end-reason.js';
import type { ChannelUse, ChannelUsers } from './incoming-selection.js';
import { IncomingSide } from './incoming-side.js';
import { MediaNotes } from './media-notes.js';
import { HeaderPassage } from './passed-headers.js';
import type {
  AdmissionPort,
  CallBooks,
  CallerLeg,
  DialPort,
  MediaPort,
  RecordingPort,
  ReofferAnswer,
  RoutePort,
} from './ports.js';
import type { DialogName, PeerMessage } from './ports-dialog.js';
import type { OtherCalls, RingingPhone, TransferOutside } from './ports-transfer.js';
import type { Side } from './reports.js';
import { selectChannel } from './select-channel.js';
import { SilenceWatch } from './silence-watch.js';
import { calledTrunk, callingTrunk, type TrunkSide } from './trunk-side.js';

export interface CallSettings extends AdmissionSettings {
  readonly limits: CallLimits;
  readonly recording: { readonly enabled: boolean; readonly required: boolean; readonly onLoss: 'continue' | 'end' };
  /** A live call goes on without the journal after this long; new ones were refused before. */
  readonly journalTimeoutMs: number;
  /** Ends a call when neither side has sent media for so long; 0 for never. */
  readonly noMediaTimeoutMs: number;
  /** A side of a talking call that should send, and has not for so long, is silent; 0: nobody listens for it. */
  readonly silentAfterMs: number;
  /** The CDR is published as `unfinished` when the recorder has not reported by then. */
  readonly recordingDeadlineMs: number;
  /** What passes in INFO and MESSAGE; left out: nothing. */
  readonly allowedContent?: AllowedContent;
}

const NO_CONTENT: AllowedContent = { info: [], message: [] };
/** After the dialogs were lost, how long both sides may be silent before the call is taken for over. */
const LOST_SIGNALLING_SILENCE_MS = 10_000;

export interface CallPorts {
  readonly admission: AdmissionPort;
  readonly routes: RoutePort;
  readonly ledger: Ledger;
  readonly media: MediaPort;
  readonly recorder: RecordingPort | null;
  readonly dialler: DialPort;
  readonly books: CallBooks;
  /** The other calls. */
  readonly channels: ChannelUsers;
  /** Left out where no call is ever transferred. */
  readonly transfers?: TransferOutside;
  /** Left out where nobody looks for streaks. */
  readonly attempts?: AttemptWatch;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Call {
  readonly #ports: CallPorts;
  readonly #settings: CallSettings;
  readonly #log: Logger;
  readonly #runner: CallRunner;
  readonly #caller: CallerSide;
  readonly #onOver: (record: CallRecord) => void;
  readonly #account: Account;
  readonly #incoming: IncomingSide | null;
  readonly #timers: CallTimers;
  readonly #callees: CalleeLegs;
  readonly #reports: CallReports;
  readonly #silence: SilenceWatch;
  readonly #messages: CrossingMessages;
  readonly #trunk: TrunkSide;
  readonly transfers: CallTransfers;
  #media: CallMedia | null = null;
  #callee: Callee | null = null;
  /** The end of the call waits for the journal no longer. */
  #booksOverdue = false;
  #over = false;

  constructor(
    request: CallRequest,
    caller: CallerLeg,
    ports: CallPorts,
    settings: CallSettings,
    calls: OtherCalls,
    onOver: (record: CallRecord) => void,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#onOver = onOver;
    this.#log = ports.log.child({ callId: request.callId, trunk: request.trunk.name });
    this.#runner = new CallRunner(openCall(request, settings.limits, ports.clock.wallMs()), this.#log, {
      now: () => ({ wallMs: ports.clock.wallMs(), monotonicMs: ports.clock.monotonicMs() }),
      onStepped: (before, after) => {
        this.#tellPolicy(before, after);
        for (const end of attemptEnds(before, after)) ports.attempts?.ended(end);
      },
      carryOut: (effects) => this.#carryOut(effects),
    });
    const headers = new HeaderPassage();
    this.#caller = new CallerSide(caller, this.#log, {
      feed: (input) => this.#feed(input),
      media: () => this.#media,
      headers,
      onConnected: () => this.#onConnected(),
      sessionOver: (side) => this.#sessionOver(side),
      onIdentityChanged: () => this.#state.phase === 'talking' && this.#account.keepLive(),
      onAnswered: () => this.#incoming?.account.callerAnswered(),
      onHungUp: (lateMs) => this.#incoming?.account.callerHungUp(lateMs),
      onGone: () => this.#incoming?.account.callerGone(),
      messaged: (message) => this.#messaged('caller', message),
      referred: (referral) => this.transfers.refer('caller', referral),
      outlivesCaller: () => this.transfers.outlives('caller'),
    });
    this.#timers = new CallTimers(ports.clock);
    this.#silence = new SilenceWatch(this.#timers, {
      silenceMs: async () => (await this.#media?.session?.report().catch(() => null))?.lastPacketAgeMs ?? null,
      talkingMs: () => {
        const { phase, callerAnsweredMonotonicMs } = this.#state;
        return phase === 'talking' ? ports.clock.monotonicMs() - (callerAnsweredMonotonicMs ?? 0) : null;
      },
      isHeld: () => this.#media?.isHeld === true,
      end: (reason) => this.end(reason),
    });
    const holder: AccountHolder = {
      state: () => this.#state,
      legs: () => ({ caller: this.#caller.identity, callees: this.#callees.identities() }),
      noteCharge: (attemptId, charge) => this.#runner.noteCharge(attemptId, charge),
      waitsForReports: () => this.#reports.areAwaited && !this.#reports.areOverdue,
      onCommitted: () => this.#overIfDone(),
    };
    this.#incoming =
      request.incoming === undefined
        ? null
        : new IncomingSide({ ...ports, log: this.#log }, settings.journalTimeoutMs, request, request.incoming, {
            ...holder,
            answerProgress: () => this.#caller.answerProgress,
            amend: (change) => this.#runner.amend(change),
            media: () => this.#media,
          });
    this.#account =
      this.#incoming?.account ?? new CallAccount({ ...ports, log: this.#log }, settings.journalTimeoutMs, holder);
    this.#reports = new CallReports({ ...ports, log: this.#log }, settings.recordingDeadlineMs, {
      callId: request.callId,
      withKeyed: (report) => this.#messages.withKeyed(report),
      amend: (change) => this.#runner.amend(change),
      onReady: () => {
        this.#account.writeRecord();
        this.#overIfDone();
      },
    });
    this.#callees = new CalleeLegs(this.#incoming?.dialler ?? ports.dialler, this.#log, {
      feed: (input) => this.#feed(input),
      media: () => this.#media,
      headers,
      isCurrent: (attemptId) => this.#isCurrent(attemptId),
      isLast: (attemptId) => this.#state.attempts.at(-1)?.channel.attemptId === attemptId,
      mayOfferEarly: () => caller.mayOfferEarly === true,
      noteCodecs: (codecs) => this.#runner.amend(codecs),
      sessionOver: (side) => this.#sessionOver(side),
      onIdentityChanged: () => this.#state.phase === 'talking' && this.#account.keepLive(),
      messaged: (message) => this.#messaged('callee', message),
      referred: (referral) => this.transfers.refer('callee', referral),
      outlivesCallee: () => this.transfers.outlives('callee'),
    });
    this.#messages = new CrossingMessages(settings.allowedContent ?? NO_CONTENT, this.#log, {
      isTalking: () => this.#state.phase === 'talking',
      media: () => this.#media,
      send: (side, message, answered) => {
        const attempt = this.#state.attempts.at(-1);
        if (side === 'caller') this.#caller.send(message, answered);
        else this.#callees.send(attempt?.channel.attemptId ?? '', message, answered);
      },
    });
    this.#trunk = (request.incoming === undefined ? callingTrunk : calledTrunk)({
      caller: this.#caller,
      callees: this.#callees,
      attemptId: () => this.#state.attempts.at(-1)?.channel.attemptId ?? '',
      feed: (input) => this.#feed(input),
    });
    const { transfers: outside = null, admission, clock } = ports;
    this.transfers = new CallTransfers(outside && { outside, calls, admission, clock, log: this.#log }, {
      trunk: this.#trunk,
      state: () => this.#state,
      media: () => this.#media,
      ringing: () => this.ringingPhone,
      amend: (change) => this.#runner.amend(change),
      keepLive: () => this.#account.keepLive(),
    });
  }

  get id(): string {
    return this.#state.request.callId;
  }

  get state(): CallState {
    return this.#state;
  }

  /** Whether this is the dialog of its trunk. */
  isDialogOf(dialog: DialogName): boolean {
    const { identity } = this.#trunk;
    return identity !== null && isNamed(identity, dialog);
  }

  /** Of a call from a mobile, while a phone of the trunk is called for it. */
  get ringingPhone(): RingingPhone | null {
    const attemptId = this.#state.attempts.at(-1)?.channel.attemptId;
    if (this.#incoming === null || attemptId === undefined || !this.#isCurrent(attemptId)) return null;
    return {
      attemptId,
      isNamed: (dialog) => this.#callees.hasEarlyDialog(attemptId, dialog),
      pickUp: (leg) => this.#callees.pickUp(attemptId, leg),
    };
  }

  /** Admits or refuses the call and, from then on, lets it run. */
  start(refused: 'draining' | 'shutdown' | null): void {
    this.#caller.listen();
    if (this.#state.phase !== 'admitting') return;
    if (refused !== 'shutdown') this.#admit(refused);
    else this.#feed({ type: 'call:refused', reason: refused, limit: null });
  }

  /** `refused`: for all but emergency calls. */
  #admit(refused: 'draining' | null): void {
    const admitted = admitRequest(this.#state.request, { ...this.#ports, log: this.#log }, this.#settings, refused);
    const { callee } = admitted;
    this.#callee = callee;
    if (callee !== null) this.#runner.amend({ callee: callee.e164, numberClass: callee.numberClass });
    if (admitted.ok) {
      this.#media = admitted.media;
      admitted.media.onCodecsChanged(() => this.#onCodecsChanged());
      admitted.media.onReoffer((side, sdp, answered) => this.#reoffer(side, sdp, answered));
      this.#feed({ type: 'call:admitted', emergency: callee?.numberClass === 'emergency' });
    } else this.#feed({ type: 'call:refused', reason: admitted.reason, limit: admitted.limit });
  }

  #onConnected(): void {
    if (this.#state.phase !== 'talking') return;
    this.#account.keepLive();
    const { noMediaTimeoutMs, silentAfterMs } = this.#settings;
    this.#media?.session?.watchSilence(silentAfterMs > 0 ? silentAfterMs : null);
    if (noMediaTimeoutMs > 0) this.#silence.begin(noMediaTimeoutMs, 'no-media', false);
  }

  /** Ends the call from outside: an operator, a shutdown, a dead relay. */
  end(reason: EndReason): void {
    this.#feed({ type: 'call:end-wanted', reason });
  }

  /** The peer of a leg has not refreshed its session (RFC 4028 §10), or has no such dialog. Nothing ends an emergency call. */
  #sessionOver(leg: Side): void {
    this.#log.warn({ leg, ...(this.#state.emergency && { alarm: 'emergency' }) }, 'session was not refreshed');
    if (!this.#state.emergency) this.end('session-expired');
  }

  /** The ledger holds nothing for an attempt any more, and another node may have its channel. Nothing ends an emergency call. */
  loseReservation(attemptId: string): void {
    const attempt = currentAttempt(this.#state);
    const isHeldBy = this.#incoming?.account.reservationId ?? attempt?.channel.attemptId;
    if (isHeldBy === attemptId && !this.#state.emergency) this.end('ledger-away');
  }

  /** A call from a mobile has come in on a channel: whether this call has it, and gives it up. */
  yieldChannel(channelId: string): ChannelUse | null {
    if (this.#incoming !== null) return this.#incoming.useOf(channelId);
    const holding = holdingOf(this.#state, channelId);
    if (holding === null) return null;
    if (holding.use === 'yielded') {
      this.#log.info({ channelId }, 'crossed by a call from a mobile');
      this.#feed({ type: 'attempt:crossed', attemptId: holding.attemptId });
    }
    return holding.use;
  }

  /** The dialogs are gone: the call goes on while media flows, and is watched by media alone (semantics.md). */
  loseSignalling(): void {
    if (this.#state.phase === 'talking') this.#silence.begin(LOST_SIGNALLING_SILENCE_MS, 'signalling-lost', true);
    else this.end('signalling-lost');
  }

  /** A trunk's load is counted by policy until the ledger knows of the call, and as long as the caller has it. */
  #tellPolicy(before: CallState, after: CallState): void {
    if (after.attempts.length > before.attempts.length) this.#ports.admission.placed(this.id);
    if (after.record.endReason === null || before.record.endReason !== null) return;
    this.#ports.admission.ended(this.id);
    this.transfers.end();
  }

  #carryOut(effects: readonly CallEffect[]): void {
    // The record commits with the step of the ledger that ends the call: one transaction (semantics.md, "The journal").
    const record = effects.find((effect) => effect.type === 'write-record');
    const booking = effects.find((effect) => effect.type === 'settle' || effect.type === 'release');
    if (effects.some((effect) => effect.type === 'close-media')) this.#reports.close(this.#media?.session ?? null);
    if (record?.complete) this.#account.completeRecord();
    for (const effect of effects) {
      try {
        if (effect === booking) this.#account.book(booking, record !== undefined);
        else if (effect !== record) this.#perform(effect);
        else if (booking === undefined) this.#account.writeRecord();
      } catch (error) {
        this.#log.error({ err: error, effect: effect.type }, 'effect failed');
      }
    }
  }

  #perform(effect: CallEffect): void {
    switch (effect.type) {
      case 'select-channel':
        void this.#select(effect);
        return;
      case 'send-invite':
        this.#dial(effect.attemptId);
        return;
      case 'cancel-invite':
        this.#callees.cancel(effect.attemptId, effect.reason);
        return;
      case 'end-leg':
        this.#callees.hangUp(effect.attemptId, effect.reason);
        return;
      case 'report-attempt':
        // A PBX is no channel.
        if (this.#incoming !== null) return;
        if (effect.report.coolDown !== undefined) {
          this.#log.warn({ channelId: effect.channelId, ...effect.report.coolDown }, 'left alone for what it answered');
        }
        this.#ports.routes.attemptReported(effect.channelId, effect.report);
        return;
      case 'forget-media':
        this.#media?.forgetCallee();
        return;
      case 'ring-caller':
        this.#caller.ring(effect.status);
        return;
      case 'progress-caller':
        this.#caller.progress(effect.status);
        return;
      case 'connect-caller':
        this.#caller.connect();
        return;
      case 'refuse-caller':
        if (this.#state.emergency) {
          this.#log.error({ alarm: 'emergency', reason: effect.reason }, 'emergency call was not connected');
        }
        this.#caller.refuse(effect.reason, effect.answer);
        return;
      case 'end-caller':
        this.#caller.hangUp(effect.reason);
        return;
      case 'warn-caller':
        // Who is in the trunk is warned, whichever side that is.
        this.#media?.warn(this.#incoming === null ? 'caller' : 'callee');
        return;
      case 'start-recording':
        this.#startRecording();
        return;
      case 'confirm':
        void this.#confirm(effect.attemptId);
        return;
      case 'renew':
        void this.#renew(effect.attemptId);
        return;
      case 'charge-further':
        void this.#chargeFurther(effect.attemptId, effect.furtherAnswers);
        return;
      case 'vacate':
        this.#account.vacate(effect.attemptId);
        return;
      case 'settle':
      case 'release':
        this.#account.book(effect, false);
        return;
      case 'arm':
        this.#arm(effect.timer, effect.attemptId, effect.delayMs);
        return;
      case 'disarm':
        this.#timers.cancel(timerName(effect.timer, effect.attemptId));
        return;
      case 'close-media':
      case 'write-record':
      case 'done':
        this.#overIfDone();
        return;
    }
  }

  // ---- the way to an answer ------------------------------------------------------------------------------------------

  async #select({ excludeChannels, excludeGateways, avoidGateways }: SelectEffect): Promise<void> {
    const { request } = this.#state;
    if (this.#callee === null || this.#media === null) return;
    const attemptId = randomUUID();
    try {
      const selecting = this.#incoming?.select(attemptId, this.#media);
      const selection = await (selecting ??
        selectChannel(this.#ports, {
          request,
          callee: this.#callee,
          media: this.#media,
          attemptId,
          excludeChannels,
          excludeGateways,
          avoidGateways,
          wallMs: this.#ports.clock.wallMs(),
          alongside: (channel) => {
            const { record } = openAttempt(channel, this.#ports.clock.wallMs());
            return this.#ports.books.keepLive(this.#account.liveCallWith(record));
          },
        }));
      this.#watchMedia();
      if (selection.ok) {
        this.#feed({ type: 'channel:reserved', channel: selection.channel, decision: selection.decision });
      } else {
        const { reason, decision, limit } = selection;
        this.#feed({ type: 'channel:none', reason, decision, limit });
      }
    } catch (error) {
      this.#log.error({ alarm: 'defect', err: error }, 'channel could not be selected');
      this.#watchMedia();
      this.#feed({ type: 'channel:none', reason: 'internal-error', decision: null, limit: null });
    }
  }

  #dial(attemptId: string): void {
    const channel = this.#runner.attempt(attemptId)?.channel;
    if (channel === undefined) return;
    const { request, attempts } = this.#state;
    this.#log.info({ channelId: channel.channelId, callee: this.#callee?.e164, attempt: attempts.length }, 'dialling');
    this.#callees.dial(channel, request);
    // Its reservation was made before it was known where the call goes.
    if (this.#incoming !== null) this.#account.keepLive();
  }

  async #confirm(attemptId: string): Promise<void> {
    const grant = await this.#account.confirm(attemptId);
    this.#feed({ type: 'attempt:confirmed', attemptId, grant });
  }

  async #renew(attemptId: string): Promise<void> {
    const grant = await this.#account.renew(attemptId, this.#settings.limits.sliceSeconds);
    this.#feed({ type: 'attempt:renewed', attemptId, grant });
  }

  async #chargeFurther(attemptId: string, furtherAnswers: number): Promise<void> {
    const grant = await this.#account.chargeFurther(attemptId, furtherAnswers, this.#settings.limits.sliceSeconds);
    this.#feed({ type: 'attempt:charged-further', attemptId, grant });
  }

  /** From the first session on, the record waits for the relay's report. */
  #watchMedia(): void {
    const session = this.#media?.session ?? null;
    if (!this.#reports.expect(session)) return;
    session.onLost(() => this.end('media-lost'));
    const notes = new MediaNotes(this.#log);
    session.onEvent((event) => {
      notes.note(event);
      if (event.type === 'dtmf') this.#messages.heard(event);
    });
  }

  #reoffer(side: Side, sdp: string, answered: (answer: ReofferAnswer) => void): void {
    const attempt = this.#state.attempts.at(-1);
    if (this.#state.phase !== 'talking' || attempt === undefined) answered({ status: 481, sdp: null });
    else if (side === 'caller') this.#caller.reoffer(sdp, answered);
    else this.#callees.reoffer(attempt.channel.attemptId, sdp, answered);
  }

  /** A peer has changed its codecs in mid-call: the record and the recorder follow. */
  #onCodecsChanged(): void {
    if (this.#media === null) return;
    this.#runner.amend(this.#media.codecsInUse);
    this.#reports.setCodecs(this.#media.recordedCodecs());
  }

  #startRecording(): void {
    if (!this.#settings.recording.enabled || this.#media === null) return;
    this.#reports.startRecording(this.#media, () => {
      // Nothing ends an emergency call.
      if (this.#settings.recording.onLoss === 'end' && !this.#state.emergency) this.end('recording-unavailable');
    });
  }

  // ---- small things --------------------------------------------------------------------------------------------------

  get #state(): CallState {
    return this.#runner.state;
  }

  #feed(input: CallInput): void {
    this.#runner.feed(input);
  }

  #messaged(from: Side, message: PeerMessage): void {
    if (message.method !== 'NOTIFY') this.#messages.take(from, message);
    else if (from === this.#trunk.side || !this.transfers.notified(message)) message.answer(405);
  }

  #isCurrent(attemptId: string): boolean {
    return this.#state.phase === 'dialling' && this.#state.attempts.at(-1)?.channel.attemptId === attemptId;
  }

  #arm(timer: CallTimer, attemptId: string | null, delayMs: number): void {
    this.#timers.set(timerName(timer, attemptId), delayMs, () => this.#feed({ type: 'timer:fired', timer, attemptId }));
  }

  #overIfDone(): void {
    if (this.#over || this.#state.phase !== 'over' || this.#reports.areAwaited) return;
    if (this.#account.isBusy && !this.#booksOverdue) {
      if (!this.#timers.has('books'))
        this.#timers.set('books', this.#settings.journalTimeoutMs, () => this.#giveUpBooks());
      return;
    }
    this.#over = true;
    this.#timers.cancelAll();
    this.#onOver(recordOf(this.#state));
  }

  #giveUpBooks(): void {
    this.#booksOverdue = true;
    this.#overIfDone();
  }
}

type SelectEffect = Extract<CallEffect, { type: 'select-channel' }>;

function timerName(timer: CallTimer, attemptId: string | null): string {
  return attemptId === null ? timer : `${timer}:${attemptId}`;
}
