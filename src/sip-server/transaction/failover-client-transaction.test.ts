import { strict as assert } from 'node:assert';
import type { OutgoingRequest } from '../message/outgoing-request.js';
import { type FakeWire, fakeFlow, fakeMessage, fakeOutgoing, fakeWire, RecordingUser } from '../testing/fake-wire.js';
import type { Flow } from '../transport/flow.js';
import type { ClientTransaction } from './client-transaction.js';
import { TransactionLayer } from './transaction-layer.js';

function flowTo(address: string, protocol: 'udp' | 'tcp' = 'udp', next?: Flow): Flow {
  const flow = { ...fakeFlow(protocol), address };
  return next === undefined ? flow : { ...flow, next };
}

function outgoing(method: string, padding = 0): OutgoingRequest {
  const request = fakeOutgoing(method);
  return {
    ...request,
    text: `${method} ${request.uri} SIP/2.0\r\nVia: ${request.via}\r\nX: ${'x'.repeat(padding)}\r\n\r\n`,
  };
}

class Waiting extends RecordingUser {
  isCancelled = false;

  onRetargeted(): void {
    this.told.push('retargeted');
  }
}

describe('FailoverClientTransaction', () => {
  let wire: FakeWire;
  let layer: TransactionLayer;
  let user: Waiting;
  beforeEach(() => {
    wire = fakeWire();
    layer = new TransactionLayer(wire.context);
    user = new Waiting();
  });

  function respond(transaction: ClientTransaction, status: number, method: string): void {
    const { branch } = transaction.request;
    const message = fakeMessage(`SIP/2.0 ${status} Said`, method, '');
    Object.defineProperty(message, 'via', { value: { ...message.via, branch } });
    layer.receiveResponse(message, transaction.flow);
  }

  function lines(): string[] {
    return wire.sent.map(({ line }) => line.split(' ')[0] ?? '');
  }

  for (const method of ['INVITE', 'OPTIONS']) {
    it(`sends ${method} to the next target with a branch of its own when one cannot be reached`, () => {
      const transaction = layer.startClient(outgoing(method), flowTo('192.0.2.2', 'udp', flowTo('192.0.2.3')), user);
      const { branch, key } = { branch: transaction.request.branch, key: transaction.key };
      wire.fail();
      assert.equal(transaction.flow.address, '192.0.2.3');
      assert.notEqual(transaction.request.branch, branch);
      assert.notEqual(transaction.key, key);
      assert.ok(wire.sent[1]?.text.includes(`;branch=${transaction.request.branch}\r\n`));
      assert.ok(!wire.sent[1]?.text.includes(`${branch}\r\n`));
      respond(transaction, 200, method);
      assert.deepEqual(user.told.slice(0, 2), ['retargeted', '200']);
      assert.equal(wire.context.counters.failovers, 1);
    });
  }

  it('goes on at 503, having acknowledged it, and passes the last one up', () => {
    const transaction = layer.startClient(outgoing('INVITE'), flowTo('192.0.2.2', 'udp', flowTo('192.0.2.3')), user);
    respond(transaction, 503, 'INVITE');
    assert.deepEqual(lines(), ['INVITE', 'ACK', 'INVITE']);
    assert.deepEqual(user.told, ['retargeted']);
    respond(transaction, 503, 'INVITE');
    assert.deepEqual(user.told, ['retargeted', '503']);
    wire.clock.advance(40_000);
    assert.deepEqual(user.told, ['retargeted', '503', 'ended']);
    assert.equal(layer.size, 0);
  });

  it('goes on when a target says nothing in time, yet not when it said something', () => {
    const next = flowTo('192.0.2.3');
    const transaction = layer.startClient(outgoing('OPTIONS'), flowTo('192.0.2.2', 'udp', next), user);
    wire.clock.advance(32_000);
    assert.equal(transaction.flow.address, '192.0.2.3');
    const other = new Waiting();
    const second = layer.startClient(
      { ...outgoing('OPTIONS'), branch: 'z9hG4bKother' },
      flowTo('192.0.2.2', 'udp', next),
      other,
    );
    respond(second, 100, 'OPTIONS');
    wire.clock.advance(32_000);
    assert.deepEqual(other.told, ['100', 'timeout', 'ended']);
  });

  it('tells the failure of the last target, and ends once', () => {
    layer.startClient(outgoing('OPTIONS'), flowTo('192.0.2.2', 'udp', flowTo('192.0.2.3')), user);
    wire.fail();
    wire.fail();
    assert.deepEqual(user.told, ['retargeted', 'transport failure', 'ended']);
    assert.equal(layer.size, 0);
  });

  it('tries no further target for a request that is cancelled', () => {
    layer.startClient(outgoing('INVITE'), flowTo('192.0.2.2', 'udp', flowTo('192.0.2.3')), user);
    user.isCancelled = true;
    wire.fail();
    assert.deepEqual(user.told, ['transport failure', 'ended']);
  });

  it('leaves every other final response to the user', () => {
    const transaction = layer.startClient(outgoing('INVITE'), flowTo('192.0.2.2', 'udp', flowTo('192.0.2.3')), user);
    respond(transaction, 500, 'INVITE');
    assert.deepEqual(user.told, ['500']);
  });

  describe('with a request too large for UDP', () => {
    let refused: number;
    let flow: Flow;
    beforeEach(() => {
      refused = 0;
      const overTcp = (): Flow => ({ ...flowTo('192.0.2.2', 'tcp'), onRefused: () => refused++ });
      flow = { ...flowTo('192.0.2.2'), overTcp };
    });

    it('asks for TCP above 1,300 bytes, and says so in its Via', () => {
      const empty = outgoing('OPTIONS').text.length;
      const fits = layer.startClient(outgoing('OPTIONS', 1_300 - empty), flow, user);
      assert.equal(fits.flow.listener.protocol, 'udp');
      const large = layer.startClient(outgoing('OPTIONS', 1_301 - empty), flow, user);
      assert.equal(large.flow.listener.protocol, 'tcp');
      assert.match(wire.sent[1]?.text ?? '', /\r\nVia: SIP\/2\.0\/TCP 192\.0\.2\.1;rport;branch=/);
    });

    it('returns to UDP when TCP is refused, and says that it was', () => {
      const transaction = layer.startClient(outgoing('OPTIONS', 2_000), flow, user);
      wire.fail();
      assert.equal(transaction.flow.listener.protocol, 'udp');
      assert.match(wire.sent[1]?.text ?? '', /\r\nVia: SIP\/2\.0\/UDP /);
      assert.equal(refused, 1);
      wire.fail();
      assert.deepEqual(user.told, ['retargeted', 'transport failure', 'ended']);
    });

    it('stays on UDP for a target that was asked for by UDP, or has no TCP', () => {
      for (const pinned of [flowTo('192.0.2.2'), { ...flow, overTcp: () => null }]) {
        const request = { ...outgoing('OPTIONS', 2_000), branch: `z9hG4bK${Math.random()}` };
        assert.equal(layer.startClient(request, pinned, user).flow.listener.protocol, 'udp');
      }
    });
  });
});
