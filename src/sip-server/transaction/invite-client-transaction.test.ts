import { strict as assert } from 'node:assert';
import { type FakeWire, fakeFlow, fakeOutgoing, fakeResponse, fakeWire, RecordingUser } from '../testing/fake-wire.js';
import { InviteClientTransaction } from './invite-client-transaction.js';

function begin(protocol: 'udp' | 'tcp' = 'udp'): {
  wire: FakeWire;
  user: RecordingUser;
  transaction: InviteClientTransaction;
  receive(status: number): void;
} {
  const wire = fakeWire();
  const user = new RecordingUser();
  const flow = fakeFlow(protocol);
  const transaction = new InviteClientTransaction(
    wire.context,
    'k',
    fakeOutgoing('INVITE'),
    flow,
    user,
    () => undefined,
  );
  transaction.start();
  return { wire, user, transaction, receive: (status) => transaction.receive(fakeResponse(status, 'INVITE'), flow) };
}

function times(wire: FakeWire, method: string): number[] {
  return wire.sent.filter(({ line }) => line.startsWith(method)).map(({ atMs }) => Math.round(atMs / 100) * 100);
}

describe('InviteClientTransaction', () => {
  it('repeats the request by Timer A, doubling without limit, until Timer B', () => {
    const { wire, user, transaction } = begin();
    wire.clock.advance(40_000);
    assert.deepEqual(times(wire, 'INVITE'), [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert.deepEqual(user.told, ['timeout', 'ended']);
    assert.equal(transaction.state, 'terminated');
    assert.equal(wire.context.wheel.pending, 0);
  });

  it('does not repeat over a reliable transport', () => {
    const { wire, user } = begin('tcp');
    wire.clock.advance(40_000);
    assert.deepEqual(times(wire, 'INVITE'), [0]);
    assert.deepEqual(user.told, ['timeout', 'ended']);
  });

  it('waits for ever once a provisional response has come, until a CANCEL bounds it', () => {
    const { wire, user, transaction, receive } = begin();
    receive(100);
    receive(180);
    wire.clock.advance(600_000);
    assert.deepEqual(times(wire, 'INVITE'), [0]);
    assert.deepEqual(user.told, ['100', '180']);
    transaction.expectFinal();
    transaction.expectFinal();
    wire.clock.advance(31_900);
    assert.deepEqual(user.told, ['100', '180']);
    wire.clock.advance(200);
    assert.deepEqual(user.told, ['100', '180', 'timeout', 'ended']);
  });

  it('acknowledges a failure, again for each repetition, and tells its user once', () => {
    const { wire, user, transaction, receive } = begin();
    receive(486);
    receive(486);
    receive(180);
    assert.equal(transaction.state, 'completed');
    const acks = wire.sent.filter(({ line }) => line.startsWith('ACK'));
    assert.equal(acks.length, 2);
    assert.match(acks[0]?.text ?? '', /^ACK sip:b@192\.0\.2\.2 SIP\/2\.0\r\nVia: .*branch=z9hG4bKa\r\n/);
    assert.match(acks[0]?.text ?? '', /\r\nRoute: <sip:p;lr>\r\n.*To: <sip:b@c>;tag=t\r\n.*CSeq: 7 ACK\r\n/s);
    assert.deepEqual(user.told, ['486']);
    wire.clock.advance(31_900);
    assert.equal(transaction.state, 'completed');
    wire.clock.advance(200);
    assert.deepEqual(user.told, ['486', 'ended']);
  });

  it('ends at once after a failure over a reliable transport', () => {
    const { wire, user, receive } = begin('tcp');
    receive(404);
    wire.clock.advance(20);
    assert.deepEqual(user.told, ['404', 'ended']);
  });

  it('passes every 2xx up while accepted, until Timer M', () => {
    const { wire, user, transaction, receive } = begin();
    receive(200);
    receive(200);
    receive(486);
    receive(180);
    assert.equal(transaction.state, 'accepted');
    assert.deepEqual(user.told, ['200', '200']);
    wire.clock.advance(32_100);
    receive(200);
    assert.deepEqual(user.told, ['200', '200', 'ended']);
    assert.equal(wire.sent.length, 1);
  });

  it('tells of a request that cannot be sent, but not once a response has come', () => {
    const failed = begin();
    failed.wire.fail();
    failed.wire.fail();
    assert.deepEqual(failed.user.told, ['transport failure', 'ended']);
    const answered = begin();
    answered.receive(180);
    answered.wire.fail();
    assert.deepEqual(answered.user.told, ['180']);
  });
});
