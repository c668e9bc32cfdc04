// Headers that the allow lists let through from one side of a call to the other: which ones is the adapter's business, with
// which message they go is the call's. Each kind of message has its own, and an attempt never says those of another.

export type PassedHeaders = Readonly<Record<string, string>>;

export const NO_HEADERS: PassedHeaders = Object.freeze({});

/** Messages of a gateway that have a counterpart towards the caller. */
export type ToldByCallee = 'provisional' | 'answer' | 'failure' | 'bye';

export class HeaderPassage {
  readonly #toCaller: Record<ToldByCallee, PassedHeaders> = {
    provisional: NO_HEADERS,
    answer: NO_HEADERS,
    failure: NO_HEADERS,
    bye: NO_HEADERS,
  };
  /** Of the caller's BYE. */
  callersBye: PassedHeaders = NO_HEADERS;

  /** A new attempt has said nothing yet. */
  beginAttempt(): void {
    for (const kind of ['provisional', 'answer', 'failure', 'bye'] as const) this.#toCaller[kind] = NO_HEADERS;
  }

  noteCallee(kind: ToldByCallee, headers: PassedHeaders): void {
    this.#toCaller[kind] = headers;
  }

  toCaller(kind: ToldByCallee): PassedHeaders {
    return this.#toCaller[kind];
  }
}
