import { strict as assert } from 'node:assert';
import { type FakeWire, fakeFlow, fakeMessage, fakeWire, RecordingUser } from '../testing/fake-wire.js';
import { InviteServerTransaction } from './invite-server-transaction.js';

const INVITE = fakeMessage('INVITE sip:b@c SIP/2.0', 'INVITE');
const ACK = fakeMessage('ACK sip:b@c SIP/2.0', 'ACK');

function begin(protocol: 'udp' | 'tcp' = 'udp'): {
  wire: FakeWire;
  user: RecordingUser;
  transaction: InviteServerTransaction;
  receive(message: typeof INVITE): void;
  respond(status: number): boolean;
} {
  const wire = fakeWire();
  const user = new RecordingUser();
  const flow = fakeFlow(protocol);
  const transaction = new InviteServerTransaction(wire.context, 'k', INVITE, flow, user, () => undefined);
  return {
    wire,
    user,
    transaction,
    receive: (message) => transaction.receive(message, flow),
    respond: (status) => transaction.respond(status, `SIP/2.0 ${status} Said\r\n\r\n`),
  };
}

function lines(wire: FakeWire): string[] {
  return wire.sent.map(({ line }) => line.slice(8, 11));
}

describe('InviteServerTransaction', () => {
  it('answers a repeated INVITE with its last response', () => {
    const { wire, receive, respond } = begin();
    receive(INVITE);
    respond(100);
    receive(INVITE);
    respond(180);
    receive(INVITE);
    assert.deepEqual(lines(wire), ['100', '100', '180', '180']);
  });

  it('repeats a failure by Timer G, doubling up to T2, until Timer H', () => {
    const { wire, user, respond } = begin();
    respond(486);
    wire.clock.advance(40_000);
    assert.deepEqual(
      wire.sent.map(({ atMs }) => Math.round(atMs / 100) * 100),
      [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
    );
    assert.deepEqual(user.told, ['ended']);
    assert.equal(wire.context.wheel.pending, 0);
  });

  it('stops repeating at the ACK, absorbs more of them, and ends by Timer I', () => {
    const { wire, user, transaction, receive, respond } = begin();
    respond(486);
    receive(ACK);
    receive(ACK);
    receive(INVITE);
    assert.equal(transaction.state, 'confirmed');
    wire.clock.advance(4_900);
    assert.deepEqual(lines(wire), ['486']);
    assert.deepEqual(user.told, []);
    wire.clock.advance(200);
    assert.deepEqual(user.told, ['ended']);
  });

  it('sends a failure once over a reliable transport, and ends at its ACK', () => {
    const { wire, user, receive, respond } = begin('tcp');
    respond(486);
    wire.clock.advance(20_000);
    receive(ACK);
    wire.clock.advance(20);
    assert.deepEqual(lines(wire), ['486']);
    assert.deepEqual(user.told, ['ended']);
  });

  it('accepts with a 2xx, which its user has repeated, and passes an ACK of its own branch', () => {
    const { wire, user, transaction, receive, respond } = begin();
    transaction.repeatAnswer();
    respond(200);
    transaction.repeatAnswer();
    receive(INVITE);
    receive(ACK);
    assert.deepEqual(lines(wire), ['200', '200', '200']);
    assert.deepEqual(user.told, ['ack']);
    wire.clock.advance(32_100);
    assert.deepEqual(user.told, ['ack', 'ended']);
    transaction.repeatAnswer();
    assert.equal(wire.sent.length, 3);
  });

  it('refuses to answer again what has been answered', () => {
    const failed = begin();
    assert.equal(failed.respond(404), true);
    for (const status of [180, 200, 500]) assert.equal(failed.respond(status), false);
    const accepted = begin();
    assert.equal(accepted.respond(200), true);
    for (const status of [180, 500]) assert.equal(accepted.respond(status), false);
    assert.deepEqual(lines(accepted.wire), ['200']);
  });

  it('takes an ACK before any answer for nothing', () => {
    const { user, transaction, receive } = begin();
    receive(ACK);
    assert.equal(transaction.state, 'proceeding');
    assert.deepEqual(user.told, []);
  });
});
