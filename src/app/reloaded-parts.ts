// How each part takes over a config that was read again, in the order in which they do: what others ask comes first.
import type { CallRegistry } from '../call/call-registry.js';
import type { GatewayTerms } from '../call/call-request.js';
import type { ProbeCalls } from '../call/probe-calls.js';
import type { Config } from '../config/config.js';
import type { DoNotCallLists } from '../do-not-call/open-lists.js';
import type { Logger } from '../lib/logger.js';
import type { Policy } from '../policy/admit-call.js';
import type { Routing } from '../routing/routing.js';
import type { GatewayProber } from '../signalling/gateway-prober.js';
import { callSettings, routingSetup } from './call-settings.js';
import type { Reload, ReloadedPart } from './reload.js';
import type { LedgerSide } from './start-ledger.js';
import type { MessagesSide } from './start-messages.js';
import { probeSettings } from './start-probe-calls.js';
import type { LineSide } from './start-registrar.js';
import type { RunningRegistrations } from './start-registrations.js';
import type { SimStateSide } from './start-sim-state.js';
import type { SipSide } from './start-sip.js';
import type { CounterSide } from './watch-counters.js';
import { probedOf } from './watch-gateways.js';
import type { StreakSide } from './watch-streaks.js';

export interface ReloadedParts {
  readonly ledger: Pick<LedgerSide, 'prepare'>;
  readonly doNotCall: DoNotCallLists;
  readonly admission: Policy;
  readonly routes: Pick<Routing<GatewayTerms>, 'reconfigure'>;
  readonly lines: Pick<LineSide, 'reconfigure'>;
  readonly simState: Pick<SimStateSide, 'prepare'>;
  readonly attempts: Pick<StreakSide, 'reconfigure'>;
  readonly probes: Pick<ProbeCalls, 'reconfigure'>;
  readonly counts: Pick<CounterSide, 'reconfigure'>;
  readonly sip: Pick<SipSide, 'reconfigure' | 'setSources'>;
  readonly registrations: Pick<RunningRegistrations, 'reconfigure'>;
  readonly prober: Pick<GatewayProber, 'reconfigure'>;
  readonly messages: Pick<MessagesSide, 'reconfigure'>;
  readonly registry: Pick<CallRegistry, 'reconfigure' | 'size' | 'whenTheseAreOver'>;
}

export function addReloadedParts(reload: Reload, parts: ReloadedParts, log: Logger): void {
  const { doNotCall, admission, routes, lines, sip, registrations, prober, messages, registry } = parts;
  const atOnce = (take: (next: Config) => void): ReloadedPart => ({ prepare: (next) => ({ take: () => take(next) }) });
  reload.add('ledger', { prepare: (next, before) => parts.ledger.prepare(next, before) });
  reload.add('policy', {
    async prepare(next) {
      const ready = await doNotCall.prepare(next.doNotCall);
      return {
        take() {
          ready.take();
          admission.reconfigure(next.trunkPolicies, ready.lists);
        },
        discard: () => ready.discard(),
      };
    },
  });
  reload.add(
    'routing',
    atOnce((next) => routes.reconfigure(routingSetup(next))),
  );
  reload.add(
    'registrar',
    atOnce((next) => lines.reconfigure(next)),
  );
  reload.add('state of SIMs', parts.simState);
  reload.add(
    'streaks',
    atOnce((next) => {
      parts.attempts.reconfigure(next);
      parts.probes.reconfigure(probeSettings(next));
      parts.counts.reconfigure(next);
    }),
  );
  reload.add(
    'signalling',
    atOnce((next) => sip.reconfigure(next)),
  );
  reload.add(
    'registrations',
    atOnce((next) => registrations.reconfigure(next)),
  );
  reload.add(
    'prober',
    atOnce((next) => prober.reconfigure(probedOf(next.gateways))),
  );
  reload.add(
    'messages',
    atOnce((next) => messages.reconfigure(next)),
  );
  reload.add(
    'calls',
    atOnce((next) => registry.reconfigure(callSettings(next))),
  );
  reload.add('sources', sourcesOf(reload, sip, registry, log));
}

/** A peer that left the config is heard until the calls that lived then are over. */
function sourcesOf(
  reload: Reload,
  sip: Pick<SipSide, 'setSources'>,
  registry: Pick<CallRegistry, 'size' | 'whenTheseAreOver'>,
  log: Logger,
): ReloadedPart {
  const earlier = new Set<Config>();
  const tell = (): void => {
    sip.setSources(reload.config, [...earlier]).catch((err) => {
      log.error({ err, alarm: 'reload' }, 'the SIP server could not be told of its peers');
    });
  };
  return {
    prepare: (_, before) => ({
      take() {
        if (registry.size > 0) {
          earlier.add(before);
          void registry.whenTheseAreOver().then(() => {
            earlier.delete(before);
            log.info({}, 'the last call of an earlier config is over');
            tell();
          });
        }
        tell();
      },
    }),
  };
}
