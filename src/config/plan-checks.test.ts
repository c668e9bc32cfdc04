import assert from 'node:assert/strict';
import { SimtrunkError } from '../lib/errors.js';
import type { Config } from './config.js';
import { parseConfig } from './load-config.js';

interface Changes {
  /** Keys of the only plan, beside its name. */
  readonly plan?: string;
  /** Keys of the only trunk. */
  readonly trunk?: string;
  /** Further sections. */
  readonly more?: string;
}

function textWith({ plan = '', trunk = 'agentFrom: from-user', more = '' }: Changes): string {
  return `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], ${trunk} } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20" } ]
plans: [ { name: office, commercialUse: allowed${plan === '' ? '' : `, ${plan}`} } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
${more}
`;
}

function load(changes: Changes): Config {
  return parseConfig(textWith(changes), '/etc/simtrunk/config.yaml', { env: {} }, 'config.yaml');
}

function problemsOf(changes: Changes): string[] {
  try {
    load(changes);
  } catch (error) {
    assert.ok(error instanceof SimtrunkError);
    return error.message.split('\n').slice(1);
  }
  return [];
}

function assertProblem(changes: Changes, text: string): void {
  const problems = problemsOf(changes);
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.ok(problems[0]?.includes(text), `${problems[0]} should have: ${text}`);
}

const allowanceWith = (keys: string): Changes => ({
  plan: `allowances: [ { id: a, window: { kind: day }, limit: 10, classes: [ mobile ], ${keys} } ]`,
});
const CREDITS = 'credits: { perStep: { mobile: 6, landline: 1 } }';

describe('a plan of the config', () => {
  it('has every kind of allowance, resolved to what the ledger counts by', () => {
    const plan = `
      timeZone: Europe/Berlin, currency: EUR, monthlyFee: "9.90", gapMs: 5000,
      rounding: { firstSeconds: 60, thenSeconds: 60 },
      rates: { international: { perStep: "0.29", stepSeconds: 60 } },
      messageRates: { sms: "0.09", lms: "0.19", mms: "0.39" },
      classes: [ mobile, landline, international ],
      workingTime: { days: [ mon, sat ], from: "08:30", to: "24:00", holidays: [ "2026-12-25" ] },
      allowances: [
        { id: credits, counts: credits, window: { kind: month }, limit: 100, classes: [ mobile, landline ], ${CREDITS}, pacing: hours },
        { id: spend, counts: spend, window: { kind: day }, limit: "12.5", classes: [ international ] },
        { id: hourly, counts: calls, window: { kind: rolling, hours: 2 }, limit: 30, classes: [ mobile ], countsOn: attempt },
        { id: sms-days, counts: days-over, window: { kind: month, resetDay: 5 }, limit: 10, classes: [ mobile ],
          daysOver: { counts: sms, threshold: 150 }, beyond: { kind: charge, perStep: "0.09" } },
        { id: incoming, counts: seconds, window: { kind: rolling, days: 7 }, limit: 600, classes: [ mobile ],
          directions: [ in ], rounding: { firstSeconds: 1, thenSeconds: 1, minimumSeconds: 30 } } ]`;
    const currency = 'spendCap: { perDay: "50", currency: EUR }';
    const { plans, channels } = load({ plan, trunk: currency });
    const [office] = plans;
    assert.ok(office !== undefined);
    const { allowances, ...rest } = office;
    assert.deepEqual(rest, {
      ...{ name: 'office', timeZone: 'Europe/Berlin', currency: 'EUR', windowEdge: 'split', commercialUse: 'allowed' },
      ...{ classes: ['mobile', 'landline', 'international'], maxCallSeconds: 7_200, gapMs: 5_000, monthlyFee: '9.90' },
      rounding: { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 },
      rates: { international: { perStep: '0.29', stepSeconds: 60 } },
      messageRates: { sms: '0.09', lms: '0.19', mms: '0.39' },
    });
    assert.equal(channels[0]?.gapMs, 5_000);
    assert.deepEqual(
      allowances.map(({ id, limit, window }) => [id, limit, window]),
      [
        ['credits', 100, { kind: 'month', resetDay: 1 }],
        ['spend', 12_500_000, { kind: 'day' }],
        ['hourly', 30, { kind: 'rolling', seconds: 7_200 }],
        ['sms-days', 10, { kind: 'month', resetDay: 5 }],
        ['incoming', 600, { kind: 'rolling', seconds: 604_800 }],
      ],
    );
    assert.deepEqual(allowances[0]?.credits, { stepSeconds: 60, perStep: { mobile: 6, landline: 1 } });
    assert.deepEqual(allowances[0]?.pacing, {
      ...{ by: 'hours', weekdays: [1, 6], fromMinute: 510, toMinute: 1_440, holidays: ['2026-12-25'] },
    });
    assert.equal(allowances[0]?.rounding, office.rounding);
    assert.deepEqual(allowances[3]?.beyond, { kind: 'charge', perStep: '0.09', stepSeconds: 1 });
    assert.deepEqual(allowances[4]?.rounding, { firstSeconds: 1, thenSeconds: 1, minimumSeconds: 30 });
  });

  it('refuses an allowance that could not count what it says', () => {
    const cases: readonly (readonly [keys: string, problem: string])[] = [
      ['counts: credits', 'allowances[0].credits: is missing; must say how many credits a step takes'],
      ['counts: credits, credits: { perStep: {} }', 'perStep: does not say what a step to mobile takes'],
      [
        'counts: credits, credits: { perStep: { mobile: 6, landline: 1 } }',
        'allowances[0].credits.perStep.landline: never applies: calls of this class do not draw on it (classes)',
      ],
      [`counts: seconds, ${CREDITS}`, 'allowances[0].credits: is for counts: credits, not for seconds'],
      ['counts: calls, daysOver: { counts: sms, threshold: 1 }', 'daysOver: is for counts: days-over, not for calls'],
      ['counts: sms, countsOn: attempt', 'countsOn: must be answer: an attempt counts calls and callees only'],
      ['counts: spend, beyond: { kind: charge, perStep: "1" }', 'beyond: must be { kind: forbid }'],
      ['counts: seconds, limit: "5"', 'limit: is "5"; must be a whole number, without quotes'],
      ['counts: seconds, limit: -1', 'limit'],
      ['counts: seconds, window: { kind: rolling }', 'window: must have one of minutes, hours and days'],
      ['counts: seconds, window: { kind: rolling, hours: 1, days: 1 }', 'window: must have one of minutes, hours and'],
      ['counts: seconds, window: { kind: rolling, days: 32 }', 'window.days: is 32; must be at most 31'],
      ['counts: seconds, window: { kind: rolling, hours: 1 }, pacing: days', 'pacing: must be none: a rolling window'],
      ['counts: seconds, beyond: { kind: charge, perStep: "100000" }', 'perStep: is "100000"; must be a decimal below'],
    ];
    for (const [keys, problem] of cases) {
      const plain = keys.replace(/limit: (\S+)$/, '');
      const limit = /limit: (\S+)$/.exec(keys)?.[1] ?? '10';
      const window = keys.includes('window:') ? '' : 'window: { kind: day }, ';
      assertProblem(
        {
          plan: `allowances: [ { id: a, ${window}limit: ${limit}, classes: [ mobile ], ${plain.replace(/, $/, '')} } ]`,
        },
        problem,
      );
    }
  });

  it('refuses days over a threshold without one, and within a single day', () => {
    const problems = problemsOf(allowanceWith('counts: days-over, pacing: days'));
    assert.equal(problems.length, 3, problems.join('\n'));
    assert.match(problems.join('\n'), /daysOver: is missing/);
    assert.match(problems.join('\n'), /window: holds one day/);
    assert.match(problems.join('\n'), /pacing: must be none: days-over/);
  });

  it('refuses a rate that never applies, for an allowance counts that time or the plan cannot call the class', () => {
    const rates = 'rates: { mobile: { perStep: "1.98" } }';
    assertProblem(
      { plan: `${allowanceWith('counts: seconds').plan}, ${rates}` },
      'never applies: allowance "a" counts',
    );
    assert.deepEqual(problemsOf({ plan: `${allowanceWith('counts: calls').plan}, ${rates}` }), []);
    assertProblem({ plan: `${rates}, classes: [ landline ]` }, 'rates.mobile: the plan cannot call mobile at all');
    assertProblem({ plan: 'rates: { mobil: { perStep: "1" } }' }, 'rates.mobil: unknown key; did you mean "mobile"?');
  });

  it('refuses working time that ends before it begins, and a holiday that is no date', () => {
    assertProblem({ plan: 'workingTime: { from: "18:00", to: "09:00" }' }, 'workingTime.to: must be later than from');
    assertProblem(
      { plan: 'workingTime: { holidays: [ "2026-02-30" ] }' },
      'holidays[0]: is "2026-02-30"; must be a date',
    );
  });
});

describe('caps of the config', () => {
  const CAPS =
    'caps: { allowances: [ { id: c, counts: calls, window: { kind: day }, limit: 5, classes: [ mobile ] } ] }';

  it('has a trunk’s spend cap as its short form, beside what the trunk caps otherwise', () => {
    const { capsOf } = load({ trunk: `timeZone: Europe/Berlin, spendCap: { perDay: "7.5", currency: KRW }, ${CAPS}` });
    const caps = capsOf('trunk:pbx');
    assert.equal(caps?.timeZone, 'Europe/Berlin');
    assert.deepEqual(
      caps?.allowances.map(({ id, counts, limit, window, directions }) => [id, counts, limit, window.kind, directions]),
      [
        ['spend-day', 'spend', 7_500_000, 'day', ['out', 'in']],
        ['c', 'calls', 5, 'day', ['out']],
      ],
    );
    assert.equal(caps?.allowances[0]?.classes.includes('emergency'), false);
    assert.equal(load({ trunk: 'spendCap: false' }).capsOf('trunk:pbx'), undefined);
    assert.equal(capsOf('trunk:other'), undefined);
  });

  it('knows the account of a trunk, and a name that is no account', () => {
    const more = 'accounts: [ { name: acme, caps: { allowances: [] } } ]';
    assert.equal(load({ trunk: 'account: acme', more }).trunks[0]?.account, 'acme');
    assertProblem({ trunk: 'account: acmee', more }, 'no such entry in accounts: "acmee"; did you mean "acme"?');
  });

  it('gives every agent the caps of all, a named agent its own, and an account its', () => {
    const allowance = (limit: number) =>
      `allowances: [ { id: c, counts: calls, window: { kind: day }, limit: ${limit}, classes: [ mobile ] } ]`;
    const more = `
agents: { caps: { ${allowance(1)} }, named: [ { trunk: pbx, agent: "201", caps: { ${allowance(2)} } } ] }
accounts: [ { name: acme, caps: { timeZone: UTC, ${allowance(3)} } } ]`;
    const { capsOf } = load({ more });
    const limitOf = (payer: string) => capsOf(payer)?.allowances[0]?.limit;
    assert.deepEqual(['agent:pbx/200', 'agent:pbx/201', 'account:acme', 'account:other', 'agents'].map(limitOf), [
      1,
      2,
      3,
      undefined,
      undefined,
    ]);
    assert.equal(capsOf('agent:pbx/200'), capsOf('agent:pbx/202'));
    assert.equal(capsOf('account:acme')?.timeZone, 'UTC');
  });

  it('refuses what a cap cannot do, agents of nobody, and money of another kind than the plans’', () => {
    const charging = CAPS.replace('limit: 5', 'limit: 5, beyond: { kind: charge, perStep: "1" }');
    assertProblem({ trunk: charging }, 'trunks[0].caps.allowances[0].beyond: must be { kind: forbid }: a cap charges');
    assertProblem({ trunk: CAPS.replace('id: c', 'id: spend-day') }, '"spend-day" is the id of the trunk\'s spendCap');
    assertProblem({ more: `agents: { named: [ { trunk: pbz, agent: "1", ${CAPS} } ] }` }, 'did you mean "pbx"?');
    const twice = `{ trunk: pbx, agent: "1", ${CAPS} }`;
    assertProblem({ more: `agents: { named: [ ${twice}, ${twice} ] }` }, 'agent pbx/1 is already described at');
    assertProblem({ trunk: 'agentFrom: none', more: `agents: { named: [ ${twice} ] }` }, 'trunk "pbx" has no agents');
    assertProblem({ more: `accounts: [ { name: a, ${CAPS} }, { name: a, ${CAPS} } ]` }, '"a" is already the name of');
    const spend = CAPS.replace('calls', 'spend').replace('caps: {', 'caps: { currency: EUR,');
    assertProblem({ more: `accounts: [ { name: a, ${spend} } ]` }, 'is EUR, but plan "office" costs KRW');
  });
});
