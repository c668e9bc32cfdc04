import assert from 'node:assert/strict';
import { sessionTimer } from './session-timer-schema.js';

describe('the session timer of a peer', () => {
  it('is agreed to by default, and asked of nobody', () => {
    assert.deepEqual(sessionTimer.parse({}), { mode: 'accept', intervalSeconds: 1_800, minSeconds: 90 });
  });

  it('asks for no interval that it would refuse itself', () => {
    const refused = sessionTimer.safeParse({ mode: 'request', intervalSeconds: 60 });
    assert.deepEqual(refused.error?.issues[0]?.path, ['intervalSeconds']);
    assert.equal(sessionTimer.safeParse({ intervalSeconds: 60, minSeconds: 60 }).success, true);
  });
});
