import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dialAddress, dialUri } from './dial-uri.js';

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

describe('dialAddress', () => {
  const CALLEE = '+821098765432';

  it('presents the SIM’s own number in From unless it is told otherwise', () => {
    const { fromUser, headers } = dialAddress(GATEWAY, CHANNEL, CALLEE);
    assert.equal(fromUser, '+821012340007');
    assert.deepEqual(headers, {});
  });

  it('puts the SIM’s number into the headers that are asked for, and the line’s account into From', () => {
    const gateway = { ...GATEWAY, callerId: ['p-asserted-identity', 'remote-party-id'] } as const;
    const address = dialAddress(gateway, { ...CHANNEL, line: 'sim07' }, CALLEE);
    assert.equal(address.fromUser, 'sim07');
    assert.deepEqual(address.headers, {
      'P-Asserted-Identity': '<sip:+821012340007@10.0.0.20>',
      'Remote-Party-ID': '<sip:+821012340007@10.0.0.20>;party=calling;screen=yes;privacy=off',
    });
    assert.equal(dialAddress({ ...gateway, fromUser: 'gw-{port:3}' }, CHANNEL, CALLEE).fromUser, 'gw-007');
  });

  it('says the channel in headers and URI parameters, escaped where a URI asks for it', () => {
    const gateway = {
      ...GATEWAY,
      dial: '{number}',
      uriParameters: { line: '{line}', n: 'a b', gsm: '' },
      headers: { 'X-Line': '{line}/{port:2} to {e164}' },
    };
    const address = dialAddress(gateway, { ...CHANNEL, line: 'dongle0' }, CALLEE);
    assert.equal(address.requestUri, 'sip:01098765432@10.0.0.20:5060;transport=udp;line=dongle0;n=a%20b;gsm');
    assert.deepEqual(address.headers, { 'X-Line': 'dongle0/07 to +821098765432' });
  });

  it('pads a port to as many digits as are asked for, so that no prefix is the beginning of another', () => {
    const gateway = { ...GATEWAY, dial: '{port:2}{number}' };
    assert.match(dialUri(gateway, CHANNEL, CALLEE), /^sip:0701098765432@/);
    assert.match(dialUri(gateway, { ...CHANNEL, port: 128 }, CALLEE), /^sip:12801098765432@/);
  });

  it('never lets a template make a second header, host or parameter', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(text, text, (dial, parameter) => {
        const gateway = { ...GATEWAY, dial: `${dial}{number}`, uriParameters: { p: parameter } };
        const uri = dialUri(gateway, CHANNEL, CALLEE);
        assert.match(uri, /^sip:[^@\s<>"]*@10\.0\.0\.20:5060;transport=udp;p(=[^;?\s<>"@]*)?$/);
      }),
    );
  });
});
