// The health of all channels: attempts are reported to it, and time passes in it. It tells what has changed.
// Time here is elapsed time, which no jump of the wall clock moves back.
import { Agenda } from './agenda.js';
import { type AttemptReport, ChannelHealth, type ChannelHealthSettings, HEALTH_STEP_MS } from './channel-health.js';

/** Channels fade in turn, at most so many at once, so that no decision waits for all of them. */
const FADE_TOGETHER = 16;
const MIN_SLOTS = 50;

export class HealthBook {
  readonly #settings: ChannelHealthSettings;
  /** By the channel's number. */
  readonly #known = new Map<number, ChannelHealth>();
  /** Ends of cool-downs. */
  readonly #cooled: Agenda;
  /** Numbers of known channels, by the slot in which they fade. */
  readonly #fading: readonly Set<number>[];
  readonly #slotMs: number;
  /** Slots that have passed since the beginning. */
  #slots = 0;
  readonly #onChanged: (channel: number, health: ChannelHealth | null) => void;

  /** For the channels 0…count-1; null is told of a channel that nothing is known of any more. */
  constructor(
    settings: ChannelHealthSettings,
    count: number,
    onChanged: (channel: number, health: ChannelHealth | null) => void,
  ) {
    this.#settings = settings;
    this.#cooled = new Agenda(count);
    const slots = Math.max(MIN_SLOTS, Math.ceil(count / FADE_TOGETHER));
    this.#fading = Array.from({ length: slots }, () => new Set<number>());
    this.#slotMs = HEALTH_STEP_MS / slots;
    this.#onChanged = onChanged;
  }

  /** When `turnTo` has something to do next. */
  get nextMs(): number {
    const fadesMs = this.#known.size === 0 ? Number.POSITIVE_INFINITY : (this.#slots + 1) * this.#slotMs;
    return Math.min(fadesMs, this.#cooled.next);
  }

  report(channel: number, report: AttemptReport, elapsedMs: number): void {
    let health = this.#known.get(channel);
    if (health === undefined) {
      if (this.#known.size === 0) this.#slots = Math.floor(elapsedMs / this.#slotMs);
      health = new ChannelHealth(this.#settings);
      this.#known.set(channel, health);
      this.#fading[channel % this.#fading.length]?.add(channel);
    }
    const hasChanged = health.report(report, elapsedMs);
    if (health.isAway) this.#cooled.set(channel, health.coolsUntilMs);
    if (hasChanged) this.#onChanged(channel, health);
  }

  excuse(channel: number, elapsedMs: number): void {
    const health = this.#known.get(channel);
    if (health?.excuse(elapsedMs)) this.#onChanged(channel, health);
  }

  /** Goes on with what another book knows, its channels under other numbers; those without one are forgotten. */
  inherit(before: HealthBook, numberOf: (before: number) => number | undefined, elapsedMs: number): void {
    this.#slots = Math.floor(elapsedMs / this.#slotMs);
    for (const [number, health] of before.#known) {
      const channel = numberOf(number);
      if (channel === undefined) continue;
      this.#known.set(channel, health);
      this.#fading[channel % this.#fading.length]?.add(channel);
      if (health.isAway) this.#cooled.set(channel, health.coolsUntilMs);
      this.#onChanged(channel, health);
    }
  }

  /** Ends cool-downs, and lets fade what is due. */
  turnTo(elapsedMs: number): void {
    for (let due = this.#cooled.takeDue(elapsedMs); due >= 0; due = this.#cooled.takeDue(elapsedMs)) {
      const health = this.#known.get(due);
      if (health === undefined) continue;
      health.cooled();
      this.#onChanged(due, health);
    }
    const slots = Math.floor(elapsedMs / this.#slotMs);
    const passed = slots - this.#slots;
    const round = this.#fading.length;
    for (let slot = 1; slot <= Math.min(passed, round); slot++) {
      // After a pause longer than a round, a slot has missed several.
      this.#fade((this.#slots + slot) % round, 1 + Math.floor((passed - slot) / round));
    }
    this.#slots = slots;
  }

  #fade(slot: number, steps: number): void {
    const channels = this.#fading[slot];
    for (const channel of channels ?? []) {
      const health = this.#known.get(channel);
      if (health === undefined) continue;
      const changed = health.fade(steps);
      if (health.isForgotten) {
        this.#known.delete(channel);
        channels?.delete(channel);
        this.#onChanged(channel, null);
      } else if (changed) this.#onChanged(channel, health);
    }
  }
}
