// The numbers of the product's own arithmetic, found by running the router and the ledger.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SimulationResult } from './result.js';
import { parseScenario } from './scenario.js';
import { simulate } from './simulate.js';

const FILE = join(
  dirname(fileURLToPath(import.meta.url)),
  ...['..', '..', 'config', 'examples', 'consumer-plan-month.yaml'],
);

async function simulateText(text: string, seed?: number): Promise<SimulationResult> {
  return simulate(await parseScenario(text, FILE, { seed }));
}

describe('a month of one agent on consumer SIMs', () => {
  const text = readFileSync(FILE, 'utf8');
  let result: SimulationResult;
  before(async function () {
    this.timeout(120_000);
    result = await simulateText(text);
  });

  it('uses up the plan after 10 of 22 working days at 100 new callees a day', () => {
    assert.equal(result.period.workingDays, 22);
    assert.equal(result.firstExhaustedWorkingDay, 10);
    const worked = result.days.filter(({ workingDay }) => workingDay !== null);
    assert.deepEqual(
      worked.map(({ answered }) => answered),
      [...Array(10).fill(100), ...Array(12).fill(0)],
    );
  });

  it('finds that 45.45 callees and 272.7 minutes a working day sustain the month', () => {
    assert.equal(result.sustainableCalleesPerDay, 45.45);
    assert.ok(Math.abs((result.sustainableMinutesPerDay ?? 0) - 6_000 / 22) < 0.005);
  });

  it('finds that an agent of 200 calls a day needs 5 SIMs, 4 at 20 % repeated callees, 3 at 35 %', () => {
    assert.equal(result.simsPerAgent, 5);
    assert.deepEqual(result.simsPerAgentByRepeatedCallees, [
      { repeatedCallees: 0, simsPerAgent: 5 },
      { repeatedCallees: 0.2, simsPerAgent: 4 },
      { repeatedCallees: 0.35, simsPerAgent: 3 },
    ]);
  });

  it('finds 352,000 won metered, at 80 a minute and a fee of 5,500, against five fees of 33,000', () => {
    const consumer = result.costByPlan[result.mainPlan];
    assert.deepEqual(consumer?.allCarried, {
      ...{ agents: 1, months: 1, sims: 5 },
      ...{ fees: '165000', charges: '0', total: '165000', metered: '357500' },
    });
    assert.deepEqual(result.costByPlan['commercial-metered']?.allCarried, {
      ...{ agents: 1, months: 1, sims: 1 },
      ...{ fees: '5500', charges: '352000', total: '357500', metered: '357500' },
    });
  });

  it('says on which days which allowance ran out, and why calls were refused', () => {
    assert.deepEqual(result.calls.refusedByReason, { 'quota-exhausted': 3_400 });
    assert.deepEqual(result.calls.refusedByAllowance, { 'callees-month': 2_400, 'callees-day': 1_000 });
    assert.deepEqual(
      result.exhaustions.map(({ allowanceId, days }) => [allowanceId, days.map(({ workingDay }) => workingDay)]),
      [
        ['callees-day', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
        ['callees-month', [10]],
      ],
    );
  });

  it('opens with what the terms say of it', () => {
    assert.equal(Object.keys(result)[0], 'notice');
    assert.equal(result.notice, "not permitted by the plan's terms");
  });

  it('lasts to the month’s end on a plan that is paced', async () => {
    const plan = [
      'plans:',
      '  - name: paced',
      '    commercialUse: allowed',
      '    workingTime: { days: [ mon, tue, wed, thu, fri ], from: "09:00", to: "18:00", holidays: [ 2026-12-25 ] }',
      '    allowances:',
      '      - { id: callees-month, counts: callees, window: { kind: month, resetDay: 1 }, limit: 1000, classes: [ mobile, landline, internet ], pacing: days }',
      'sims: [ { plan: paced, count: 1 } ]',
      '',
    ].join('\n');
    const paced = await simulateText(`${text.slice(0, text.indexOf('planFiles:'))}${plan}`);
    const answered = paced.days.filter(({ workingDay }) => workingDay !== null).map((day) => day.answered);
    assert.equal(
      answered.reduce((sum, calls) => sum + calls, 0),
      1_000,
    );
    assert.ok(
      answered.every((calls) => calls === 45 || calls === 46),
      answered.join(' '),
    );
    assert.equal(paced.firstExhaustedWorkingDay, 22);
    assert.deepEqual(Object.keys(paced.calls.refusedByReason), ['paced', 'quota-exhausted']);
  });

  it('carries no call when it does not ignore the terms', async () => {
    const lawful = await simulateText(text.replace('ignoreTerms: true', 'ignoreTerms: false'));
    assert.equal(lawful.notice, null);
    assert.equal(lawful.calls.carried, 0);
    assert.deepEqual(lawful.calls.refusedByReason, { 'commercial-use-forbidden': 4_400 });
    assert.equal(lawful.simsPerAgent, null);
    assert.equal(lawful.sustainableCalleesPerDay, 0);
    assert.equal(lawful.sustainableMinutesPerDay, 0);
    assert.deepEqual(lawful.exhaustions, []);
  });
});
