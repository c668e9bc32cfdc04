// What tells of SIMs, from the config: a poller for each gateway with a web server to ask, one listener for the GoIP lines of a
// network's port, and the states that both keep for routing. A reload replaces what has changed and leaves the rest alone.
import { isIP } from 'node:net';
import type { Config } from '../config/config.js';
import { type HeardSimStatus, type PolledSimStatus, pathFor } from '../config/resolve-sim-status.js';
import type { Clock } from '../lib/clock.js';
import { groupBy } from '../lib/group-by.js';
import type { Logger } from '../lib/logger.js';
import type { SimState } from '../routing/indexed-channel.js';
import { type GoipCounters, type GoipLine, type GoipListener, openGoipListener } from '../sim-state/goip-listener.js';
import type { GoipTold } from '../sim-state/goip-packet.js';
import { requestJson } from '../sim-state/request-json.js';
import { SimStates, type WatchedChannel } from '../sim-state/sim-states.js';
import { type PollerStatus, StatusPoller } from '../sim-state/status-poller.js';
import type { Prepared } from './reload.js';

export interface SimStateCounters {
  readonly polls: number;
  readonly failures: number;
  readonly goip: GoipCounters;
}

/** What a SIM's state comes from, its passwords included. */
type SimStateSettings = Pick<Config, 'networks' | 'gateways' | 'channels' | 'sims' | 'simStatus' | 'credentials'>;

/** What a GoIP line tells of text messages: true when it is kept. */
export type TakeTold = (channelId: string, told: GoipTold) => Promise<boolean>;

interface Parts {
  readonly routes: { simState(channelId: string, state: SimState | null): void };
  readonly clock: Clock;
  readonly log: Logger;
}

export class SimStateSide {
  readonly states: SimStates;
  readonly #parts: Parts;
  readonly #pollers = new Map<string, { readonly settings: string; readonly poller: StatusPoller }>();
  readonly #listeners = new Map<string, GoipListener>();
  #takeTold: TakeTold | null = null;

  constructor(config: SimStateSettings, parts: Parts) {
    this.#parts = parts;
    const { clock, log, routes } = parts;
    this.states = new SimStates(watchedChannels(config), {
      clock,
      log,
      onChange: (channelId, state) => routes.simState(channelId, state),
    });
  }

  /** Begins to ask and to listen. @throws SimtrunkError LISTENER_UNAVAILABLE */
  async start(config: SimStateSettings): Promise<void> {
    const ready = await this.prepare(config);
    ready.take();
  }

  /** Binds new places before anything changes. @throws SimtrunkError LISTENER_UNAVAILABLE */
  async prepare(next: SimStateSettings): Promise<Required<Prepared>> {
    const wanted = listeningPlaces(next);
    const opened = await this.#open(wanted);
    return {
      take: () => {
        this.#listen(wanted, opened);
        this.states.reconfigure(watchedChannels(next));
        this.#poll(next);
      },
      discard: () => {
        for (const listener of opened.values()) this.#close(listener);
      },
    };
  }

  /** Before, and with null, nothing that lines tell of text messages is taken: they say it again. */
  takeToldBy(take: TakeTold | null): void {
    this.#takeTold = take;
  }

  statuses(): readonly PollerStatus[] {
    return [...this.#pollers.values()].map(({ poller }) => poller.status);
  }

  get counters(): SimStateCounters {
    const polls = this.statuses();
    const goip = { keepalives: 0, told: 0, others: 0, unanswered: 0, malformed: 0, refused: 0 };
    for (const { counters } of this.#listeners.values()) {
      for (const key of Object.keys(goip) as (keyof typeof goip)[]) goip[key] += counters[key];
    }
    return {
      polls: polls.reduce((sum, one) => sum + one.polls, 0),
      failures: polls.reduce((sum, one) => sum + one.failures, 0),
      goip,
    };
  }

  async close(): Promise<void> {
    this.states.close();
    await Promise.all([
      ...[...this.#pollers.values()].map(({ poller }) => poller.close()),
      ...[...this.#listeners.values()].map((listener) => listener.close()),
    ]);
    this.#pollers.clear();
    this.#listeners.clear();
  }

  async #open(wanted: ReadonlyMap<string, ListeningPlace>): Promise<ReadonlyMap<string, GoipListener>> {
    const opened = new Map<string, GoipListener>();
    try {
      for (const [key, { address, port, lines }] of wanted) {
        if (this.#listeners.has(key)) continue;
        const parts = {
          log: this.#parts.log,
          onReport: this.states.reported.bind(this.states),
          onTold: async (channelId: string, told: GoipTold) => (await this.#takeTold?.(channelId, told)) ?? false,
        };
        opened.set(key, await openGoipListener({ address, port }, lines, parts));
      }
      return opened;
    } catch (error) {
      await Promise.all([...opened.values()].map((listener) => listener.close()));
      throw error;
    }
  }

  #listen(wanted: ReadonlyMap<string, ListeningPlace>, opened: ReadonlyMap<string, GoipListener>): void {
    for (const [key, listener] of this.#listeners) {
      const place = wanted.get(key);
      if (place !== undefined) listener.reconfigure(place.lines);
      else {
        this.#listeners.delete(key);
        this.#close(listener);
      }
    }
    for (const [key, listener] of opened) this.#listeners.set(key, listener);
  }

  #poll({ simStatus, credentials }: SimStateSettings): void {
    const polled = simStatus.filter((one): one is PolledSimStatus => one.kind === 'http');
    const wanted = new Map(
      polled.map((one) => {
        const account = credentials.simStatus.get(one.gateway);
        return [one.gateway, { one, account, settings: JSON.stringify([one, account]) }];
      }),
    );
    for (const [gateway, { settings, poller }] of this.#pollers) {
      if (wanted.get(gateway)?.settings === settings) continue;
      this.#pollers.delete(gateway);
      this.#close(poller);
    }
    for (const [gateway, { one, account, settings }] of wanted) {
      if (this.#pollers.has(gateway)) continue;
      const poller = this.#pollerOf(one, account);
      this.#pollers.set(gateway, { settings, poller });
      poller.start();
    }
  }

  /** Nobody waits for what a reload has put out of use. */
  #close(part: { close(): Promise<void> }): void {
    part.close().catch((err: unknown) => this.#parts.log.warn({ err }, 'what told of SIMs could not be closed'));
  }

  #pollerOf(
    polled: PolledSimStatus,
    account: { readonly username: string; readonly password: string } | undefined,
  ): StatusPoller {
    const { clock, log } = this.#parts;
    const { template, url, verifyServer, timeoutMs, maxBytes } = polled;
    const question = {
      ...{ url: new URL(pathFor(template.path, account), url), method: template.method ?? 'GET', body: template.body },
      ...{ account, verifyServer, timeoutMs, maxBytes },
    };
    return new StatusPoller(polled, {
      clock,
      log,
      ask: (signal) => requestJson(question, signal),
      onReport: this.states.reported.bind(this.states),
    });
  }
}

function watchedChannels({ simStatus, channels, sims }: SimStateSettings): readonly WatchedChannel[] {
  const iccids = new Map(sims.map(({ simId, iccid }) => [simId, iccid]));
  const simOf = new Map(channels.map(({ channelId, simId }) => [channelId, simId]));
  const told = simStatus.flatMap(({ channels: named, maxAgeMs, weakSignalBelow }) =>
    named.map(({ channelId }): [string, WatchedChannel] => {
      const iccid = iccids.get(simOf.get(channelId) ?? '');
      return [channelId, { channelId, iccid, maxAgeMs, weakSignalBelow }];
    }),
  );
  const byChannel = new Map(told);
  // The registrar tells of channels that no status port tells of.
  return channels.map(
    ({ channelId }) => byChannel.get(channelId) ?? { channelId, iccid: undefined, maxAgeMs: 0, weakSignalBelow: null },
  );
}

interface ListeningPlace {
  readonly address: string;
  readonly port: number;
  readonly lines: readonly GoipLine[];
}

function listeningPlaces({ simStatus, networks, gateways, credentials }: SimStateSettings) {
  const heard = simStatus.filter((one): one is HeardSimStatus => one.kind === 'goip');
  const hosts = new Map(gateways.map(({ name, host }) => [name, host]));
  const places = groupBy(heard, ({ network, port }) => `${network} ${port}`);
  return new Map(
    [...places].map(([key, told]): [string, ListeningPlace] => {
      const lines = told.flatMap(({ gateway, channels }) => {
        const host = hosts.get(gateway) ?? '';
        const address = isIP(host) === 0 ? undefined : host;
        const password = credentials.simStatus.get(gateway)?.password ?? '';
        return channels.flatMap(({ channelId, names }) => names.map((id) => ({ id, password, channelId, address })));
      });
      const [first] = told;
      const bind = networks.find(({ name }) => name === first?.network)?.bind ?? '127.0.0.1';
      return [`${key} ${bind}`, { address: bind, port: first?.port ?? 0, lines }];
    }),
  );
}
