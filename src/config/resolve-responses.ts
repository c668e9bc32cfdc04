// The config's rules on final responses as calls ask them.
import type { ResponseRule } from '../call/response-meaning.js';
import { listOf, type ResponseRuleKeys } from './response-schema.js';

export function resolveResponses(rules: readonly ResponseRuleKeys[]): readonly ResponseRule[] {
  return rules.map(({ status, cause, means, coolDownSeconds }) => ({
    statuses: listOf(status),
    causes: listOf(cause),
    means,
    coolDownMs: Math.round(coolDownSeconds * 1_000),
  }));
}
