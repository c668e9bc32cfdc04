import assert from 'node:assert/strict';
import { dialUri } from './dial-uri.js';

const GATEWAY = { dial: '{port}#{number}', host: '10.0.0.20', port: 5060, transport: 'udp' } as const;
const CHANNEL = { port: 7, simNumber: '+821012340007' };

describe('dialUri', () => {
  it('fills the gateway’s template, and escapes what a SIP user part may not hold', () => {
    assert.equal(dialUri(GATEWAY, CHANNEL, '+821098765432'), 'sip:7%2301098765432@10.0.0.20:5060;transport=udp');
    assert.equal(
      dialUri({ ...GATEWAY, dial: 'p{port}-{e164}-{sim}' }, CHANNEL, '+821098765432'),
      'sip:p7-+821098765432-+821012340007@10.0.0.20:5060;transport=udp',
    );
  });

  it('dials short codes as they are and foreign numbers in full', () => {
    const gateway = { ...GATEWAY, dial: '{number}' };
    assert.equal(dialUri(gateway, CHANNEL, '119'), 'sip:119@10.0.0.20:5060;transport=udp');
    assert.equal(dialUri(gateway, CHANNEL, '+14155550100'), 'sip:+14155550100@10.0.0.20:5060;transport=udp');
  });

  it('leaves out the port of a name whose SRV records say it', () => {
    const gateway = { ...GATEWAY, dial: '{number}', host: 'gw.test', port: undefined };
    assert.equal(dialUri(gateway, CHANNEL, '119'), 'sip:119@gw.test;transport=udp');
  });

  it('writes IPv6 hosts in brackets and names the transport, UDP too, so that it is never left for another', () => {
    const gateway = { ...GATEWAY, dial: '{number}', host: 'fd00::20', transport: 'tcp' } as const;
    assert.equal(dialUri(gateway, CHANNEL, '119'), 'sip:119@[fd00::20]:5060;transport=tcp');
    assert.match(dialUri({ ...gateway, transport: 'tls' }, CHANNEL, '119'), /;transport=tls$/);
  });
});
