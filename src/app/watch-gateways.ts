// Joins the prober to routing: OPTIONS to every gateway that is to be probed, its state told when it changes.
import type { GatewayConfig } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { gatewayUri } from '../routing/dial-uri.js';
import type { GatewayHealth } from '../routing/gateway-health.js';
import {
  GatewayProber,
  type OptionsSender,
  type ProbedGateway,
  type ProbeResult,
} from '../signalling/gateway-prober.js';

type State = GatewayHealth['state'];

export function watchGateways(
  gateways: readonly GatewayConfig[],
  sender: OptionsSender,
  routes: { probed(gateway: string, result: ProbeResult): State; gatewayState(gateway: string): State },
  clock: Clock,
  log: Logger,
): GatewayProber {
  const prober = new GatewayProber(sender, clock, (gateway, result, status) => {
    const before = routes.gatewayState(gateway);
    const state = routes.probed(gateway, result);
    if (state === before) return;
    if (state === 'down')
      log.error({ alarm: 'gateway', gateway, status }, 'gateway is down by its probes: no calls to it');
    else log.warn({ gateway, status }, 'gateway is up again by its probes');
  });
  for (const gateway of probedOf(gateways)) prober.watch(gateway);
  return prober;
}

/** Those that are to be probed, and how. */
export function probedOf(gateways: readonly GatewayConfig[]): ProbedGateway[] {
  return gateways.flatMap((gateway) => {
    const { name, probe } = gateway;
    if (!probe) return [];
    const { intervalSeconds, timeoutMs, downCodes } = probe;
    return [{ name, uri: gatewayUri(gateway), intervalMs: intervalSeconds * 1_000, timeoutMs, downCodes }];
  });
}
