// Where each line is: one contact for each, until it expires. RFC 3261 §10.3. Pure: time is given, nothing is kept elsewhere.
// Deviation: a line is one port of one gateway, so a new contact takes the place of the old one instead of joining it.
import type { ReadContact } from './read-contacts.js';

export interface Binding {
  readonly line: string;
  readonly contact: string;
  /** Where its REGISTER came from, as a SIP URI. */
  readonly source: string;
  readonly callId: string;
  readonly cseq: number;
  readonly expiresWallMs: number;
}

export interface ExpiryLimits {
  /** A shorter one is refused with 423 (RFC 3261 §10.3, step 7). */
  readonly minExpiresSeconds: number;
  /** A longer one is cut to it. */
  readonly maxExpiresSeconds: number;
}

export interface Registration {
  readonly contacts: '*' | readonly ReadContact[];
  /** Of the Expires header; null without it, or when it cannot be read. */
  readonly expiresSeconds: number | null;
  readonly source: string;
  readonly callId: string;
  readonly cseq: number;
}

export type RegistrationOutcome =
  | { readonly status: 200; readonly binding: Binding | null; readonly isChanged: boolean }
  /** `*` with anything but an Expires of 0. */
  | { readonly status: 400 }
  | { readonly status: 423; readonly minExpiresSeconds: number }
  /** It is older than what is known of the line (RFC 3261 §10.3, step 7). */
  | { readonly status: 500 };

export class LocationTable {
  readonly #bindings = new Map<string, Binding>();

  /** One of an earlier process. */
  restore(binding: Binding): void {
    this.#bindings.set(binding.line, binding);
  }

  at(line: string, wallMs: number): Binding | null {
    const binding = this.#bindings.get(line);
    return binding !== undefined && binding.expiresWallMs > wallMs ? binding : null;
  }

  /** True when something was known of it. */
  forget(line: string): boolean {
    return this.#bindings.delete(line);
  }

  /** Takes out what has expired. */
  expire(wallMs: number): readonly Binding[] {
    const expired = [...this.#bindings.values()].filter(({ expiresWallMs }) => expiresWallMs <= wallMs);
    for (const { line } of expired) this.#bindings.delete(line);
    return expired;
  }

  live(wallMs: number): readonly Binding[] {
    return [...this.#bindings.values()].filter(({ expiresWallMs }) => expiresWallMs > wallMs);
  }

  register(line: string, request: Registration, limits: ExpiryLimits, wallMs: number): RegistrationOutcome {
    const before = this.at(line, wallMs);
    const { contacts } = request;
    if (contacts === '*' && request.expiresSeconds !== 0) return { status: 400 };
    // Without a Contact it asks what is known.
    if (contacts.length === 0) return { status: 200, binding: before, isChanged: false };
    if (before !== null && before.callId === request.callId && request.cseq <= before.cseq) return { status: 500 };
    if (contacts === '*') return this.#remove(line, before);

    const asked = contacts.map((contact) => ({
      contact,
      seconds: contact.expiresSeconds ?? request.expiresSeconds ?? limits.maxExpiresSeconds,
    }));
    if (asked.some(({ seconds }) => seconds > 0 && seconds < limits.minExpiresSeconds)) {
      return { status: 423, minExpiresSeconds: limits.minExpiresSeconds };
    }
    // Of several the one that the line likes best, the first of equals.
    const kept = asked
      .filter(({ seconds }) => seconds > 0)
      .sort((a, b) => b.contact.preference - a.contact.preference)[0];
    if (kept === undefined) {
      // Contacts that are taken back; another than ours leaves ours as it is.
      const isOurs = asked.some(({ contact }) => contact.uri === before?.contact);
      return isOurs ? this.#remove(line, before) : { status: 200, binding: before, isChanged: false };
    }
    const binding: Binding = {
      line,
      contact: kept.contact.uri,
      source: request.source,
      callId: request.callId,
      cseq: request.cseq,
      expiresWallMs: wallMs + Math.min(kept.seconds, limits.maxExpiresSeconds) * 1_000,
    };
    this.#bindings.set(line, binding);
    return { status: 200, binding, isChanged: true };
  }

  #remove(line: string, before: Binding | null): RegistrationOutcome {
    this.#bindings.delete(line);
    return { status: 200, binding: null, isChanged: before !== null };
  }
}
