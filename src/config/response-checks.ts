// Rules on final responses, each against those before it: what could never decide, or asks for what there is not.
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { listOf, type ResponseRuleKeys } from './response-schema.js';
import type { SoundParts } from './sound-parts.js';

export function findResponseProblems(parts: SoundParts): ConfigProblem[] {
  return parts
    .entries('gateways')
    .flatMap(({ path, value: { responses = [] } }) =>
      responses.flatMap((rule, index) => ruleProblems([...path, 'responses', index], rule, responses.slice(0, index))),
    );
}

function ruleProblems(path: ConfigPath, rule: ResponseRuleKeys, before: readonly ResponseRuleKeys[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (rule.means === 'callee' && rule.coolDownSeconds > 0) {
    const message = 'must be left out with means: callee; nothing of the gateway has failed';
    problems.push({ path: [...path, 'coolDownSeconds'], message });
  }
  const covering = before.findIndex((earlier) => covers(earlier, rule));
  if (covering >= 0)
    problems.push({ path, message: `never decides: responses[${covering}] fits whatever this one fits` });
  return problems;
}

function covers(wide: ResponseRuleKeys, narrow: ResponseRuleKeys): boolean {
  return holdsAll(listOf(wide.status), listOf(narrow.status)) && holdsAll(listOf(wide.cause), listOf(narrow.cause));
}

/** An empty list is any value. */
function holdsAll(wide: readonly number[], narrow: readonly number[]): boolean {
  return wide.length === 0 || (narrow.length > 0 && narrow.every((value) => wide.includes(value)));
}
