import assert from 'node:assert/strict';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import { fakeFlow } from '../testing/fake-wire.js';
import { RecordRoutes } from './record-route.js';

function request(uri: string, routes: readonly string[], callId = 'c1'): SipMessage {
  const lines = routes.map((route) => `Route: ${route}\r\n`).join('');
  const text = `BYE ${uri} SIP/2.0\r\n${lines}Call-ID: ${callId}\r\n\r\n`;
  const message = parseMessage(Buffer.from(text), { body: 'declared' });
  assert.ok(message);
  return message;
}

describe('RecordRoutes', () => {
  const routes = new RecordRoutes();
  const udp = fakeFlow('udp').listener;
  const tcp = fakeFlow('tcp').listener;

  it('writes one value for a listener, and two where the call crosses from one to another', () => {
    assert.equal(routes.valuesFor('c1', udp, udp).length, 1);
    assert.match(routes.valuesFor('c1', udp, udp)[0] ?? '', /^<sip:192\.0\.2\.1:5060;lr;rr=[0-9a-f]{16}>$/);
    assert.equal(routes.valuesFor('c1', udp, tcp).length, 2);
  });

  it('takes its own values off the route, and leaves those of others', () => {
    const [own = ''] = routes.valuesFor('c1', udp, udp);
    const onwards = routes.onwards(request('sip:b@h', [`${own}, ${own}`, '<sip:p;lr>']));
    assert.deepEqual(onwards, { uri: 'sip:b@h', routes: ['<sip:p;lr>'] });
  });

  it('finds the target behind the routes when a strict router put us into the request-URI', () => {
    const own = (routes.valuesFor('c1', udp, udp)[0] ?? '').slice(1, -1);
    assert.deepEqual(routes.onwards(request(own, ['<sip:p;lr>', '<sip:b@h>'])), {
      uri: 'sip:b@h',
      routes: ['<sip:p;lr>'],
    });
    assert.equal(routes.onwards(request(own, [])), null);
  });

  it('knows neither the values of another call nor those of another process', () => {
    const [own = ''] = routes.valuesFor('c1', udp, udp);
    assert.equal(routes.onwards(request('sip:b@h', [own], 'c2')), null);
    assert.equal(new RecordRoutes().onwards(request('sip:b@h', [own])), null);
    assert.equal(routes.onwards(request('sip:b@h', ['<sip:192.0.2.1:5060;lr>'])), null);
  });
});
