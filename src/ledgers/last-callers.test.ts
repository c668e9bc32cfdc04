import assert from 'node:assert/strict';
import { LastCallers } from './last-callers.js';

const CALLEE = '+821055550102';

describe('the memory of who called last', () => {
  it('knows the trunk and the agent of the last call, in whatever order calls end', () => {
    const callers = new LastCallers();
    callers.note(CALLEE, 'pbx', ['trunk:pbx', 'agent:pbx/701', 'account:acme'], 2_000);
    callers.note(CALLEE, 'pbx', ['trunk:pbx', 'agent:pbx/702'], 1_000);
    assert.deepEqual(callers.find(CALLEE, 0), { trunk: 'pbx', agent: '701', wallMs: 2_000 });
    callers.note(CALLEE, 'other', ['trunk:other'], 3_000);
    assert.deepEqual(callers.find(CALLEE, 0), { trunk: 'other', agent: null, wallMs: 3_000 });
  });

  it('says nobody of a call before the time that is asked for, and of what is no number', () => {
    const callers = new LastCallers();
    callers.note(CALLEE, 'pbx', ['trunk:pbx'], 1_000);
    callers.note('119', 'pbx', ['trunk:pbx'], 1_000);
    callers.note('anonymous', 'pbx', ['trunk:pbx'], 1_000);
    assert.equal(callers.find(CALLEE, 1_001), undefined);
    assert.equal(callers.find('119', 0), undefined);
    assert.equal(callers.find('anonymous', 0), undefined);
  });

  it('forgets of many the one that was not called for longest', () => {
    const callers = new LastCallers(1);
    callers.note(CALLEE, 'pbx', ['trunk:pbx'], 1_000);
    callers.note('+821055550103', 'pbx', ['trunk:pbx'], 2_000);
    assert.equal(callers.find(CALLEE, 0), undefined);
    assert.equal(callers.find('+821055550103', 0)?.trunk, 'pbx');
  });
});
