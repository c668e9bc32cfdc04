// Our own registrations at gateways and carriers that want one: each is refreshed before it ends, tried again after growing
// pauses while it fails, and taken back at the end. RFC 3261 §10.2. What is sent is said here, how is the sender's.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { readContacts } from './read-contacts.js';

export interface RegistrationSettings {
  readonly name: string;
  /** Asked for; the registrar may give less. */
  readonly expiresSeconds: number;
}

/** The final response to a REGISTER; its headers as they came. */
export interface RegistrarResponse {
  readonly status: number;
  readonly contact: string | undefined;
  readonly expires: string | undefined;
  readonly minExpires: string | undefined;
  readonly retryAfter: string | undefined;
  /** The Contact that we sent. */
  readonly sentContact: string | undefined;
}

export interface RegisterSender {
  /** Resolves with null when the registrar did not answer. */
  register(name: string, expiresSeconds: number): Promise<RegistrarResponse | null>;
}

export interface RegistrationState {
  readonly name: string;
  readonly state: 'registering' | 'registered' | 'failed';
  /** Of the last answer; null for none. */
  readonly status: number | null;
  /** Until when it holds; null while it does not. */
  readonly expiresAtMs: number | null;
}

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;
/** Refreshed when so much of it has passed, and so long before its end at the latest. */
const REFRESH_AT = 0.8;
const LEAST_REFRESH_MS = 5_000;
const LAST_WORDS_MS = 1_000;
/** RFC 3261 §10.2.8: more than this nobody may ask of us. */
const MAX_EXPIRES_SECONDS = 86_400;

export class Registrations {
  #entries: readonly Registration[];
  readonly #sender: RegisterSender;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(settings: readonly RegistrationSettings[], sender: RegisterSender, clock: Clock, log: Logger) {
    this.#sender = sender;
    this.#clock = clock;
    this.#log = log;
    this.#entries = settings.map((entry) => new Registration(entry, sender, clock, log));
  }

  start(): void {
    for (const entry of this.#entries) entry.start();
  }

  /**
   * Those of `changed` begin anew; others that are in both go on. What is not wanted any more is taken back in this tick, as
   * the sender knows it until then; its answer is not waited for long before the new ones begin.
   */
  async reconfigure(settings: readonly RegistrationSettings[], changed: ReadonlySet<string>): Promise<void> {
    const wanted = new Set(settings.map(({ name }) => name));
    const kept = this.#entries.filter(({ name }) => wanted.has(name) && !changed.has(name));
    const ended = this.#entries.filter((entry) => !kept.includes(entry));
    const known = new Map(kept.map((entry) => [entry.name, entry]));
    const begun: Registration[] = [];
    this.#entries = settings.map((entry) => {
      const same = known.get(entry.name);
      if (same !== undefined) return same;
      const anew = new Registration(entry, this.#sender, this.#clock, this.#log);
      begun.push(anew);
      return anew;
    });
    await this.#takenBack(ended);
    for (const entry of begun) entry.start();
  }

  states(): readonly RegistrationState[] {
    return this.#entries.map((entry) => entry.state);
  }

  /** Takes back what is registered; waits for the answers, but not for long. */
  async close(): Promise<void> {
    await this.#takenBack(this.#entries);
  }

  async #takenBack(entries: readonly Registration[]): Promise<void> {
    const ended = Promise.all(entries.map((entry) => entry.close()));
    let timer: ClockTimer | undefined;
    const impatience = new Promise<void>((resolve) => {
      timer = this.#clock.after(LAST_WORDS_MS, resolve);
    });
    await Promise.race([ended, impatience]);
    timer?.cancel();
  }
}

class Registration {
  readonly #settings: RegistrationSettings;
  readonly #sender: RegisterSender;
  readonly #clock: Clock;
  readonly #log: Logger;
  #state: RegistrationState;
  #timer: ClockTimer | undefined;
  #expiresSeconds: number;
  #failures = 0;
  #isClosed = false;

  constructor(settings: RegistrationSettings, sender: RegisterSender, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#sender = sender;
    this.#clock = clock;
    this.#log = log;
    this.#expiresSeconds = settings.expiresSeconds;
    this.#state = { name: settings.name, state: 'registering', status: null, expiresAtMs: null };
  }

  get name(): string {
    return this.#settings.name;
  }

  get state(): RegistrationState {
    const { expiresAtMs } = this.#state;
    const isOver = expiresAtMs !== null && expiresAtMs <= this.#clock.wallMs();
    return isOver ? { ...this.#state, state: 'failed', expiresAtMs: null } : this.#state;
  }

  start(): void {
    void this.#register();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    if (this.state.expiresAtMs !== null) await this.#sender.register(this.#settings.name, 0);
  }

  async #register(): Promise<void> {
    const response = await this.#sender.register(this.#settings.name, this.#expiresSeconds);
    if (this.#isClosed) return;
    if (response !== null && response.status >= 200 && response.status < 300) {
      this.#onRegistered(response);
      return;
    }
    // RFC 3261 §10.2.8: what it wants at least is asked for at once, but only when it is more than what was asked.
    const least = response?.status === 423 ? Number(response.minExpires) : Number.NaN;
    if (least > this.#expiresSeconds && least <= MAX_EXPIRES_SECONDS) {
      this.#expiresSeconds = least;
      void this.#register();
      return;
    }
    this.#onFailed(response);
  }

  #onRegistered(response: RegistrarResponse): void {
    const { name } = this.#settings;
    const grantedMs = grantedSeconds(response, this.#expiresSeconds) * 1_000;
    if (this.#state.state === 'failed') this.#log.warn({ registration: name }, 'registered again');
    else if (this.#state.state === 'registering') this.#log.info({ registration: name }, 'registered');
    this.#failures = 0;
    const expiresAtMs = this.#clock.wallMs() + grantedMs;
    this.#state = { name, state: 'registered', status: response.status, expiresAtMs };
    this.#after(Math.max(LEAST_REFRESH_MS, grantedMs * REFRESH_AT));
  }

  #onFailed(response: RegistrarResponse | null): void {
    const { name } = this.#settings;
    const status = response?.status ?? null;
    // One failed refresh of a registration that still holds is seen by the next; the alarm is told once.
    if (this.#state.state !== 'failed') {
      this.#log.error({ alarm: 'registration', registration: name, status }, 'cannot register; it is tried again');
    }
    this.#state = { ...this.state, state: 'failed', status };
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    const askedMs = Number(/^\s*(\d{1,6})/.exec(response?.retryAfter ?? '')?.[1] ?? 0) * 1_000;
    this.#after(Math.max(pauseMs, Math.min(askedMs, LONGEST_PAUSE_MS)));
  }

  #after(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => void this.#register());
  }
}

/** Of the Contact that is ours, else of the Expires header, else what was asked for (RFC 3261 §10.2.4). */
function grantedSeconds({ contact, sentContact, expires }: RegistrarResponse, askedSeconds: number): number {
  const [ours] = contactsOf(sentContact);
  const listed = contactsOf(contact);
  const mine = listed.find(({ uri }) => uri === ours?.uri) ?? (listed.length === 1 ? listed[0] : undefined);
  const granted = mine?.expiresSeconds ?? (/^\s*\d{1,9}\s*$/.test(expires ?? '') ? Number(expires) : askedSeconds);
  return Math.min(granted, MAX_EXPIRES_SECONDS);
}

function contactsOf(text: string | undefined): Exclude<ReturnType<typeof readContacts>, '*' | null> {
  const contacts = readContacts(text);
  return contacts === null || contacts === '*' ? [] : contacts;
}
