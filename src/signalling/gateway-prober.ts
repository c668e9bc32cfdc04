// Probes gateways with OPTIONS at their interval and tells the result; what it means is routing's to say.
import type { Clock, ClockTimer } from '../lib/clock.js';
import { isSameValue } from '../lib/same-value.js';

export interface ProbedGateway {
  readonly name: string;
  readonly uri: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Answers that say that it takes no calls. */
  readonly downCodes: readonly number[];
}

/** What the gateway itself answered shows that it is alive, except by its `downCodes`: some answer OPTIONS with 404 or 405. */
export type ProbeResult = 'responded' | 'silent';

/** The final status that a probe got from the gateway itself; null for none in time. */
export type ProbeStatus = number | null;

export interface OptionsSender {
  /** Final status of the peer, null for none. */
  probe(uri: string, gateway: string): Promise<number | null>;
}

export class GatewayProber {
  readonly #sender: OptionsSender;
  readonly #clock: Clock;
  readonly #onResult: (gateway: string, result: ProbeResult, status: ProbeStatus) => void;
  readonly #watched = new Map<string, ProbedGateway>();
  readonly #timers = new Map<string, ClockTimer>();
  #closed = false;

  constructor(
    sender: OptionsSender,
    clock: Clock,
    onResult: (gateway: string, result: ProbeResult, status: ProbeStatus) => void,
  ) {
    this.#sender = sender;
    this.#clock = clock;
    this.#onResult = onResult;
  }

  /** Probes at once, then at the interval, counted from the end of a probe. */
  watch(gateway: ProbedGateway): void {
    this.#watched.set(gateway.name, gateway);
    void this.#probe(gateway);
  }

  /** Probes these from now on; one that says the same goes on at its interval. */
  reconfigure(gateways: readonly ProbedGateway[]): void {
    const wanted = new Map(gateways.map((gateway) => [gateway.name, gateway]));
    for (const [name, known] of this.#watched) {
      if (isSameValue(known, wanted.get(name))) {
        wanted.delete(name);
        continue;
      }
      this.#watched.delete(name);
      this.#timers.get(name)?.cancel();
      this.#timers.delete(name);
    }
    for (const gateway of wanted.values()) this.watch(gateway);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  async #probe(gateway: ProbedGateway): Promise<void> {
    const timeout = new Promise<null>((resolve) => {
      this.#timers.set(
        gateway.name,
        this.#clock.after(gateway.timeoutMs, () => resolve(null)),
      );
    });
    const status = await Promise.race([this.#sender.probe(gateway.uri, gateway.name), timeout]);
    if (this.#closed || this.#watched.get(gateway.name) !== gateway) return;
    this.#timers.get(gateway.name)?.cancel();
    const isSilent = status === null || gateway.downCodes.includes(status);
    this.#onResult(gateway.name, isSilent ? 'silent' : 'responded', status);
    this.#timers.set(
      gateway.name,
      this.#clock.after(gateway.intervalMs, () => void this.#probe(gateway)),
    );
  }
}
