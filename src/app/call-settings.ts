// What calls and routing go by, from the config: made anew for each config that is read.
import type { CallSettings } from '../call/call.js';
import type { GatewayTerms } from '../call/call-request.js';
import type { Config, GatewayConfig } from '../config/config.js';
import type { RoutingSetup } from '../routing/routing.js';

export function routingSetup(config: Config): RoutingSetup<GatewayTerms> {
  const { gateways, plans, sims, channels, trunks, routing } = config;
  return {
    gateways: gateways.map((gateway) => ({ ...gateway, terms: gatewayTerms(gateway, config) })),
    ...{ plans, sims, channels, trunks },
    ...routing,
  };
}

function gatewayTerms(gateway: GatewayConfig, { sip }: Config): GatewayTerms {
  const { firstResponseTimeoutMs, progressTimeoutMs } = gateway;
  // An external drachtio-server does not tell of 100 Trying: until it rings, a gateway at work looks like a silent one.
  const tellsTrying = sip.drachtio === undefined;
  return {
    ...gateway,
    signallingAddress: gateway.host,
    firstResponseTimeoutMs: tellsTrying ? firstResponseTimeoutMs : Math.max(firstResponseTimeoutMs, progressTimeoutMs),
  };
}

export function callSettings({ call, media, sip, ledger, recording, cdr }: Config): CallSettings {
  return {
    limits: {
      ...call,
      sliceSeconds: ledger.sliceSeconds,
      // RFC 3261 §17.1.1.2: Timer B, and a second for a server that reports it late.
      abandonTimeoutMs: 64 * sip.t1Ms + 1_000,
    },
    recording,
    maxWaitMs: call.maxWaitMs,
    journalTimeoutMs: ledger.journalTimeoutMs,
    noMediaTimeoutMs: call.noMediaTimeoutMs,
    silentAfterMs: media.silentAfterMs,
    recordingDeadlineMs: cdr.recordingDeadlineMs,
    allowedContent: sip.allowedContent,
  };
}
