import assert from 'node:assert/strict';
import type { DoNotCallStatus, StatusReport } from '../control/status-report.js';
import { statusText } from './status-text.js';

const NO_CHANNEL = { idle: 0, busy: 0, resting: 0, disabled: 0 };

function textWith(doNotCall: readonly DoNotCallStatus[], gateways: StatusReport['gateways'] = []): string {
  const report: StatusReport = {
    ...{ version: '1', node: 'v20', pid: 1, state: 'running', startedAtMs: 0, upSeconds: 1 },
    ...{ config: 'c.yaml', dataDir: 'var', listeners: [], liveCalls: 0, channels: NO_CHANNEL, gateways },
    ledger: { kind: 'memory', durability: 'process', file: 'f', isAway: false, isStalled: false, orphans: 0 },
    ...{ drainDeadlineAtMs: null, leaving: [], lines: [] },
    registrations: [],
    suspended: [],
    simStatus: [],
    doNotCall,
    counters: { doNotCall, calls: { offered: 1 } },
  };
  return statusText(report);
}

const SOUND_LIST = {
  ...{ name: 'list', numbers: 0, asOfWallMs: Date.UTC(2026, 10, 1), isStale: false, trouble: null },
  ...{ rejected: 0, firstRejectedLine: null },
};

describe('statusText', () => {
  it('says of each do-not-call list how old it is, and what is wrong with it', () => {
    const text = textWith([
      { ...SOUND_LIST, name: 'own', numbers: 12 },
      { ...SOUND_LIST, name: 'two', rejected: 2, firstRejectedLine: 5 },
      { ...SOUND_LIST, name: 'one', rejected: 1, firstRejectedLine: 3 },
      { ...SOUND_LIST, name: 'registry', asOfWallMs: null, isStale: true, trouble: 'the server answered 500' },
    ]);
    assert.match(text, /\n {2}two .+ in use; 2 lines are no number, the first is 5\n/);
    assert.match(text, /\n {2}one .+ in use; line 3 is no number\n/);
    assert.match(text, /\n {2}own +12 +2026-11-01T00:00:00\.000Z +in use\n/);
    assert.match(text, /\n {2}registry +0 +never read +TOO OLD: calls are refused; the server answered 500\n/);
  });

  it('says nothing of lists where there are none', () => {
    assert.doesNotMatch(textWith([]), /do-not-call/);
  });

  it('says of a gateway whether it is up, down, or left alone for what it answered', () => {
    const row = { isProbed: true, isCooling: false, channels: NO_CHANNEL } as const;
    const text = textWith(
      [],
      [
        { ...row, name: 'gw1', state: 'up' },
        { ...row, name: 'gw2', state: 'up', isCooling: true },
        { ...row, name: 'gw3', state: 'down', isCooling: true },
        { ...row, name: 'gw4', state: 'up', isProbed: false, isCooling: true },
      ],
    );
    assert.match(text, /gw1 +up +0/);
    assert.match(text, /gw2 +cooling +0/);
    assert.match(text, /gw3 +down +0/);
    assert.match(text, /gw4 +cooling \(not probed\) +0/);
  });
});
