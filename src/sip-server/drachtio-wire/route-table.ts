// Which applications want new requests of which method, and whose turn it is.
import type { AppConnection } from './app-connection.js';

interface VerbRoutes {
  readonly apps: AppConnection[];
  turn: number;
}

export class RouteTable {
  readonly #verbs = new Map<string, VerbRoutes>();

  /**
   * An application that registers again is listed once: drachtio-srf repeats all its routes with each new one.
   * Deviation: drachtio-server lists it again, and so gives it more than its share.
   */
  add(verb: string, app: AppConnection): void {
    let routes = this.#verbs.get(verb);
    if (routes === undefined) {
      routes = { apps: [], turn: 0 };
      this.#verbs.set(verb, routes);
    }
    if (!routes.apps.includes(app)) routes.apps.push(app);
  }

  /** Deviation: removes the named verb only, where drachtio-server removes every verb of the connection. */
  remove(verb: string, app: AppConnection): void {
    const routes = this.#verbs.get(verb);
    if (routes === undefined) return;
    removeAll(routes.apps, app);
    if (routes.apps.length === 0) this.#verbs.delete(verb);
  }

  removeApp(app: AppConnection): void {
    for (const verb of [...this.#verbs.keys()]) this.remove(verb, app);
  }

  /** What a peer may send, for an Allow header; an application need not ask for the last three. */
  get methods(): string[] {
    const wanted = [...this.#verbs.keys()].filter((verb) => !verb.includes(':')).map((verb) => verb.toUpperCase());
    return [...new Set([...wanted, 'ACK', 'BYE', 'CANCEL'])];
  }

  /**
   * The next application for a new request of this method, round robin; one that does not keep up is passed over.
   * @param verb lower case
   * @param tag asks for an application that calls itself so
   */
  pick(verb: string, tag?: string): AppConnection | undefined {
    const routes = this.#verbs.get(verb);
    if (routes === undefined) return undefined;
    const { apps } = routes;
    for (let tried = 0; tried < apps.length; tried++) {
      const app = apps[routes.turn % apps.length];
      routes.turn = (routes.turn + 1) % apps.length;
      if (app !== undefined && !app.isBusy && (tag === undefined || app.tags.has(tag))) return app;
    }
    return undefined;
  }
}

function removeAll(apps: AppConnection[], app: AppConnection): void {
  for (let index = apps.length - 1; index >= 0; index--) if (apps[index] === app) apps.splice(index, 1);
}
