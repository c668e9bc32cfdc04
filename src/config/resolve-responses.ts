// The config's rules on final responses as calls ask them: the gateway's own, then its preset's.
import type { ResponseRule } from '../call/response-meaning.js';
import { GATEWAY_PRESETS, type GatewayPreset } from './gateway-presets.js';
import { listOf, type ResponseRuleKeys, responseKeys } from './response-schema.js';

export function resolveResponses(rules: readonly ResponseRuleKeys[], preset?: GatewayPreset): readonly ResponseRule[] {
  const given = preset === undefined ? [] : responseKeys.responses.parse(GATEWAY_PRESETS[preset].responses);
  return [...rules, ...given].map(({ status, cause, means, coolDownSeconds }) => ({
    statuses: listOf(status),
    causes: listOf(cause),
    means,
    coolDownMs: Math.round(coolDownSeconds * 1_000),
  }));
}
