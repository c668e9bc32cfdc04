import assert from 'node:assert/strict';
import { TraceFilter } from './trace-filter.js';

function head(
  options: { uri?: string; from?: string; to?: string; callId?: string; more?: string[]; start?: string } = {},
): string {
  return [
    options.start ?? `INVITE ${options.uri ?? 'sip:x@y'} SIP/2.0`,
    `From: ${options.from ?? '<sip:a@b>'};tag=1`,
    `To: ${options.to ?? '<sip:c@d>'}`,
    `Call-ID: ${options.callId ?? 'one'}`,
    ...(options.more ?? []),
  ].join('\r\n');
}

describe('TraceFilter', () => {
  it('takes everything when it is told to', () => {
    assert.equal(new TraceFilter({ kind: 'all' }).matches('complete nonsense'), true);
  });

  it('takes the messages of one Call-ID, compact form and any case of its name included', () => {
    const filter = new TraceFilter({ kind: 'call-id', callId: 'Ab-1@host' });
    assert.equal(filter.matches(head({ callId: 'Ab-1@host' })), true);
    assert.equal(filter.matches('BYE sip:x SIP/2.0\r\ni:Ab-1@host'), true);
    assert.equal(filter.matches('SIP/2.0 200 OK\r\nCALL-ID \t:  Ab-1@host '), true);
    assert.equal(filter.matches(head({ callId: 'ab-1@host' })), false);
    assert.equal(filter.matches(head({ callId: 'Ab-1@host2' })), false);
    assert.equal(filter.matches(head({ more: ['X-Call-ID: Ab-1@host'] })), false);
  });

  const named: readonly (readonly [string, Parameters<typeof head>[0]])[] = [
    ['the request-URI', { uri: 'sip:7#01055550102@gw' }],
    ['From', { from: '"A" <sip:+8201055550102@x>' }],
    ['To', { to: 'tel:010-5555-0102' }],
    ['P-Asserted-Identity', { more: ['P-Asserted-Identity: <sip:01055550102@x>'] }],
  ];
  for (const [where, options] of named) {
    it(`takes calls that name a number in ${where}, and their later messages that do not`, () => {
      const filter = new TraceFilter({ kind: 'number', number: '010-5555-0102' });
      assert.equal(filter.matches(head({ callId: 'two' })), false);
      assert.equal(filter.matches(head(options)), true);
      assert.equal(filter.matches(head({ start: 'SIP/2.0 200 OK' })), true);
      assert.equal(filter.matches(head({ callId: 'two' })), false);
    });
  }

  it('looks for the number in users alone', () => {
    const filter = new TraceFilter({ kind: 'number', number: '5060' });
    assert.equal(filter.matches(head({ uri: 'sip:x@y:5060', callId: '5060', more: ['Subject: 5060'] })), false);
  });
});
