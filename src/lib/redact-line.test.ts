import assert from 'node:assert/strict';
import { redactLine } from './redact-line.js';

function redacted(fields: object): unknown {
  const line = redactLine(`${JSON.stringify(fields)}\n`);
  assert.ok(line.endsWith('}\n'));
  return JSON.parse(line);
}

describe('redactLine', () => {
  it('cuts numbers to their last four digits, under their keys at any depth', () => {
    assert.deepEqual(
      redacted({ callee: '+821012345678', attempt: { dialled: '119', route: [{ number: '0212345678' }] } }),
      {
        callee: '…5678',
        attempt: { dialled: '…119', route: [{ number: '…5678' }] },
      },
    );
  });

  it('finds numbers in SIP URIs and in the texts of errors', () => {
    assert.deepEqual(
      redacted({
        requestUri: 'sip:7%2301055550101@127.0.0.1:5080',
        from: '"Agent" <sip:+821012345678@192.0.2.1;user=phone>',
        uri: 'sip:7#01055550101@gw',
        err: { message: 'no route to tel:01012345678', stack: 'Error: 01012345678\n at x.js:10:20' },
      }),
      {
        requestUri: 'sip:7%…0101@127.0.0.1:5080',
        from: '"Agent" <sip:…5678@192.0.2.1;user=phone>',
        uri: 'sip:7#…0101@gw',
        err: { message: 'no route to tel:…5678', stack: 'Error: …5678\n at x.js:10:20' },
      },
    );
  });

  it('leaves identifiers, addresses, times and counts as they are', () => {
    const fields = {
      time: '2026-11-21T07:32:29.000Z',
      callId: '12345678-1234-4123-8123-123456789012',
      sipCallId: '84219873@192.0.2.1',
      detail: 'call 12345678-1234-4123-8123-123456789012 on 192.168.100.200:50600, id a12345678',
      bytes: 104_857_600,
      file: '/var/cdr/cdr-2026-11-21.ndjson',
    };
    assert.deepEqual(redacted(fields), fields);
  });

  it('redacts a line that is no JSON as text', () => {
    assert.equal(redactLine('calling 01012345678\n'), 'calling …5678\n');
  });
});
