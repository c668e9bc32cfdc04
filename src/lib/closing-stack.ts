// What has been opened, closed in reverse order: at the end of a service, or when its start fails half way.

export interface Closable {
  close(): Promise<void> | void;
}

export class ClosingStack {
  readonly #parts: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];
  readonly #onError: (error: unknown, name: string) => void;
  #closing: Promise<void> | null = null;

  constructor(onError: (error: unknown, name: string) => void) {
    this.#onError = onError;
  }

  /** Takes charge of a part that was opened, and returns it. */
  add<T extends Closable>(name: string, part: T): T {
    this.defer(name, () => part.close());
    return part;
  }

  defer(name: string, close: () => Promise<void> | void): void {
    this.#parts.push({ name, close });
  }

  /** Closes everything, the last first; a part that fails to close holds back no other. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const { name, close } of this.#parts.reverse()) {
      try {
        await close();
      } catch (error) {
        this.#onError(error, name);
      }
    }
  }
}
