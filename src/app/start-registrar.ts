// The registrar of gateways' lines, from the config, joined to routing: a line that is not registered gets no calls.
import type { Config } from '../config/config.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { type Line, openRegistrar, type Registrar } from '../registrar/registrar.js';
import type { LinePlaces } from '../signalling/signalling-settings.js';

export interface LineSide {
  readonly registrar: Registrar;
  readonly places: LinePlaces;
  /** Other gateways, channels and credentials hold from now on; routing has them already. */
  reconfigure(next: Config): void;
}

/** What a config says of gateways whose lines register. */
interface LinePlan {
  readonly config: Config;
  readonly registering: ReadonlyMap<string, { readonly registers: Line['limits']; readonly nat: 'auto' | 'off' }>;
  readonly lines: readonly Line[];
  /** The line by which a channel's gateway is reached. */
  lineOf(gateway: string, channelId: string): string;
}

export async function startRegistrar(
  config: Config,
  parts: {
    readonly journal: Journal;
    readonly simStates: { lineRegistered(channelId: string, isRegistered: boolean): void };
    readonly clock: Clock;
    readonly log: Logger;
  },
): Promise<LineSide> {
  let plan = planLines(config);
  const registrar = await openRegistrar({
    lines: plan.lines,
    digest: config.credentials.settings,
    journal: parts.journal,
    clock: parts.clock,
    log: parts.log,
    onChange(line, isRegistered) {
      for (const { gateway, channelId } of plan.config.channels) {
        if (!plan.registering.has(gateway) || plan.lineOf(gateway, channelId) !== line) continue;
        parts.simStates.lineRegistered(channelId, isRegistered);
      }
    },
  });
  const places: LinePlaces = {
    get isThere() {
      return plan.registering.size > 0;
    },
    answer: (request) => registrar.answer(request),
    isSource: (source) => registrar.isSource(source),
    lineAt(source) {
      const [line, ...others] = registrar.linesAt(source);
      if (line === undefined) return undefined;
      // A channel's line is named as the channel; a whole gateway's, as the gateway.
      const [gateway = '', port] = line.split('/');
      return { gateway, channelId: port === undefined || others.length > 0 ? null : line };
    },
    placeOf(gateway, channelId) {
      const terms = plan.registering.get(gateway);
      if (terms === undefined) return 'configured';
      const binding = registrar.locate(plan.lineOf(gateway, channelId));
      if (binding === null) return 'nowhere';
      return { contact: binding.contact, nextHop: terms.nat === 'off' ? undefined : binding.source };
    },
  };
  return {
    registrar,
    places,
    reconfigure(next) {
      const before = plan;
      plan = planLines(next);
      // Where lines need not register any more, that they have not says nothing.
      for (const { gateway, channelId } of next.channels) {
        if (before.registering.has(gateway) && !plan.registering.has(gateway)) {
          parts.simStates.lineRegistered(channelId, true);
        }
      }
      registrar.reconfigure({ lines: plan.lines, digest: next.credentials.settings });
    },
  };
}

function planLines(config: Config): LinePlan {
  const { credentials } = config;
  const registering = new Map(
    config.gateways.flatMap(({ name, registers, nat }) => (registers ? [[name, { registers, nat }]] : [])),
  );
  const lineOf = (gateway: string, channelId: string) => (credentials.channels.has(channelId) ? channelId : gateway);
  const lines: Line[] = [...registering].flatMap(([name, { registers: limits }]) => {
    const channels = config.channels.filter(({ gateway }) => gateway === name).map(({ channelId }) => channelId);
    const ids = new Set(channels.map((channelId) => lineOf(name, channelId)));
    return [...ids].flatMap((line) => {
      const account = credentials.channels.get(line) ?? credentials.gateways.get(line);
      return account === undefined ? [] : [{ line, account, limits }];
    });
  });
  return { config, registering, lines, lineOf };
}
