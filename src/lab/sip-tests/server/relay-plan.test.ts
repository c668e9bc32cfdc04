import assert from 'node:assert/strict';
import { labelOf, RelayPlan } from './relay-plan.js';
import type { RelayRule } from './server-case.js';

const INVITE = Buffer.from('INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n');
const OK = Buffer.from('SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n');
const BYE = Buffer.from('BYE sip:a@b SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n');

function rule(changes: Partial<RelayRule>): RelayRule {
  return {
    leg: 'caller',
    to: 'server',
    message: 'INVITE',
    nth: 1,
    isLost: false,
    isTwice: false,
    againAtT1: [],
    ...changes,
  };
}

describe('RelayPlan', () => {
  it('names messages by method, and responses by status and method', () => {
    assert.equal(labelOf(INVITE.toString()), 'INVITE');
    assert.equal(labelOf(OK.toString()), '200 INVITE');
  });

  it('loses, doubles and repeats the one that is meant, and passes every other', () => {
    const plan = new RelayPlan([
      rule({ isLost: true }),
      rule({ nth: 2, isTwice: true }),
      rule({ leg: 'callee', againAtT1: [5] }),
    ]);
    assert.equal(plan.take('caller', 'peer', INVITE, 0).copies, 1);
    assert.equal(plan.take('caller', 'server', INVITE, 1).copies, 0);
    assert.equal(plan.take('caller', 'server', INVITE, 2).copies, 2);
    assert.equal(plan.take('caller', 'server', INVITE, 3).copies, 1);
    assert.equal(plan.take('caller', 'server', OK, 3).copies, 1);
    assert.deepEqual(plan.unmet(), ["the relay has not seen INVITE number 1 to the server on the callee's leg"]);
    assert.deepEqual(plan.take('callee', 'server', INVITE, 4), { copies: 1, againAtT1: [5], isHeld: false });
    assert.deepEqual(plan.unmet(), []);
    assert.deepEqual(
      plan.seen.map(({ isLost }) => isLost),
      [false, true, false, false, false, false],
    );
  });

  it('holds every one of a kind until another comes from the other side, and lets the first go then', () => {
    const plan = new RelayPlan([rule({ leg: 'callee', to: 'peer', message: 'BYE', heldUntil: 'BYE' })]);
    assert.deepEqual(plan.release('callee', 'server', 'BYE'), []);
    assert.ok(plan.take('callee', 'peer', BYE, 0).isHeld);
    assert.ok(plan.take('callee', 'peer', BYE, 1).isHeld);
    assert.deepEqual(plan.release('callee', 'peer', 'BYE'), []);
    assert.deepEqual(plan.release('callee', 'server', 'BYE'), [{ to: 'peer', bytes: BYE }]);
    assert.deepEqual(plan.release('callee', 'server', 'BYE'), []);
    assert.equal(plan.take('callee', 'peer', BYE, 2).copies, 1);
  });
});
