// The live calls of this process: makes them, counts them, ends them all when the service stops.
import { Call, type CallPorts, type CallSettings } from './call.js';
import type { CallRecord } from './call-record.js';
import type { CallRequest } from './call-request.js';
import type { EndReason } from './end-reason.js';
import type { ChannelUse, ChannelUsers } from './incoming-selection.js';
import type { CallerLeg } from './ports.js';
import type { DialogName } from './ports-dialog.js';
import type { JoinableCall, OtherCalls } from './ports-transfer.js';

export interface CallCounters {
  readonly offered: number;
  readonly answered: number;
  readonly ended: Readonly<Partial<Record<EndReason, number>>>;
}

export class CallRegistry implements ChannelUsers, OtherCalls {
  readonly #ports: CallPorts;
  #settings: CallSettings;
  readonly #calls = new Map<string, Call>();
  readonly #ended: Partial<Record<EndReason, number>> = {};
  readonly #idle = new Set<() => void>();
  readonly #awaited = new Set<{ readonly calls: Set<string>; readonly resolve: () => void }>();
  #onOver: (record: CallRecord) => void = () => {};
  #offered = 0;
  #answered = 0;
  #refusal: 'draining' | 'shutdown' | null = null;

  constructor(ports: Omit<CallPorts, 'channels'>, settings: CallSettings) {
    this.#ports = { ...ports, channels: this };
    this.#settings = settings;
  }

  /** Calls that begin from now on go by these; those that there are keep theirs. */
  reconfigure(settings: CallSettings): void {
    this.#settings = settings;
  }

  get isAccepting(): boolean {
    return this.#refusal === null;
  }

  get size(): number {
    return this.#calls.size;
  }

  get counters(): CallCounters {
    return { offered: this.#offered, answered: this.#answered, ended: { ...this.#ended } };
  }

  calls(): readonly Call[] {
    return [...this.#calls.values()];
  }

  /** Told once for each call, when nothing of it is left. */
  onOver(listener: (record: CallRecord) => void): void {
    this.#onOver = listener;
  }

  open(request: CallRequest, caller: CallerLeg): void {
    this.#offered++;
    const call = new Call(request, caller, this.#ports, this.#settings, this, (record) => this.#close(record));
    this.#calls.set(request.callId, call);
    call.start(this.#refusal);
  }

  callOf(trunk: string, dialog: DialogName): JoinableCall | undefined {
    for (const call of this.#calls.values()) {
      if (call.state.request.trunk.name === trunk && call.isDialogOf(dialog)) return call.transfers;
    }
    return undefined;
  }

  /** An INVITE that is to take the place of a caller (RFC 3891); 481 when there is none such. */
  replace(dialog: DialogName, request: CallRequest, caller: CallerLeg): void {
    const call = this.callOf(request.trunk.name, dialog);
    const refusal = unfitFor(request);
    if (refusal !== null) caller.refuse(refusal, undefined);
    else if (call === undefined) this.#pickUp(dialog, request, caller);
    // RFC 3891 §3: it has answered.
    else if (dialog.isEarlyOnly) caller.refuse(486, undefined);
    else call.succeed(caller, request);
  }

  /** RFC 3891 §3: of dialogs before their answer only those that we began can be replaced. */
  #pickUp(dialog: DialogName, request: CallRequest, caller: CallerLeg): void {
    for (const call of this.#calls.values()) {
      const phone = call.state.request.trunk.name === request.trunk.name ? call.ringingPhone : null;
      if (phone?.isNamed(dialog) !== true) continue;
      call.transfers.pickUp(phone.attemptId, caller, request);
      return;
    }
    caller.refuse(481, undefined);
  }

  /** Ends the calls of reservations that the ledger has lost. */
  loseReservations(reservationIds: readonly string[]): void {
    for (const call of this.calls()) for (const id of reservationIds) call.loseReservation(id);
  }

  yieldChannel(channelId: string): ChannelUse | null {
    for (const call of this.#calls.values()) {
      const use = call.yieldChannel(channelId);
      if (use !== null) return use;
    }
    return null;
  }

  endAll(reason: EndReason): void {
    for (const call of this.calls()) call.end(reason);
  }

  /** Why new calls are refused: for `draining` all but emergency calls are, for good once it is `shutdown`. */
  get refusal(): 'draining' | 'shutdown' | null {
    return this.#refusal;
  }

  refuse(reason: 'draining' | 'shutdown' | null): void {
    if (this.#refusal !== 'shutdown') this.#refusal = reason;
  }

  /** Resolves when the last call is over. */
  whenIdle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }

  /** Resolves when the calls that are live now are over, whatever begins meanwhile. */
  whenTheseAreOver(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#awaited.add({ calls: new Set(this.#calls.keys()), resolve }));
  }

  #close(record: CallRecord): void {
    this.#calls.delete(record.callId);
    for (const awaited of this.#awaited) {
      awaited.calls.delete(record.callId);
      if (awaited.calls.size > 0) continue;
      this.#awaited.delete(awaited);
      awaited.resolve();
    }
    if (record.answeredAtMs !== null) this.#answered++;
    if (record.endReason !== null) this.#ended[record.endReason] = (this.#ended[record.endReason] ?? 0) + 1;
    this.#onOver(record);
    if (this.#calls.size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}

/** As of any INVITE (call-admission.ts): null when nothing is wrong with its form. */
function unfitFor({ hasContact, looped, maxForwards }: CallRequest): number | null {
  if (!hasContact) return 400;
  if (looped) return 482;
  return maxForwards !== null && maxForwards <= 0 ? 483 : null;
}
