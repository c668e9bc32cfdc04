// Which rtpengine gets the next session: of those that answer and are not drained the one with the fewest for its weight.

import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { Engine, type EngineHealthSettings, type EngineReport, type EngineSettings } from './engine.js';

export class EnginePool {
  readonly #engines: readonly Engine[];

  constructor(engines: readonly EngineSettings[], health: EngineHealthSettings, clock: Clock, log: Logger) {
    this.#engines = engines.map((settings) => new Engine(settings, health, clock, log));
  }

  /** Resolves when each engine has answered its first ping, or has not. */
  async probed(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.probed));
  }

  /** Null when there is none but those in `tried`. */
  choose(tried: ReadonlySet<Engine>): Engine | null {
    let best: Engine | null = null;
    for (const engine of this.#engines) {
      if (!engine.isUp || engine.isDraining || tried.has(engine)) continue;
      if (best === null || loadOf(engine) < loadOf(best)) best = engine;
    }
    return best;
  }

  get hasUsable(): boolean {
    return this.choose(new Set()) !== null;
  }

  /** Resolves when every engine that answers has deleted what it was asked to. */
  async deleted(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.deleted()));
  }

  /** False when there is no such engine. */
  drain(url: string, isDraining: boolean): boolean {
    const engine = this.#engines.find(({ settings }) => settings.url === url);
    engine?.drain(isDraining);
    return engine !== undefined;
  }

  reports(): EngineReport[] {
    return this.#engines.map((engine) => engine.report());
  }

  close(): void {
    for (const engine of this.#engines) engine.close();
  }
}

/** What it would carry with one session more. */
function loadOf(engine: Engine): number {
  return (engine.sessions + 1) / engine.settings.weight;
}
