import assert from 'node:assert/strict';
import { readStatistics } from './sip-load.js';

describe('readStatistics', () => {
  it("reads the totals from the last row of SIPp's statistics", () => {
    const csv =
      'StartTime;TotalCallCreated;FailedCall(P);FailedCall(C);Retransmissions(C);\n' +
      'now;10;0;0;0;\n' +
      'then;200;1;3;7;\n';
    assert.deepEqual(readStatistics(csv), { placed: 200, failed: 3, retransmissions: 7 });
  });
});
