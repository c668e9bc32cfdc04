// The messages of RFC 4475, read: what the parser must take, what it must refuse and with which status.
import { strict as assert } from 'node:assert';
import { checkMessage } from '../check-message.js';
import { parseNameAddress, splitElements } from '../name-address.js';
import { parseMessage } from '../parse-message.js';
import type { SipMessage } from '../sip-message.js';
import { parseSipUri } from '../uri.js';
import { parseTopVia } from '../via.js';
import { RFC4475_INVALID } from './rfc4475-invalid.js';
import { RFC4475_SEMANTICS } from './rfc4475-semantics.js';
import { RFC4475_VALID } from './rfc4475-valid.js';

function read(bytes: Buffer): SipMessage {
  const message = parseMessage(bytes, { body: 'declared' });
  assert.ok(message);
  return message;
}

function accepted(bytes: Buffer): SipMessage {
  const message = read(bytes);
  assert.equal(checkMessage(message), null);
  return message;
}

function refused(bytes: Buffer, status: number): void {
  assert.equal(checkMessage(read(bytes))?.status, status);
}

/** Values of a header that the server does not read, by its name as written. */
function others(message: SipMessage, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < message.headerCount; index++) {
    if (message.nameAt(index) === name) values.push(message.valueAt(index));
  }
  return values;
}

function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

describe('RFC 4475, valid messages, in the parser', () => {
  const { wsinv, intmeth, esc01, escnull, esc02, lwsdisp, longreq, dblreq, semiuri } = RFC4475_VALID;
  const { transports, mpart01, unreason, noreason } = RFC4475_VALID;

  it('wsinv (RFC 4475 §3.1.1.1): folds, blanks, quotes, compact and long names read as one', () => {
    const message = accepted(wsinv);
    assert.equal(message.uri, 'sip:vivekg@chair-dnrc.example.com;unknownparam');
    assert.equal(message.to?.uri, 'sip:vivekg@chair-dnrc.example.com');
    assert.equal(message.to?.tag, '1918181833n');
    assert.equal(message.from?.uri, 'sip:jdrosen@example.com');
    assert.equal(message.from?.tag, '98asjd8');
    assert.equal(message.value('max-forwards'), '0068');
    assert.deepEqual(message.cseq, { number: 9, method: 'INVITE' });
    assert.equal(message.via?.branch, '390skdjuw');
    const vias = splitElements(message.values('via')).map((via) => parseTopVia(via));
    assert.deepEqual(
      vias.map((via) => [via?.transport, via?.host, via?.branch]),
      [
        ['UDP', '192.0.2.2', '390skdjuw'],
        ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
        ['UDP', '192.168.255.111', 'z9hG4bK30239'],
      ],
    );
    assert.deepEqual(others(message, 's'), ['']);
    assert.deepEqual(others(message, 'NewFangledHeader'), ['newfangled value continued newfangled value']);
    assert.deepEqual(others(message, 'UnknownHeaderWithUnusualValue'), [';;,,;;,;']);
    const contact = parseNameAddress(message.value('contact') ?? '');
    assert.equal(contact?.uri, 'sip:jdrosen@example.com');
    assert.equal(contact.parameters, '; newparam = newvalue ; secondparam ; q = 0.33');
    assert.equal(message.body.length, 150);
  });

  it('intmeth (RFC 4475 §3.1.1.2): every character that a token, a word or a URI may hold is kept', () => {
    const message = accepted(intmeth);
    assert.equal(message.method, "!interesting-Method0123456789_*+`.%indeed'~");
    assert.equal(message.cseq?.method, message.method);
    const uri = parseSipUri(message.uri);
    assert.equal(uri?.host, 'example.com');
    assert.equal(
      uri.user,
      "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
    );
    assert.equal(message.via?.branch, "z9hG4bK-.!%66*_+`'~");
    assert.equal(message.to?.uri, "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com");
    assert.ok(message.value('to')?.startsWith('"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f" <'));
    assert.equal(message.from?.tag, "_token~1'+`*%!-.");
    assert.match(utf8(message.from?.parameters ?? ''), /="работающий";/);
    assert.equal(message.callId, 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    assert.deepEqual(others(message, "extensionHeader-!.%*+_`'~").map(utf8), ['\ufeff大停電']);
  });

  it('esc01 (RFC 4475 §3.1.1.3): escapes in URIs stay as they are written', () => {
    const message = accepted(esc01);
    assert.equal(parseSipUri(message.uri)?.user, 'sips%3Auser%40example.com');
    assert.equal(parseSipUri(message.uri)?.host, 'example.net');
    assert.equal(message.to?.uri, 'sip:%75se%72@example.com');
    assert.equal(message.from?.uri, 'sip:I%20have%20spaces@example.net');
    const contact = parseNameAddress(message.value('contact') ?? '');
    assert.equal(parseSipUri(contact?.uri ?? '')?.parameters, ';%6C%72;n%61me=v%61lue%25%34%31');
  });

  it('escnull (RFC 4475 §3.1.1.4): escaped NULs shorten nothing, and two Contacts stay two', () => {
    const message = accepted(escnull);
    assert.equal(message.to?.uri, 'sip:null-%00-null@example.com');
    assert.deepEqual(message.values('contact'), ['<sip:%00@host5.example.com>', '<sip:%00%00@host5.example.com>']);
  });

  it('esc02 (RFC 4475 §3.1.1.5): a percent sign escapes nothing in methods, names and header names', () => {
    const message = accepted(esc02);
    assert.equal(message.method, 'RE%47IST%45R');
    assert.equal(message.value('from'), '"%Z%45" <sip:resource@example.com>;tag=f232jadfj23');
    assert.equal(message.values('contact').length, 2);
    assert.deepEqual(others(message, 'C%6Fntact'), ['<sip:alias2@host2.example.com>']);
  });

  it('lwsdisp (RFC 4475 §3.1.1.6): a display name may touch its bracket', () => {
    const message = accepted(lwsdisp);
    assert.equal(message.from?.uri, 'sip:caller@example.com');
    assert.equal(message.from.tag, '323');
  });

  it('longreq (RFC 4475 §3.1.1.7): long values and many Vias are read whole', () => {
    const message = accepted(longreq);
    assert.equal(message.values('via').length, 34);
    assert.equal(message.via?.host, 'sip33.example.com');
    assert.equal(message.via.branch, undefined);
    assert.equal(message.from?.tag, `1${'298'.repeat(50)}2424`);
    assert.equal(message.callId, `longreq.one${'really'.repeat(20)}longcallid`);
    assert.equal(message.body.length, 150);
  });

  it('dblreq (RFC 4475 §3.1.1.8): octets after the body of a datagram are not part of it', () => {
    const message = accepted(dblreq);
    assert.equal(message.method, 'REGISTER');
    assert.equal(message.body, '');
    assert.equal(message.byteLength, dblreq.indexOf('\r\n\r\n') + 4);
  });

  it('semiuri (RFC 4475 §3.1.1.9): a semicolon before the @ belongs to the user', () => {
    const uri = parseSipUri(accepted(semiuri).uri);
    assert.equal(decodeURIComponent(uri?.user ?? ''), 'user;par=u@example.net');
    assert.equal(uri?.host, 'example.com');
    assert.equal(uri.parameters, '');
  });

  it('transports (RFC 4475 §3.1.1.10): Vias of any transport are read, unknown ones too', () => {
    const vias = accepted(transports).values('via');
    assert.deepEqual(
      vias.map((via) => parseTopVia(via)?.transport),
      ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'],
    );
  });

  it('mpart01 (RFC 4475 §3.1.1.11): a binary body with NULs is kept octet for octet', () => {
    const message = accepted(mpart01);
    assert.equal(message.body.length, 553);
    assert.ok(mpart01.subarray(-553).equals(Buffer.from(message.body, 'latin1')));
  });

  it('unreason (RFC 4475 §3.1.1.12): a reason phrase may be any text', () => {
    const message = accepted(unreason);
    assert.equal(message.status, 200);
    assert.equal(utf8(message.reason), '= 2**3 * 5**2 но сто девяносто девять - простое');
  });

  it('noreason (RFC 4475 §3.1.1.13): a reason phrase may be empty', () => {
    const message = accepted(noreason);
    assert.equal(message.status, 100);
    assert.equal(message.reason, '');
  });
});

describe('RFC 4475, invalid messages, in the parser', () => {
  const bad: readonly (readonly [keyof typeof RFC4475_INVALID, string, number, string])[] = [
    ['badinv01', '§3.1.2.1', 400, 'separators without parameters'],
    ['clerr', '§3.1.2.2', 400, 'a Content-Length beyond the datagram'],
    ['ncl', '§3.1.2.3', 400, 'a negative Content-Length'],
    ['scalar02', '§3.1.2.4', 400, 'a CSeq number beyond 2**32'],
    ['scalarlg', '§3.1.2.5', 400, 'a CSeq number beyond 2**32 in a response'],
    ['quotbal', '§3.1.2.6', 400, 'a quote that is never closed'],
    ['ltgtruri', '§3.1.2.7', 400, 'a Request-URI in brackets'],
    ['lwsruri', '§3.1.2.8', 400, 'a blank in the Request-URI'],
    ['lwsstart', '§3.1.2.9', 400, 'two blanks between the elements of the request line'],
    ['trws', '§3.1.2.10', 400, 'blanks at the end of the request line'],
    ['escruri', '§3.1.2.11', 400, 'headers in the Request-URI'],
    ['regbadct', '§3.1.2.13', 400, 'a Contact whose URI has headers but no brackets'],
    ['baddn', '§3.1.2.15', 400, 'a comma in a display name without quotes'],
    ['badvers', '§3.1.2.16', 505, 'another version of SIP'],
    ['mismatch01', '§3.1.2.17', 400, 'another method in CSeq'],
    ['mismatch02', '§3.1.2.18', 501, 'another method in CSeq than that of an unknown request'],
  ];
  for (const [tag, section, status, what] of bad) {
    it(`${tag} (RFC 4475 ${section}): refuses with ${status} ${what}`, () => refused(RFC4475_INVALID[tag], status));
  }

  it('baddate (RFC 4475 §3.1.2.12): passes on a Date that it does not use, whatever its zone', () => {
    assert.deepEqual(others(accepted(RFC4475_INVALID.baddate), 'Date'), ['Fri, 01 Jan 2010 16:00:00 EST']);
  });

  it('badaspec (RFC 4475 §3.1.2.14): ignores blanks inside the brackets of an address', () => {
    assert.equal(accepted(RFC4475_INVALID.badaspec).to?.uri, 'sip:t.watson@example.org');
  });

  it('bigcode (RFC 4475 §3.1.2.19): sees no message in a status above 699', () => {
    assert.equal(parseMessage(RFC4475_INVALID.bigcode, { body: 'declared' }), null);
  });
});

describe('RFC 4475, meaning and older syntax, in the parser', () => {
  const { badbranch, unksm2, bext01, invut, regaut01, bcast, zeromf } = RFC4475_SEMANTICS;
  const { cparam01, cparam02, regescrt, sdp01, inv2543 } = RFC4475_SEMANTICS;

  const bad: readonly (readonly [keyof typeof RFC4475_SEMANTICS, string, number, string])[] = [
    ['insuf', '§3.3.1', 400, 'missing required headers'],
    ['unkscm', '§3.3.2', 416, 'a Request-URI of an unknown scheme'],
    ['novelsc', '§3.3.3', 416, 'a Request-URI of a scheme that SIP has no use for'],
    ['multi01', '§3.3.8', 400, 'two values where one may be'],
    ['mcl01', '§3.3.9', 400, 'two Content-Lengths that differ'],
  ];
  for (const [tag, section, status, what] of bad) {
    it(`${tag} (RFC 4475 ${section}): refuses with ${status} ${what}`, () => refused(RFC4475_SEMANTICS[tag], status));
  }

  it('badbranch (RFC 4475 §3.2.1): reads a branch that is the magic cookie alone', () => {
    assert.equal(accepted(badbranch).via?.branch, 'z9hG4bK');
  });

  it('unksm2 (RFC 4475 §3.3.4): reads addresses of any scheme', () => {
    const message = accepted(unksm2);
    assert.equal(message.to?.uri, 'isbn:2983792873');
    assert.equal(message.from?.uri, 'http://www.example.com');
    assert.equal(parseNameAddress(message.value('contact') ?? '')?.uri, 'name:John_Smith');
  });

  it('bext01 (RFC 4475 §3.3.5): passes on what Require asks for', () => {
    assert.deepEqual(splitElements(accepted(bext01).values('require')), [
      'nothingSupportsThis',
      'nothingSupportsThisEither',
    ]);
  });

  it('invut (RFC 4475 §3.3.6): passes on a body of any type', () => {
    const message = accepted(invut);
    assert.equal(message.value('content-type'), 'application/unknownformat');
    assert.equal(message.body, '<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n');
  });

  it('regaut01 (RFC 4475 §3.3.7): passes on credentials of an unknown scheme', () => {
    assert.equal(accepted(regaut01).method, 'REGISTER');
    assert.match(regaut01.toString(), /NoOneKnowsThisScheme/);
    assert.ok(accepted(regaut01).head.includes('Authorization: NoOneKnowsThisScheme opaque-data=here'));
  });

  it('bcast (RFC 4475 §3.3.10): reads a response whose second Via is the broadcast address', () => {
    assert.equal(parseTopVia(accepted(bcast).values('via')[1] ?? '')?.host, '255.255.255.255');
  });

  it('zeromf (RFC 4475 §3.3.11): reads a Max-Forwards of zero', () => {
    assert.equal(accepted(zeromf).value('max-forwards'), '0');
  });

  it('cparam01 (RFC 4475 §3.3.12): a parameter after a URI without brackets is the header’s', () => {
    const contact = parseNameAddress(accepted(cparam01).value('contact') ?? '');
    assert.equal(contact?.uri, 'sip:+19725552222@gw1.example.net');
    assert.equal(contact.parameters, ';unknownparam');
  });

  it('cparam02 (RFC 4475 §3.3.13): a parameter inside the brackets is the URI’s', () => {
    const contact = parseNameAddress(accepted(cparam02).value('contact') ?? '');
    assert.equal(parseSipUri(contact?.uri ?? '')?.parameters, ';unknownparam');
    assert.equal(contact?.parameters, '');
  });

  it('regescrt (RFC 4475 §3.3.14): headers of a URI in a Contact stay where they are', () => {
    const message = accepted(regescrt);
    const contact = parseNameAddress(message.value('contact') ?? '');
    assert.equal(parseSipUri(contact?.uri ?? '')?.headers, '?Route=%3Csip:sip.example.com%3E');
    assert.equal(message.has('route'), false);
  });

  it('sdp01 (RFC 4475 §3.3.15): passes on an Accept that nothing can meet', () => {
    assert.deepEqual(others(accepted(sdp01), 'Accept'), ['text/nobodyKnowsThis']);
  });

  it('inv2543 (RFC 4475 §3.4.1): reads an INVITE of RFC 2543, without tag, branch, Max-Forwards and Content-Length', () => {
    const message = accepted(inv2543);
    assert.equal(message.from?.tag, undefined);
    assert.equal(message.via?.branch, undefined);
    assert.equal(message.body.length, 105);
  });
});
