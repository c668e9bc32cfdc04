// What plans of other shapes sustain and need, found by running them.
import assert from 'node:assert/strict';
import { simsOfOneAgent, sustainedBy } from './plan-questions.js';
import { parseScenario, type Scenario } from './scenario.js';

const PERIOD = { from: '2026-12-01', to: '2026-12-31' };

async function scenarioWith(plan: string): Promise<Scenario> {
  const text = [
    'title: A month',
    'period: { from: 2026-12-01, to: 2026-12-31 }',
    'calendar: { holidays: [ 2026-12-25 ] }',
    'agents: { count: 1, callsPerDay: 40, talk: { kind: fixed, seconds: 120 } }',
    `plans: [ { name: plan, commercialUse: allowed, ${plan} } ]`,
    'sims: [ { plan: plan, count: 1 } ]',
  ].join('\n');
  return parseScenario(text, 'month.yaml');
}

function allowance(counts: string, limit: number, more = ''): string {
  return `{ id: one, counts: ${counts}, window: { kind: month, resetDay: 1 }, limit: ${limit}, classes: [ mobile ]${more} }`;
}

async function sustained(plan: string) {
  return sustainedBy(await scenarioWith(plan), 'plan', PERIOD);
}

describe('what a plan sustains', () => {
  it('is nothing that a plan without limits could be asked', async () => {
    const { calleesPerDay, minutesPerDay } = await sustained('allowances: []');
    assert.deepEqual([calleesPerDay, minutesPerDay], [null, null]);
  });

  it('ends where the excess would be charged', async () => {
    const charge = ', beyond: { kind: charge, perStep: "1.98" }';
    const { minutesPerDay } = await sustained(`allowances: [ ${allowance('seconds', 132_000, charge)} ]`);
    assert.equal(minutesPerDay, 100);
  });

  it('counts minutes as they are rounded', async () => {
    const rounding = 'rounding: { firstSeconds: 180, thenSeconds: 180 }';
    const { minutesPerDay } = await sustained(`${rounding}, allowances: [ ${allowance('seconds', 39_600)} ]`);
    // Each minute takes three: 660 of them are 220.
    assert.equal(minutesPerDay, 10);
  });

  it('is bounded by the day where the day is the limit', async () => {
    const { calleesPerDay } = await sustained(
      'allowances: [ { id: day, counts: callees, window: { kind: day }, limit: 7, classes: [ mobile ] } ]',
    );
    assert.equal(calleesPerDay, 7);
  });

  it('is unlimited when the hours end before the allowance does', async () => {
    const { minutesPerDay } = await sustained(`allowances: [ ${allowance('seconds', 100_000_000)} ]`);
    assert.equal(minutesPerDay, null);
  });

  it('is bounded by the threshold of a day of which only few may be over it', async () => {
    const over = (counts: string, threshold: number) =>
      allowance('days-over', 3, `, daysOver: { counts: ${counts}, threshold: ${threshold} }`);
    const { calleesPerDay, minutesPerDay } = await sustained(`allowances: [ ${over('callees', 20)} ]`);
    // On three days one more.
    assert.deepEqual([calleesPerDay, minutesPerDay], [(22 * 20 + 3) / 22, null]);
    assert.equal((await sustained(`allowances: [ ${over('seconds', 1_200)} ]`)).minutesPerDay, (22 * 20 + 3) / 22);
  });

  it('is nothing when the limit is nothing', async () => {
    const { calleesPerDay } = await sustained(`allowances: [ ${allowance('callees', 0)} ]`);
    assert.equal(calleesPerDay, 0);
  });

  it('knows credits and spending', async () => {
    const credits = ', credits: { stepSeconds: 60, perStep: { mobile: 6 } }';
    const byCredits = await sustained(`allowances: [ ${allowance('credits', 1_320, credits)} ]`);
    // The last call has a second less, for its BYE.
    assert.equal(byCredits.minutesPerDay, (220 * 60 - 1) / 60 / 22);
    const spend =
      '{ id: spend, counts: spend, window: { kind: month, resetDay: 1 }, limit: "17600", classes: [ mobile ] }';
    const rates = 'rates: { mobile: { perStep: "80", stepSeconds: 60 } }';
    const bySpend = await sustained(`${rates}, allowances: [ ${spend} ]`);
    assert.equal(bySpend.minutesPerDay, (220 * 60 - 1) / 60 / 22);
    // A call of a second takes as much of either as one of a minute.
    assert.deepEqual([byCredits.calleesPerDay, bySpend.calleesPerDay], [10, 10]);
  });

  it('bounds callees by seconds, too, where each call takes a minute of them at least', async () => {
    const rounding = 'rounding: { firstSeconds: 60, thenSeconds: 60 }';
    const { calleesPerDay } = await sustained(`${rounding}, allowances: [ ${allowance('seconds', 22 * 5 * 60)} ]`);
    assert.equal(calleesPerDay, 5);
  });
});

describe('the SIMs that an agent needs', () => {
  it('are so many that no call is refused or cut short', async () => {
    const need = async (plan: string) => {
      const scenario = await scenarioWith(plan);
      return scenario.agents && simsOfOneAgent(scenario, scenario.agents, 'plan', PERIOD)?.simsPerAgent;
    };
    // 40 calls of 2 minutes on 22 days: 1,760 minutes.
    assert.equal(await need(`allowances: [ ${allowance('seconds', 60 * 1_000)} ]`), 2);
    assert.equal(await need(`allowances: [ ${allowance('seconds', 60 * 600)} ]`), 3);
    assert.equal(await need('allowances: []'), 1);
    assert.equal(await need(`allowances: [ ${allowance('calls', 0)} ]`), undefined);
  });
});
