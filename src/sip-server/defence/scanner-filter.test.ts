import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SCANNER_USER_AGENTS, ScannerFilter } from './scanner-filter.js';

function request(...headers: readonly string[]): Buffer {
  return Buffer.from(
    ['OPTIONS sip:100@192.0.2.1 SIP/2.0', 'Via: SIP/2.0/UDP 1.2.3.4', ...headers, '', 'body'].join('\r\n'),
  );
}

describe('ScannerFilter', () => {
  const filter = new ScannerFilter(SCANNER_USER_AGENTS);

  it('finds each scanner of the list in any case, wherever the header and the name stand', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SCANNER_USER_AGENTS),
        fc.mixedCase(fc.constant('user-agent')),
        fc.boolean(),
        (name, header, isUpper) => {
          const value = isUpper ? name.toUpperCase() : name;
          assert.equal(filter.matches(request(`${header}: ${value}`)), true);
          assert.equal(
            filter.matches(request('To: <sip:x@y>', `${header} :x ${value}/3.1 (linux)`, 'CSeq: 1 OPTIONS')),
            true,
          );
        },
      ),
    );
  });

  const innocent: readonly (readonly [string, Buffer])[] = [
    ['another program', request('User-Agent: Asterisk PBX 20.5')],
    ['no User-Agent', request('To: <sip:friendly-scanner@x>')],
    ['the name in the body', Buffer.concat([request('To: <sip:x@y>'), Buffer.from('\r\nUser-Agent: sipvicious\r\n')])],
    ['the name in a header that is only like it', request('User-Agents: sipvicious', 'X-User-Agent: sipvicious')],
    ['the name after the header', request('User-Agent: Linphone', 'Subject: sipvicious')],
    ['the tool that operators use', request('User-Agent: sipsak 0.9.8.1')],
    ['a response', Buffer.from('SIP/2.0 200 OK\r\nUser-Agent: sipvicious\r\n\r\n')],
    ['half a name at the end of a packet', Buffer.from('OPTIONS sip:x SIP/2.0\r\nUser-Agent: sipvici')],
    ['nothing', Buffer.alloc(0)],
  ];
  for (const [what, bytes] of innocent) it(`lets ${what} pass`, () => assert.equal(filter.matches(bytes), false));

  it('finds a name in a folded value, and behind bare line feeds', () => {
    assert.equal(filter.matches(request('User-Agent:\r\n friendly-scanner')), true);
    assert.equal(filter.matches(Buffer.from('OPTIONS sip:x SIP/2.0\nuser-agent:SIPCLI/v1.8\n\n')), true);
  });

  it('lets everything pass with an empty list', () => {
    assert.equal(new ScannerFilter(['']).matches(request('User-Agent: sipvicious')), false);
  });

  it('says of any bytes what a search in the decoded header says', () => {
    const piece = fc.constantFrom(
      '\r\n',
      '\n',
      'User-Agent',
      'user-agent',
      ':',
      ' ',
      'sipcli',
      'SIPcli',
      'x',
      'SIP/2.0 ',
      '\t',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join('');
        const [head = ''] = text.split(/\n(?=\r|\n)/);
        const isFound = !/^sip\//i.test(text) && /\nuser-agent[ \t]*:(?:[^\n]|\n[ \t])*sipcli/i.test(head);
        assert.equal(new ScannerFilter(['sipcli']).matches(Buffer.from(text)), isFound, JSON.stringify(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
