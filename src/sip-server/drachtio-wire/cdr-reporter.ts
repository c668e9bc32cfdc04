// Call records as drachtio has them: attempt, start and stop of each leg, with the message that made it so. Each goes to one
// of the applications that registered for its kind, in turn; when there is none it costs a look into a map.
import { wireTime } from './meta.js';
import type { RouteTable } from './route-table.js';

export type CdrSource = 'network' | 'application';
export type CdrRole = 'uac' | 'uas' | 'proxy-uac' | 'proxy-uas';
export type CdrStopReason =
  | 'call-rejected'
  | 'call-canceled'
  | 'normal-release'
  | 'session-expired'
  | 'system-initiated-termination'
  | 'system-error-initiated-termination';

export class CdrReporter {
  readonly #routes: RouteTable;

  constructor(routes: RouteTable) {
    this.#routes = routes;
  }

  /** @param text the INVITE; `network` received it, `application` sent it */
  attempt(source: CdrSource, text: string): void {
    this.#routes.pick('cdr:attempt')?.send(`cdr:attempt|${source}|${wireTime()}\r\n${text}`);
  }

  /** @param text the 2xx to the INVITE */
  start(source: CdrSource, role: CdrRole, text: string): void {
    this.#routes.pick('cdr:start')?.send(`cdr:start|${source}|${wireTime()}|${role}\r\n${text}`);
  }

  /** @param text makes the BYE or the final response, when somebody wants it */
  stop(source: CdrSource, reason: CdrStopReason, text: () => string): void {
    this.#routes.pick('cdr:stop')?.send(`cdr:stop|${source}|${wireTime()}|${reason}\r\n${text()}`);
  }
}
