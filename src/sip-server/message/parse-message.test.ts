import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { checkMessage } from './check-message.js';
import { MAX_HEADERS, parseMessage } from './parse-message.js';
import type { SipMessage } from './sip-message.js';

const INVITE = [
  'INVITE sip:bob@biloxi.example.com;user=phone SIP/2.0',
  'Via: SIP/2.0/TCP proxy.example.com:5060;branch=z9hG4bK1;received=192.0.2.1, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2',
  'v: SIP/2.0/UDP 10.0.0.2',
  'Max-Forwards: 70',
  'To: "Bob, \\"the\\" builder" <sip:bob@biloxi.example.com>',
  'f: Alice <sip:alice@atlanta.example.com;x=1>;tag=9fxced76sl',
  'Call-ID: 3848276298220188511@atlanta.example.com',
  'CSEQ: 2 INVITE',
  'X-Unknown:   spaced value   ',
  'Content-Length: 4',
  '',
  'bodyIGNORED',
].join('\r\n');

function parse(text: string, body: 'declared' | 'to-end' = 'declared'): SipMessage | null {
  return parseMessage(Buffer.from(text, 'latin1'), { body });
}

function parsed(text: string, body: 'declared' | 'to-end' = 'declared'): SipMessage {
  const message = parse(text, body);
  assert.ok(message);
  return message;
}

describe('parseMessage', () => {
  it('reads a request: start line, headers in order, compact names, quoted strings, the declared body', () => {
    const message = parsed(INVITE);
    assert.equal(checkMessage(message), null);
    assert.equal(message.method, 'INVITE');
    assert.equal(message.uri, 'sip:bob@biloxi.example.com;user=phone');
    assert.equal(message.isRequest, true);
    assert.equal(message.headerCount, 9);
    assert.equal(message.nameAt(6), 'CSEQ');
    assert.equal(message.valueAt(7), 'spaced value');
    assert.equal(message.body, 'body');
    assert.equal(message.byteLength, INVITE.length - 'IGNORED'.length);
    assert.equal(message.values('via').length, 2);
    assert.deepEqual(
      { ...message.via, parameters: undefined, length: undefined },
      {
        transport: 'TCP',
        host: 'proxy.example.com',
        port: 5060,
        branch: 'z9hG4bK1',
        hasRport: false,
        parameters: undefined,
        length: undefined,
      },
    );
    assert.equal(message.to?.uri, 'sip:bob@biloxi.example.com');
    assert.equal(message.to?.tag, undefined);
    assert.equal(message.from?.uri, 'sip:alice@atlanta.example.com;x=1');
    assert.equal(message.from?.tag, '9fxced76sl');
    assert.deepEqual(message.cseq, { number: 2, method: 'INVITE' });
  });

  it('reads a response, with and without a reason phrase', () => {
    const rest = INVITE.slice(INVITE.indexOf('\r\n'));
    const ok = parsed(`SIP/2.0 200 Все в порядке${rest}`);
    assert.equal(ok.status, 200);
    assert.equal(ok.isRequest, false);
    assert.equal(parsed(`SIP/2.0 486${rest}`).reason, '');
    assert.equal(parsed(`SIP/2.0 486 ${rest}`).status, 486);
  });

  it('takes the body to the end when told so, or when no length is declared', () => {
    assert.equal(parsed(INVITE, 'to-end').body, 'bodyIGNORED');
    assert.equal(parsed(INVITE.replace('Content-Length: 4\r\n', '')).body, 'bodyIGNORED');
  });

  it('joins folded lines with one space, wherever they are', () => {
    const message = parsed(INVITE.replace('Call-ID: ', 'Call-ID:\r\n   ').replace('2 INVITE', '2\r\n\tINVITE  \r\n '));
    assert.equal(checkMessage(message), null);
    assert.equal(message.callId, '3848276298220188511@atlanta.example.com');
    assert.deepEqual(message.cseq, { number: 2, method: 'INVITE' });
  });

  it('keeps every byte of the head, whatever its encoding', () => {
    const bytes = Buffer.from(INVITE.replace('spaced value', '\u0000'.replace('\u0000', 'ÿþčř🎧')), 'utf8');
    const message = parseMessage(bytes, { body: 'declared' });
    assert.ok(message);
    assert.equal(
      Buffer.from(message.head + message.body, 'latin1').equals(bytes.subarray(0, message.byteLength)),
      true,
    );
  });

  it('skips empty lines before the start line', () => {
    assert.equal(parsed(`\r\n\r\n${INVITE}`).method, 'INVITE');
  });

  const hopeless: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['a start line alone', 'INVITE sip:a@b SIP/2.0\r\n'],
    ['no end of the headers', INVITE.slice(0, INVITE.indexOf('\r\n\r\n') + 2)],
    ['a bare newline after the start line', INVITE.replaceAll('\r\n', '\n')],
    ['a status outside 100–699', INVITE.replace(/^.*?\r\n/, 'SIP/2.0 099 Odd\r\n')],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ];
  for (const [what, text] of hopeless) {
    it(`finds no message in ${what}`, () => assert.equal(parse(text), null));
  }

  const wrong: readonly (readonly [string, (text: string) => string])[] = [
    ['a line without a colon', (t) => t.replace('Max-Forwards: 70', 'Max-Forwards 70')],
    ['a header name that is no token', (t) => t.replace('X-Unknown:', 'X Unknown:')],
    ['a bare carriage return', (t) => t.replace('spaced value', 'spaced\rvalue')],
    ['a NUL', (t) => t.replace('spaced value', 'spaced\0value')],
    ['a Content-Length beyond the message', (t) => t.replace('Content-Length: 4', 'Content-Length: 400')],
    ['a negative Content-Length', (t) => t.replace('Content-Length: 4', 'Content-Length: -4')],
    ['two Content-Lengths that differ', (t) => t.replace('Content-Length: 4', 'Content-Length: 4\r\nl: 5')],
    ['a missing Via', (t) => t.replace(/^Via.*\r\n/m, '').replace(/^v: .*\r\n/m, '')],
    ['a Via that is none', (t) => t.replace('SIP/2.0/TCP', 'HTTP/1.1')],
    ['an empty Via parameter', (t) => t.replace(';received', ';;received')],
    ['an open quote in a parameter of To', (t) => t.replace('biloxi.example.com>', 'biloxi.example.com>;x="y')],
    ['something between the brackets and the parameters', (t) => t.replace(';x=1>', ';x=1>y')],
    ['an open quote in Via', (t) => t.replace(';received', ';x="y')],
    ['two addresses in From', (t) => t.replace('9fxced76sl', '9fxced76sl, <sip:c@d>')],
    [
      'a Contact whose URI has headers outside brackets',
      (t) => t.replace('X-Unknown:', 'm: sip:a@b?c=d\r\nX-Unknown:'),
    ],
    ['a Via port of 70000', (t) => t.replace('proxy.example.com:5060', 'proxy.example.com:70000')],
    ['a From without a URI', (t) => t.replace(/f: .*/, 'f: Alice;tag=1')],
    ['an open quote in To', (t) => t.replace('builder"', 'builder')],
    ['a missing Call-ID', (t) => t.replace(/Call-ID.*\r\n/, '')],
    ['a CSeq of 2**31', (t) => t.replace('2 INVITE', '2147483648 INVITE')],
    ['a CSeq of another method', (t) => t.replace('2 INVITE', '2 BYE')],
    ['two To', (t) => t.replace('Max-Forwards', 't: <sip:c@d>\r\nMax-Forwards')],
    ['a Max-Forwards that is no number', (t) => t.replace('Forwards: 70', 'Forwards: many')],
  ];
  for (const [what, spoil] of wrong) {
    it(`refuses ${what}`, () => {
      const spoilt = spoil(INVITE);
      assert.notEqual(spoilt, INVITE);
      assert.equal(checkMessage(parsed(spoilt))?.status, 400);
    });
  }

  it('accepts a quoted NUL, and numbers with leading zeros', () => {
    const message = parsed(INVITE.replace('builder', 'builder\\\0').replace('70', '0070').replace('2 INV', '0002 INV'));
    assert.equal(checkMessage(message), null);
    assert.equal(message.cseq?.number, 2);
  });

  it('reads a Content-Length below its name', () => {
    assert.equal(parsed(INVITE.replace('Content-Length: 4', 'Content-Length:\r\n\t4')).body, 'body');
  });

  it('takes a request whose request line is spoilt for one, and refuses it', () => {
    for (const line of ['INVITE  sip:a@b SIP/2.0', 'INVITE <sip:a@b> SIP/2.0', 'INVITE sip:a@b; lr SIP/2.0 ']) {
      const message = parsed(INVITE.replace(/^.*/, line));
      assert.equal(message.method, 'INVITE');
      assert.equal(checkMessage(message)?.status, 400, line);
    }
  });

  const uris: readonly (readonly [string, number | null])[] = [
    ['sip:a@b;x?Subject=y', 400],
    ['sip:2001:db8::10', 400],
    ['sip:', 400],
    ['nonsense', 400],
    ['cid:x', 416],
    ['tel:+821012345678;phone-context=kr', null],
    ['urn:service:sos', null],
    ['sip:a?b=c@d', null],
  ];
  for (const [uri, status] of uris) {
    it(`${status === null ? 'accepts' : `refuses with ${status}`} the Request-URI ${uri}`, () => {
      const line = `INVITE ${uri} SIP/2.0`;
      assert.equal(checkMessage(parsed(INVITE.replace(/^.*/, line)))?.status ?? null, status);
    });
  }

  it('refuses with 501 a standard method in another case, and another method in CSeq than that of an extension', () => {
    for (const method of ['Invite', 'FROB']) {
      assert.equal(checkMessage(parsed(INVITE.replace(/^INVITE/, method)))?.status, 501, method);
    }
  });

  it('refuses another version with 505', () => {
    assert.equal(checkMessage(parsed(INVITE.replace('SIP/2.0\r\n', 'SIP/7.0\r\n')))?.status, 505);
  });

  it('refuses more headers than any honest message has, and reads none beyond', () => {
    const many = INVITE.replace('Max-Forwards', `${'X: y\r\n'.repeat(5_000)}Max-Forwards`);
    const message = parsed(many);
    assert.equal(message.problem?.reason, 'Too many headers');
    assert.equal(message.headerCount, MAX_HEADERS);
  });

  it('never throws and keeps within its bytes, for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => examine(Buffer.from(bytes))));
  });

  it('never throws, hangs or reads beyond, for any mutation of a message', () => {
    const edit = fc.tuple(fc.nat(INVITE.length), fc.nat(12), fc.string({ unit: 'binary', maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        let text = INVITE;
        for (const [at, removed, inserted] of edits) text = text.slice(0, at) + inserted + text.slice(at + removed);
        examine(Buffer.from(text, 'utf8'));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Asks a message everything that the server asks. */
function examine(bytes: Buffer): void {
  for (const body of ['declared', 'to-end'] as const) {
    const message = parseMessage(bytes, { body });
    if (message === null) continue;
    assert.ok(message.byteLength <= bytes.length);
    checkMessage(message);
    void message.via;
    void message.from;
    void message.to;
    void message.cseq;
    assert.equal(message.head.length + message.body.length, message.byteLength);
    for (let index = 0; index < message.headerCount; index++) {
      message.valueAt(index);
      assert.ok(message.nameAt(index).length > 0);
    }
  }
}
