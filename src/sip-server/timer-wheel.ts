// One timer of the runtime for all timers of the server: a wheel of slots, each a linked list of what is due then.
// Setting and cancelling cost a few pointer writes; most SIP timers are cancelled.
import type { Clock, ClockTimer } from '../lib/clock.js';

const TICK_MS = 5;
const SLOTS = 8192;
/** So late it was us who stood still: what has come meanwhile is read before anybody is found to be silent. */
const STOOD_STILL_MS = 50;

/** What a timer's end is told to: `name` says which of the owner's timers it was. */
export interface TimerOwner {
  onTimer(name: string): void;
}

export class WheelTimer {
  /** @internal */ owner: TimerOwner | null;
  /** @internal */ previous: WheelTimer | null = null;
  /** @internal */ next: WheelTimer | null = null;
  readonly name: string;
  /** @internal exact, on the wheel's own scale */ readonly dueMs: number;
  /** @internal */ readonly dueTick: number;
  readonly #wheel: TimerWheel;

  constructor(wheel: TimerWheel, owner: TimerOwner, name: string, dueMs: number, dueTick: number) {
    this.#wheel = wheel;
    this.owner = owner;
    this.name = name;
    this.dueMs = dueMs;
    this.dueTick = dueTick;
  }

  /** Harmless when it has fired. */
  cancel(): void {
    if (this.owner === null) return;
    this.owner = null;
    this.#wheel.remove(this);
  }
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #originMs: number;
  readonly #slots: (WheelTimer | null)[] = Array<WheelTimer | null>(SLOTS).fill(null);
  #pending = 0;
  /** Every timer due up to this tick has fired. */
  #doneTick = 0;
  #armed: ClockTimer | null = null;
  #armedTick = Number.POSITIVE_INFINITY;
  readonly #onError: (error: unknown) => void;
  readonly #afterInput: (run: () => void) => void;

  /**
   * @param onError told what an owner throws; the other timers go on
   * @param afterInput runs something when what waits in the sockets has been read
   */
  constructor(clock: Clock, onError: (error: unknown) => void, afterInput: (run: () => void) => void = (run) => run()) {
    this.#clock = clock;
    this.#originMs = clock.monotonicMs();
    this.#onError = onError;
    this.#afterInput = afterInput;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Calls `owner.onTimer(name)` once, `delayMs` from now, never earlier. */
  after(delayMs: number, owner: TimerOwner, name: string): WheelTimer {
    return this.#at(this.#clock.monotonicMs() - this.#originMs + delayMs, owner, name);
  }

  /** As {@link after}, but counted from when `fired` was due: a row of timers does not drift. */
  next(fired: WheelTimer | null, delayMs: number, owner: TimerOwner, name: string): WheelTimer {
    return fired === null ? this.after(delayMs, owner, name) : this.#at(fired.dueMs + delayMs, owner, name);
  }

  #at(dueMs: number, owner: TimerOwner, name: string): WheelTimer {
    if (this.#pending === 0) {
      const nowTick = Math.floor((this.#clock.monotonicMs() - this.#originMs) / TICK_MS);
      this.#doneTick = Math.max(this.#doneTick, nowTick);
    }
    const dueTick = Math.max(this.#doneTick + 1, Math.ceil(dueMs / TICK_MS));
    const timer = new WheelTimer(this, owner, name, dueMs, dueTick);
    const slot = dueTick % SLOTS;
    const first = this.#slots[slot] ?? null;
    timer.next = first;
    if (first !== null) first.previous = timer;
    this.#slots[slot] = timer;
    this.#pending++;
    if (dueTick < this.#armedTick) this.#arm(dueTick);
    return timer;
  }

  /** Forgets every timer. */
  stop(): void {
    this.#armed?.cancel();
    this.#armed = null;
    this.#armedTick = Number.POSITIVE_INFINITY;
    this.#slots.fill(null);
    this.#pending = 0;
  }

  /** @internal by {@link WheelTimer.cancel} */
  remove(timer: WheelTimer): void {
    if (timer.previous !== null) timer.previous.next = timer.next;
    else if (this.#slots[timer.dueTick % SLOTS] === timer) this.#slots[timer.dueTick % SLOTS] = timer.next;
    else return;
    if (timer.next !== null) timer.next.previous = timer.previous;
    timer.previous = null;
    timer.next = null;
    this.#pending--;
  }

  #arm(tick: number): void {
    this.#armed?.cancel();
    this.#armedTick = tick;
    const delayMs = this.#originMs + tick * TICK_MS - this.#clock.monotonicMs();
    this.#armed = this.#clock.after(Math.max(1, Math.ceil(delayMs)), () => this.#due(tick));
  }

  #due(tick: number): void {
    this.#armed = null;
    this.#armedTick = Number.POSITIVE_INFINITY;
    const lateMs = this.#clock.monotonicMs() - this.#originMs - tick * TICK_MS;
    if (lateMs > STOOD_STILL_MS) this.#afterInput(() => this.#run());
    else this.#run();
  }

  #run(): void {
    const nowTick = Math.floor((this.#clock.monotonicMs() - this.#originMs) / TICK_MS);
    // After a long pause each slot is looked at once, not once a missed turn.
    const from = Math.max(this.#doneTick + 1, nowTick - SLOTS + 1);
    for (let tick = from; tick <= nowTick && this.#pending > 0; tick++) this.#runSlot(tick % SLOTS, nowTick);
    this.#doneTick = Math.max(this.#doneTick, nowTick);
    if (this.#pending > 0) this.#armNext();
  }

  #runSlot(slot: number, nowTick: number): void {
    let timer = this.#slots[slot] ?? null;
    while (timer !== null) {
      const { next, owner } = timer;
      if (timer.dueTick <= nowTick && owner !== null) {
        timer.owner = null;
        this.remove(timer);
        try {
          owner.onTimer(timer.name);
        } catch (error) {
          this.#onError(error);
        }
        // The owner may have cancelled `next`; the list is read anew.
        timer = this.#slots[slot] ?? null;
        continue;
      }
      timer = next;
    }
  }

  #armNext(): void {
    for (let tick = this.#doneTick + 1; tick <= this.#doneTick + SLOTS; tick++) {
      if (this.#slots[tick % SLOTS] !== null) {
        if (tick < this.#armedTick) this.#arm(tick);
        return;
      }
    }
  }
}
