import { strict as assert } from 'node:assert';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import { fakeFlow, fakeOutgoing, fakeResponse, fakeWire, RecordingUser } from '../testing/fake-wire.js';
import { TransactionLayer } from './transaction-layer.js';

function request(method: string, via: string, cseq = 1, toTag = ''): SipMessage {
  const message = parseMessage(
    Buffer.from(
      `${method} sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP ${via}\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:b@c>${toTag}\r\n` +
        `Call-ID: c\r\nCSeq: ${cseq} ${method}\r\n\r\n`,
    ),
    { body: 'declared' },
  );
  assert.ok(message);
  return message;
}

describe('TransactionLayer', () => {
  it('finds a request again by branch, sent-by and method', () => {
    const layer = new TransactionLayer(fakeWire().context);
    const flow = fakeFlow();
    layer.startServer(request('INVITE', 'h:5060;branch=z9hG4bK1'), flow, new RecordingUser());
    assert.equal(layer.receiveRequest(request('INVITE', 'h:5060;branch=z9hG4bK1'), flow), true);
    assert.equal(layer.receiveRequest(request('ACK', 'h:5060;branch=z9hG4bK1', 1, ';tag=t'), flow), true);
    assert.equal(layer.receiveRequest(request('INVITE', 'h:5070;branch=z9hG4bK1'), flow), false);
    assert.equal(layer.receiveRequest(request('INVITE', 'h:5060;branch=z9hG4bK2'), flow), false);
    assert.equal(layer.receiveRequest(request('CANCEL', 'h:5060;branch=z9hG4bK1'), flow), false);
    assert.ok(layer.inviteOf(request('CANCEL', 'h:5060;branch=z9hG4bK1')));
    assert.equal(layer.inviteOf(request('CANCEL', 'h:5060;branch=z9hG4bK9')), undefined);
  });

  it('finds a request of an RFC 2543 peer by the fields that it repeats', () => {
    const layer = new TransactionLayer(fakeWire().context);
    const flow = fakeFlow();
    layer.startServer(request('INVITE', 'h:5060;branch=1'), flow, new RecordingUser());
    assert.equal(layer.receiveRequest(request('INVITE', 'h:5060;branch=1'), flow), true);
    assert.equal(layer.receiveRequest(request('ACK', 'h:5060;branch=1', 1, ';tag=t'), flow), true);
    assert.equal(layer.receiveRequest(request('INVITE', 'h:5060;branch=1', 2), flow), false);
  });

  it('finds the client transaction of a response by branch and method, and forgets it at its end', () => {
    const wire = fakeWire();
    const layer = new TransactionLayer(wire.context);
    const user = new RecordingUser();
    layer.startClient(fakeOutgoing('BYE'), fakeFlow(), user);
    assert.equal(layer.receiveResponse(fakeResponse(200, 'CANCEL'), fakeFlow()), false);
    assert.equal(layer.receiveResponse(fakeResponse(200, 'BYE'), fakeFlow()), true);
    assert.equal(layer.size, 1);
    wire.clock.advance(5_100);
    assert.equal(layer.size, 0);
    assert.equal(layer.receiveResponse(fakeResponse(200, 'BYE'), fakeFlow()), false);
  });
});
