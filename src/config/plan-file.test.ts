import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPlanFile } from './plan-file.js';

describe('loadPlanFile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-plans-'));
  const file = join(folder, 'plans.yaml');
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('gives the plans with their defaults, as a config would', async () => {
    writeFileSync(file, 'plans: [ { name: office, commercialUse: allowed, monthlyFee: "5500" } ]\n');
    const plans = await loadPlanFile(file);
    assert.deepEqual(
      plans.map(({ name, monthlyFee, timeZone, gapMs }) => ({ name, monthlyFee, timeZone, gapMs })),
      [{ name: 'office', monthlyFee: '5500', timeZone: 'Asia/Seoul', gapMs: null }],
    );
  });

  it('lists every problem with its line, under the name that the file was asked for by', async () => {
    writeFileSync(
      file,
      [
        'plans:',
        '  - name: office',
        '    commercialUse: maybe',
        '  - name: office',
        '    commercialUse: allowed',
        '    montlyFee: "5500"',
        'sims: []',
      ].join('\n'),
    );
    await assert.rejects(loadPlanFile(file, 'plans.yaml'), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /^The plan file has 4 problems:\n/);
      for (const part of [
        'plans.yaml:3:20  plans[0].commercialUse: is "maybe"',
        'plans.yaml:4:11  plans[1].name: "office" is already the name of plans[0]',
        'plans.yaml:6:5  plans[1].montlyFee: unknown key; did you mean "monthlyFee"?',
        'plans.yaml:7:1  sims: unknown key; allowed: plans',
      ]) {
        assert.ok(error.message.includes(part), `${part} in ${error.message}`);
      }
      return true;
    });
  });

  it('says what an empty file must have, and which file cannot be read', async () => {
    writeFileSync(file, '# nothing\n');
    await assert.rejects(loadPlanFile(file), { code: 'CONFIG_INVALID', message: /must have plans/ });
    await assert.rejects(loadPlanFile('/nonexistent/plans.yaml'), {
      code: 'CONFIG_UNREADABLE',
      message: /plan file \/nonexistent\/plans\.yaml/,
    });
  });
});
