import assert from 'node:assert/strict';
import { SentReports } from './sent-reports.js';

describe('SentReports', () => {
  it('takes the mean of what answers to known reports tell', () => {
    const reports = new SentReports();
    reports.add(10, 1_000);
    reports.add(11, 6_000);
    assert.equal(reports.roundTripMs, null);
    reports.answered(10, 500, 1_540);
    reports.answered(11, 0, 6_060);
    assert.equal(reports.roundTripMs, 50);
  });

  it('knows nothing of reports that were never sent, or long ago', () => {
    const reports = new SentReports();
    for (let time = 0; time < 6; time += 1) reports.add(time, time * 5_000);
    reports.answered(99, 0, 30_000);
    reports.answered(1, 0, 30_000);
    assert.equal(reports.roundTripMs, null);
    reports.answered(2, 0, 10_020);
    assert.equal(reports.roundTripMs, 20);
  });

  it('believes no time that cannot be, but takes a little less than nothing for nothing', () => {
    const reports = new SentReports();
    reports.add(1, 0);
    reports.answered(1, 60_000, 100);
    reports.answered(1, 0, 40_000);
    assert.equal(reports.roundTripMs, null);
    reports.answered(1, 105, 100);
    assert.equal(reports.roundTripMs, 0);
  });
});
