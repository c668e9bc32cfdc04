import { strict as assert } from 'node:assert';
import { type FakeWire, fakeFlow, fakeOutgoing, fakeResponse, fakeWire, RecordingUser } from '../testing/fake-wire.js';
import { NonInviteClientTransaction } from './non-invite-client-transaction.js';

function begin(protocol: 'udp' | 'tcp' = 'udp'): {
  wire: FakeWire;
  user: RecordingUser;
  transaction: NonInviteClientTransaction;
  receive(status: number): void;
} {
  const wire = fakeWire();
  const user = new RecordingUser();
  const flow = fakeFlow(protocol);
  const transaction = new NonInviteClientTransaction(
    wire.context,
    'k',
    fakeOutgoing('BYE'),
    flow,
    user,
    () => undefined,
  );
  transaction.start();
  return { wire, user, transaction, receive: (status) => transaction.receive(fakeResponse(status, 'BYE'), flow) };
}

function times(wire: FakeWire): number[] {
  return wire.sent.map(({ atMs }) => Math.round(atMs / 100) * 100);
}

describe('NonInviteClientTransaction', () => {
  it('repeats the request by Timer E, doubling up to T2, until Timer F', () => {
    const { wire, user } = begin();
    wire.clock.advance(40_000);
    assert.deepEqual(times(wire), [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert.deepEqual(user.told, ['timeout', 'ended']);
    assert.equal(wire.context.wheel.pending, 0);
  });

  it('repeats every T2 after a provisional response, and still ends by Timer F', () => {
    const { wire, user, receive } = begin();
    receive(100);
    wire.clock.advance(40_000);
    assert.deepEqual(times(wire), [0, 500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]);
    assert.deepEqual(user.told, ['100', 'timeout', 'ended']);
  });

  it('tells of the final response once and absorbs its repetitions until Timer K', () => {
    const { wire, user, transaction, receive } = begin();
    receive(200);
    receive(200);
    assert.equal(transaction.state, 'completed');
    wire.clock.advance(4_900);
    assert.deepEqual(user.told, ['200']);
    wire.clock.advance(200);
    assert.deepEqual(user.told, ['200', 'ended']);
    assert.deepEqual(times(wire), [0]);
  });

  it('sends once and ends at once over a reliable transport', () => {
    const { wire, user, receive } = begin('tcp');
    wire.clock.advance(10_000);
    receive(481);
    wire.clock.advance(20);
    assert.deepEqual(times(wire), [0]);
    assert.deepEqual(user.told, ['481', 'ended']);
  });

  it('tells of a request that cannot be sent', () => {
    const { wire, user } = begin();
    wire.fail();
    assert.deepEqual(user.told, ['transport failure', 'ended']);
  });
});
