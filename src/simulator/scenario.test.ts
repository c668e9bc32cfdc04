import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadScenario, parseScenario } from './scenario.js';

const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'config', 'examples');

const SOUND = [
  'title: A week',
  'period: { from: 2026-12-07, to: 2026-12-11 }',
  'agents: { count: 2, callsPerDay: 10, talk: { kind: fixed, seconds: 60 } }',
  'plans: [ { name: office, commercialUse: allowed } ]',
  'sims: [ { plan: office, count: 2 } ]',
].join('\n');

async function problemsOf(text: string): Promise<string[]> {
  try {
    await parseScenario(text, 'week.yaml');
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    assert.equal(code, 'CONFIG_INVALID', message);
    return message.split('\n').slice(1);
  }
  return [];
}

/** The sound scenario with some of its lines replaced, or further ones. */
function withLines(...lines: string[]): string {
  const keys = lines.map((line) => line.split(':')[0]);
  return [...SOUND.split('\n').filter((line) => !keys.includes(line.split(':')[0])), ...lines].join('\n');
}

async function assertOneProblem(text: string, ...parts: string[]): Promise<void> {
  const problems = await problemsOf(text);
  assert.equal(problems.length, 1, problems.join('\n'));
  for (const part of parts) assert.ok(problems[0]?.includes(part), `${problems[0]} should have: ${part}`);
}

describe('loadScenario', () => {
  it('loads every scenario that is shipped', async () => {
    const files = readdirSync(EXAMPLES, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^title:/m.test(readFileSync(join(EXAMPLES, entry.name), 'utf8')))
      .map(({ name }) => name);
    assert.ok(files.includes('consumer-plan-month.yaml'));
    for (const file of files) assert.ok((await loadScenario(join(EXAMPLES, file))).sims.length > 0, file);
  });

  it('fills in what is left out: office hours in Seoul, one seed, commercial traffic that keeps to the terms', async () => {
    const scenario = await parseScenario(SOUND, 'week.yaml');
    assert.deepEqual(scenario.calendar, {
      timeZone: 'Asia/Seoul',
      weekdays: [1, 2, 3, 4, 5],
      hours: [
        { fromMinute: 540, toMinute: 720 },
        { fromMinute: 780, toMinute: 1_080 },
      ],
      holidays: [],
    });
    const { seed, traffic, ignoreTerms, agents, gateways, meteredPlan } = scenario;
    assert.deepEqual([seed, traffic, ignoreTerms, gateways, meteredPlan], [1, 'commercial', false, null, null]);
    assert.deepEqual([agents?.answerRate, agents?.repeatedCallees, agents?.numberClasses], [1, 0, { mobile: 1 }]);
  });

  it('takes the seed that it is given', async () => {
    assert.equal((await parseScenario(SOUND, 'week.yaml', { seed: 7 })).seed, 7);
  });

  it('reads plans from plan files beside it, and knows their names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-scenario-'));
    try {
      writeFileSync(join(folder, 'plans.yaml'), 'plans: [ { name: shared, commercialUse: allowed } ]\n');
      const text = withLines('planFiles: [ plans.yaml ]', 'sims: [ { plan: shared, count: 1 } ]');
      const scenario = await parseScenario(text, join(folder, 'week.yaml'));
      assert.deepEqual(
        scenario.plans.map(({ name }) => name),
        ['shared', 'office'],
      );
      const twice = withLines('planFiles: [ plans.yaml, plans.yaml ]');
      await assert.rejects(parseScenario(twice, join(folder, 'week.yaml')), { message: /planFiles.*"shared"/ });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('lists all problems with line, path and what is allowed', async () => {
    const text = withLines('seeds: 3', 'traffic: private', 'sims: [ { plan: ofice, count: 0 } ]');
    const problems = await problemsOf(text);
    assert.equal(problems.length, 3, problems.join('\n'));
    assert.match(problems[0] ?? '', /^ {2}week\.yaml:5:1 {2}seeds: unknown key; did you mean "seed"\?/);
    assert.match(
      problems[1] ?? '',
      /^ {2}week\.yaml:6:10 {2}traffic: is "private"; must be one of "commercial", "personal"/,
    );
    assert.match(problems[2] ?? '', /^ {2}week\.yaml:7:31 {2}sims\[0\]\.count: is 0; must be at least 1/);
  });

  it('knows which plans there are', async () => {
    await assertOneProblem(withLines('sims: [ { plan: ofice, count: 1 } ]'), 'sims[0].plan', 'did you mean "office"?');
    await assertOneProblem(withLines('meteredPlan: metered'), 'meteredPlan', 'no such plan: "metered"; known: office');
    await assertOneProblem(withLines('compare: { plans: [ x ] }'), 'compare.plans[0]', 'no such plan');
  });

  it('tells numbers from whole numbers', async () => {
    const agents = (text: string) => withLines(`agents: { talk: { kind: fixed, seconds: 60 }, ${text} }`);
    await assertOneProblem(agents('count: 1, callsPerDay: many'), 'agents.callsPerDay: is "many"; must be a number');
    await assertOneProblem(agents('count: some, callsPerDay: 1'), 'agents.count: is "some"; must be a whole number');
    assert.deepEqual(await problemsOf(agents('count: 1, callsPerDay: 45.5')), []);
  });

  it('wants either agents or records, and a period for agents', async () => {
    await assertOneProblem(withLines('recorded: { files: [ cdr ] }'), 'recorded: stands beside agents');
    await assertOneProblem(SOUND.replace(/^agents.*\n/m, ''), 'the file must have agents');
    await assertOneProblem(SOUND.replace(/^period.*\n/m, ''), 'period: is missing');
  });

  it('refuses dates that do not exist, and a period that ends before it begins', async () => {
    await assertOneProblem(withLines('period: { from: 2026-02-30, to: 2026-03-01 }'), 'period.from', 'must be a date');
    await assertOneProblem(
      withLines('period: { from: 2026-03-02, to: 2026-03-01 }'),
      'period.to',
      'must not be before',
    );
    await assertOneProblem(withLines('period: { from: 2026-03-02, to: 2046-03-01 }'), 'period.to', 'at most 3660');
  });

  it('refuses hours that overlap or end before they begin', async () => {
    const hours = (text: string) => withLines(`calendar: { hours: [ ${text} ] }`);
    await assertOneProblem(hours('{ from: "12:00", to: "09:00" }'), 'calendar.hours[0].to', 'later than from');
    await assertOneProblem(
      hours('{ from: "09:00", to: "12:00" }, { from: "11:00", to: "13:00" }'),
      'calendar.hours[1].from',
    );
    await assertOneProblem(hours('{ from: "9", to: "12:00" }'), 'calendar.hours[0].from', 'hour of the day');
  });

  it('refuses distributions that make no sense, naming what is allowed', async () => {
    const talk = (text: string) => withLines(`agents: { count: 1, callsPerDay: 1, talk: { ${text} } }`);
    await assertOneProblem(talk('kind: uniform, fromSeconds: 9, toSeconds: 3'), 'agents.talk.toSeconds');
    await assertOneProblem(talk('kind: lognormal, medianSeconds: 60, p90Seconds: 30'), 'agents.talk.p90Seconds');
    await assertOneProblem(talk('kind: normal'), 'agents.talk.kind', '"lognormal"');
    await assertOneProblem(
      withLines(
        'agents: { count: 1, callsPerDay: 1, talk: { kind: fixed, seconds: 1 }, numberClasses: { mobile: 0 } }',
      ),
      'agents.numberClasses',
    );
  });

  it('refuses more SIMs than its gateways have channels', async () => {
    await assertOneProblem(withLines('gateways: [ { name: gw1, channels: 1 } ]'), 'gateways', 'too few for 2 SIMs');
    await assertOneProblem(
      withLines('gateways: [ { name: gw1, channels: 1 }, { name: gw1, channels: 1 } ]'),
      'gateways[1].name',
    );
  });

  it('refuses a metered plan of another currency than the plans that are compared with it', async () => {
    const dollars = '{ name: metered, commercialUse: allowed, currency: USD, rates: { mobile: { perStep: "0.06" } } }';
    const plans = `plans: [ { name: office, commercialUse: allowed }, ${dollars} ]`;
    await assertOneProblem(
      withLines(plans, 'meteredPlan: metered'),
      'meteredPlan: charges in USD, but "office" in KRW',
      'week.yaml:',
    );
  });

  it('says which file cannot be read', async () => {
    await assert.rejects(loadScenario('/nonexistent/month.yaml'), {
      code: 'CONFIG_UNREADABLE',
      message: /^Cannot read the scenario \/nonexistent\/month\.yaml: /,
    });
    await assert.rejects(parseScenario(withLines('planFiles: [ nowhere.yaml ]'), '/tmp/week.yaml'), {
      code: 'CONFIG_UNREADABLE',
      message: /^Cannot read the plan file nowhere\.yaml: /,
    });
  });
});
