import { strict as assert } from 'node:assert';
import { hostPort, parseSipUri, uriParameter } from './uri.js';

describe('parseSipUri', () => {
  it('reads user, host, port and parameters', () => {
    const uri = parseSipUri('SIP:1001#010-1234;x=1:secret@[2001:DB8::1]:5070;transport=TCP;lr?Subject=x');
    assert.deepEqual(uri && { ...uri }, {
      scheme: 'sip',
      user: '1001#010-1234;x=1:secret',
      host: '2001:db8::1',
      port: 5070,
      parameters: ';transport=TCP;lr',
      headers: '?Subject=x',
    });
    assert.ok(uri);
    assert.equal(uriParameter(uri, 'transport'), 'tcp');
    assert.equal(uriParameter(uri, 'lr'), '');
    assert.equal(uriParameter(uri, 'maddr'), undefined);
  });

  it('refuses what is no SIP URI', () => {
    for (const text of [
      'tel:+82',
      'sip:',
      'sip:a@',
      'sip:a@b:0',
      'sip:a@b:65536',
      'sip:a b@c',
      'nonsense',
      'sip:a@-b',
    ]) {
      assert.equal(parseSipUri(text), null, text);
    }
  });
});

describe('hostPort', () => {
  it('brackets IPv6 and leaves an unknown port out', () => {
    assert.equal(hostPort('::1', 5060), '[::1]:5060');
    assert.equal(hostPort('10.0.0.1', undefined), '10.0.0.1');
  });
});
