import { strict as assert } from 'node:assert';
import { type FakeWire, fakeFlow, fakeMessage, fakeWire, RecordingUser } from '../testing/fake-wire.js';
import { NonInviteServerTransaction } from './non-invite-server-transaction.js';

const BYE = fakeMessage('BYE sip:b@c SIP/2.0', 'BYE');

function begin(protocol: 'udp' | 'tcp' = 'udp'): {
  wire: FakeWire;
  user: RecordingUser;
  transaction: NonInviteServerTransaction;
  respond(status: number): boolean;
} {
  const wire = fakeWire();
  const user = new RecordingUser();
  const transaction = new NonInviteServerTransaction(wire.context, 'k', BYE, fakeFlow(protocol), user, () => undefined);
  return {
    wire,
    user,
    transaction,
    respond: (status) => transaction.respond(status, `SIP/2.0 ${status} Said\r\n\r\n`),
  };
}

describe('NonInviteServerTransaction', () => {
  it('absorbs repetitions before the answer and answers those after it, until Timer J', () => {
    const { wire, user, transaction, respond } = begin();
    transaction.receive();
    assert.equal(wire.sent.length, 0);
    respond(200);
    transaction.receive();
    assert.equal(wire.sent.length, 2);
    wire.clock.advance(31_900);
    transaction.receive();
    assert.equal(wire.sent.length, 3);
    assert.deepEqual(user.told, []);
    wire.clock.advance(200);
    assert.deepEqual(user.told, ['ended']);
    assert.equal(wire.context.wheel.pending, 0);
  });

  it('ends at once over a reliable transport', () => {
    const { wire, user, respond } = begin('tcp');
    respond(200);
    wire.clock.advance(20);
    assert.deepEqual(user.told, ['ended']);
  });

  it('repeats a provisional answer and takes one final answer', () => {
    const { wire, transaction, respond } = begin();
    assert.equal(respond(182), true);
    transaction.receive();
    assert.equal(respond(200), true);
    assert.equal(respond(500), false);
    assert.deepEqual(
      wire.sent.map(({ line }) => line.slice(8, 11)),
      ['182', '182', '200'],
    );
  });

  it('says when the peer repeats every T2, and ends without an answer when nobody gives one in 64·T1', () => {
    const { wire, user, respond } = begin();
    // Timer E of a client: at 0.5, 1.5 and 3.5 s, then every T2 = 4 s.
    wire.clock.advance(3_490);
    assert.deepEqual(user.told, []);
    wire.clock.advance(20);
    assert.deepEqual(user.told, ['overdue']);
    wire.clock.advance(28_470);
    assert.deepEqual(user.told, ['overdue']);
    wire.clock.advance(50);
    assert.deepEqual(user.told, ['overdue', 'ended']);
    assert.equal(respond(200), false);
    assert.equal(wire.sent.length, 0);
  });
});
