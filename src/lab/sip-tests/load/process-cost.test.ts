import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { costOf } from './process-cost.js';

describe('the cost of a process', () => {
  it('is that of this very process', function () {
    if (!existsSync('/proc/self/stat')) {
      console.log('skipped: this system has no /proc');
      this.skip();
    }
    const cost = costOf(process.pid);
    const used = process.cpuUsage();
    assert.ok(cost !== undefined);
    assert.ok(Math.abs(cost.cpuMs - (used.user + used.system) / 1000) < 100);
    assert.ok(cost.peakMemoryMb > 10 && cost.peakMemoryMb < 4096);
  });

  it('is unknown for a process that is not there', () => {
    assert.equal(costOf(0x7fff_fff0), undefined);
  });
});
