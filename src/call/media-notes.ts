// What happens in a call's media while it lives, as its log tells it: one-way media and none, digits without their values, what
// was played. The record has the sums.
import type { Logger } from '../lib/logger.js';
import type { MediaEvent } from './ports.js';
import type { Side } from './reports.js';

export class MediaNotes {
  readonly #log: Logger;
  readonly #silent = new Set<Side>();

  constructor(log: Logger) {
    this.#log = log;
  }

  note(event: MediaEvent): void {
    switch (event.type) {
      case 'silent': {
        this.#silent.add(event.side);
        const message = this.#silent.size === 2 ? 'no media' : 'one-way media';
        this.#log.warn({ side: event.side, silentMs: event.silentMs }, message);
        return;
      }
      case 'heard':
        this.#silent.delete(event.side);
        this.#log.info({ side: event.side }, 'media again');
        return;
      case 'dtmf':
        // Which digit it was may be part of a card number.
        this.#log.debug({ side: event.side, durationMs: event.durationMs }, 'digit');
        return;
      case 'played':
        this.#log.debug({ playId: event.playId, end: event.end }, 'played');
    }
  }
}
