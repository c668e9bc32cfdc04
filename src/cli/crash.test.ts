import assert from 'node:assert/strict';
import { run } from './crash.js';

describe('simtrunk crash', () => {
  it('says how it is used when it is used otherwise', async () => {
    for (const args of [['--kills', '0'], ['--kills', 'many'], ['--durability', 'none'], ['--often']]) {
      await assert.rejects(run(args), { code: 'USAGE', message: /usage: simtrunk crash/ });
    }
  });
});
