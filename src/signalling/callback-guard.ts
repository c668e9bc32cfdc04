// drachtio-srf calls listeners straight from its socket reader: one that throws would end the process.
import type { Logger } from '../lib/logger.js';

/** Wraps a listener so that whatever it throws is logged and goes no further. */
export function guarded<A extends unknown[]>(
  log: Logger,
  what: string,
  listener: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      log.error({ err: error, handler: what }, 'signalling handler failed');
    }
  };
}
