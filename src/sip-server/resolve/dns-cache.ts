// Remembers answers of the DNS for their time to live, and asks once for all who wait for the same answer.
import type { Clock } from '../../lib/clock.js';
import { type Answer, type DnsClient, type NaptrRecord, NEGATIVE_TTL_SECONDS, type SrvRecord } from './dns-client.js';

const REMEMBERED_ANSWERS = 1_000;
const LONGEST_TTL_SECONDS = 3_600;

interface Entry {
  readonly answer: Promise<Answer<unknown>>;
  /** Infinite while the question is open. */
  untilMs: number;
}

export class DnsCache implements DnsClient {
  readonly #client: DnsClient;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();

  constructor(client: DnsClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  naptr(name: string): Promise<Answer<NaptrRecord>> {
    return this.#remembered(`naptr ${name}`, () => this.#client.naptr(name));
  }

  srv(name: string): Promise<Answer<SrvRecord>> {
    return this.#remembered(`srv ${name}`, () => this.#client.srv(name));
  }

  addresses(name: string): Promise<Answer<string>> {
    return this.#remembered(`addresses ${name}`, () => this.#client.addresses(name));
  }

  #remembered<T>(key: string, ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.untilMs > this.#clock.monotonicMs()) return known.answer as Promise<Answer<T>>;
    const answer = ask().catch(() => ({ records: [], ttlSeconds: NEGATIVE_TTL_SECONDS }));
    const entry: Entry = { answer, untilMs: Number.POSITIVE_INFINITY };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > REMEMBERED_ANSWERS) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    void answer.then(({ records, ttlSeconds }) => {
      const longest = records.length === 0 ? NEGATIVE_TTL_SECONDS : LONGEST_TTL_SECONDS;
      entry.untilMs = this.#clock.monotonicMs() + Math.min(ttlSeconds, longest) * 1_000;
    });
    return answer;
  }
}
