// What people read of a result: tables and page.
import assert from 'node:assert/strict';
import { htmlReport } from './html-report.js';
import type { SimulationResult } from './result.js';
import { parseScenario } from './scenario.js';
import { simulate } from './simulate.js';
import { textReport } from './text-report.js';

function scenario(...more: string[]): string {
  return [
    'title: "Two <SIMs> & a week"',
    'period: { from: 2026-12-07, to: 2026-12-11 }',
    'agents: { count: 1, callsPerDay: 30, talk: { kind: fixed, seconds: 60 }, answerRate: 0.8 }',
    'plans:',
    '  - name: personal',
    '    commercialUse: forbidden',
    '    monthlyFee: "33000"',
    '    allowances:',
    '      - { id: callees-day, counts: callees, window: { kind: day }, limit: 10, classes: [ mobile ] }',
    '  - { name: metered, commercialUse: allowed, rates: { mobile: { perStep: "80", stepSeconds: 60 } } }',
    'sims: [ { plan: personal, count: 2 } ]',
    'meteredPlan: metered',
    'compare: { repeatedCallees: [ 0, 0.5 ] }',
    ...more,
  ].join('\n');
}

async function resultOf(text: string): Promise<SimulationResult> {
  return simulate(await parseScenario(text, 'week.yaml'));
}

describe('the outputs of a simulation', () => {
  let result: SimulationResult;
  before(async () => {
    result = await resultOf(scenario('ignoreTerms: true'));
  });

  it('open with the notice when terms are ignored', () => {
    assert.match(textReport(result), /^not permitted by the plan's terms\n/);
    const body = htmlReport(result).split('<body>')[1] ?? '';
    assert.match(body, /^\n<p class="notice">not permitted by the plan's terms<\/p>/);
    assert.match(JSON.stringify(result), /^\{"notice":"not permitted by the plan's terms"/);
  });

  it('do not when none are', async () => {
    for (const lawful of [
      await resultOf(scenario()),
      await resultOf(scenario('ignoreTerms: true', 'traffic: personal')),
      await resultOf(scenario('ignoreTerms: true').replace('forbidden', 'allowed')),
    ]) {
      for (const output of [textReport(lawful), htmlReport(lawful), JSON.stringify(lawful)]) {
        assert.doesNotMatch(output, /not permitted/);
      }
    }
  });

  it('say why no number of SIMs is enough', async () => {
    const lawful = textReport(await resultOf(scenario()));
    assert.match(lawful, /^No number of SIMs carries an agent's calls: the plan's terms forbid commercial use\.$/m);
  });

  it('tell every part of the result as tables', () => {
    const text = textReport(result);
    for (const part of [
      /planned +150\n/,
      /quota-exhausted +\d+\n +by callees-day +\d+\n/,
      /personal callees-day +day +5 days +2 SIMs +2026-12-07/,
      /No allowance of a month was used up\./,
      /callees +10\n +minutes +unlimited/,
      /An agent needs 3 SIMs\./,
      /3 at 0 % repeated callees, \d at 50 % repeated callees/,
      /against metered\n/,
      /personal +3 +99,000 +0 +99,000 +[\d,]+ +KRW/,
      / +07 +08 +09 +10 +11\n +personal\/1 minutes +10 +10 +10 +10 +10\n +callees +10 +10 +10 +10 +10\n +personal\/2 minutes/,
    ]) {
      assert.match(text, part);
    }
  });

  it('are one page with plots that needs nothing else', () => {
    const page = htmlReport(result);
    assert.match(page, /^<!doctype html>\n<html lang="en">/);
    assert.doesNotMatch(page, /<script|<link|<img|src=|href=|url\(|@import|https?:/);
    assert.ok((page.match(/<svg role="img" aria-label="/g) ?? []).length >= 5);
    assert.match(page, /prefers-color-scheme: dark/);
    assert.match(page, /Two &lt;SIMs&gt; &amp; a week/);
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
  });

  it('tell money as money where an allowance counts it', async () => {
    const spend =
      '{ id: spend, counts: spend, window: { kind: month, resetDay: 1 }, limit: "1000.5", classes: [ mobile ] }';
    const text = scenario()
      .replace('rates: {', `allowances: [ ${spend} ], rates: {`)
      .replace('plan: personal', 'plan: metered');
    const paid = await resultOf(text);
    const [allowance] = paid.simUse[0]?.allowances ?? [];
    assert.equal(allowance?.limit, '1000.5');
    assert.ok(allowance?.usedByDay.includes('960'), String(allowance?.usedByDay));
    assert.match(htmlReport(paid), /<h3>spend <span class="soft">of 1,000\.5 KRW<\/span><\/h3>/);
  });

  it('say what was drawn of recorded calls, and which were left out', () => {
    const replayed = { ...result, drawnOutcomes: 2, leftOut: 1 };
    for (const output of [textReport(replayed), htmlReport(replayed)]) {
      assert.match(output, /Of 2 recorded calls without a channel the outcome was drawn from the others\./);
      assert.match(output, /1 recorded call from mobiles, or of probes, left out\./);
    }
    assert.doesNotMatch(htmlReport(result), /recorded call/);
  });

  it('balance their tags', () => {
    const open: string[] = [];
    for (const [, close, name = '', , selfClosed] of htmlReport(result).matchAll(
      /<(\/?)([a-z0-9]+)((?:"[^"]*"|[^">])*?)(\/?)>/g,
    )) {
      if (selfClosed === '/' || name === 'meta') continue;
      if (close === '') open.push(name);
      else assert.equal(open.pop(), name);
    }
    assert.deepEqual(open, []);
  });

  it('hold for a scenario in which nothing was carried, and for one without calls', async () => {
    const none = scenario().replace('callsPerDay: 30', 'callsPerDay: 0');
    for (const empty of [await resultOf(scenario()), await resultOf(none)]) {
      for (const output of [textReport(empty), htmlReport(empty)])
        assert.doesNotMatch(output, /NaN|Infinity|undefined/);
      assert.match(textReport(empty), /No allowance ran out\./);
    }
  });

  it('draw a longer time by week, and tell it by month', async () => {
    const half = scenario('ignoreTerms: true')
      .replace('2026-12-11', '2027-05-31')
      .replace('callsPerDay: 30', 'callsPerDay: 2');
    const long = await resultOf(half.replace('repeatedCallees: [ 0, 0.5 ]', 'repeatedCallees: []'));
    assert.match(htmlReport(long), /<h2>Calls by week<\/h2>/);
    assert.match(textReport(long), / +26-12 +27-01 +27-02 +27-03 +27-04 +27-05\n/);
  });
});
