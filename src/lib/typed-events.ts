// A typed emitter: one map of `subject:happened` events to the arguments of their listeners.
// A listener that throws is reported to `onListenerError` and never stops the others.

export type EventMap<T> = { [K in keyof T]: readonly unknown[] };

type Listener<A extends readonly unknown[]> = (...args: A) => void;

export class TypedEmitter<Events extends EventMap<Events>> {
  /** Replaced, never changed: who is being told is not disturbed by listeners that come and go meanwhile. */
  readonly #listeners = new Map<keyof Events, readonly unknown[]>();
  readonly #onListenerError: (error: unknown, event: string) => void;

  constructor(onListenerError: (error: unknown, event: string) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Adds a listener; the returned function removes it. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    const before = this.#listeners.get(event) ?? [];
    if (!before.includes(listener)) this.#listeners.set(event, [...before, listener]);
    return () => {
      const others = (this.#listeners.get(event) ?? []).filter((other) => other !== listener);
      this.#listeners.set(event, others);
    };
  }

  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    const listeners = this.#listeners.get(event) as readonly Listener<Events[K]>[] | undefined;
    if (listeners === undefined) return;
    for (let at = 0; at < listeners.length; at++) {
      try {
        (listeners[at] as Listener<Events[K]>)(...args);
      } catch (error) {
        this.#onListenerError(error, String(event));
      }
    }
  }
}
