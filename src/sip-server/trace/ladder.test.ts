import assert from 'node:assert/strict';
import fc from 'fast-check';
import { captured, GATEWAY, PBX, sip } from '../testing/captured.js';
import { writeLadder } from './ladder.js';

const T0 = Date.UTC(2026, 10, 21, 7, 10, 0);
const invite = sip('INVITE sip:0105550102@10.0.0.1 SIP/2.0', 'INVITE', 'Content-Type: application/sdp');

describe('writeLadder', () => {
  it('draws arrows between the server and its peers, and marks what passed before', () => {
    const at = (ms: number) => ({ wallMs: T0 + ms });
    const text = writeLadder(
      [
        captured(true, PBX, invite, at(0)),
        captured(false, PBX, sip('SIP/2.0 100 Trying', 'INVITE'), at(1)),
        captured(false, GATEWAY, sip('INVITE sip:7#0105550102@10.0.0.20:5080 SIP/2.0', 'INVITE'), at(2)),
        captured(true, PBX, invite, at(500)),
        captured(true, GATEWAY, sip('SIP/2.0 180 Ringing', 'INVITE'), at(1_250)),
      ],
      0,
      { maskSecrets: true, withMessages: false },
    );
    assert.equal(
      text,
      [
        '5 messages from 2026-11-21T07:10:00.000Z',
        '',
        '                                 10.0.0.5:5060                            this server                           10.0.0.20:5080',
        '07:10:00.000    1                      │───────────── INVITE SDP ─────────────►│                                       │',
        '07:10:00.001    2                      │◄──────── 100 Trying (INVITE) ─────────│                                       │',
        '07:10:00.002    3                      │                                       │─────────────── INVITE ───────────────►│',
        '07:10:00.500    4                      │────────── INVITE SDP again ──────────►│                                       │',
        '07:10:01.250    5                      │                                       │◄──────── 180 Ringing (INVITE) ────────│',
        '',
      ].join('\n'),
    );
  });

  it('writes one line a message when there are too many peers for a ladder', () => {
    const peers = Array.from({ length: 6 }, (_, index) => ({ address: `fd00::${index + 1}`, port: 5060 }));
    const text = writeLadder(
      peers.map((peer) => captured(false, peer, sip('OPTIONS sip:x SIP/2.0', 'OPTIONS'))),
      3,
      { maskSecrets: true, withMessages: false },
    );
    assert.match(text, /^3 older ones are forgotten$/m);
    assert.match(text, /^07:10:00\.123 {4}6 {2}10\.0\.0\.1:5060 → \[fd00::6\]:5060 udp {2}OPTIONS$/m);
  });

  it('shows whole messages after the ladder, secrets masked or as they are', () => {
    const register = sip('REGISTER sip:x SIP/2.0', 'REGISTER', 'Authorization: Digest nonce="n", response="cafe"');
    const messages = [captured(true, PBX, register)];
    const masked = writeLadder(messages, 0, { maskSecrets: true, withMessages: true });
    assert.match(masked, /^1 {2}07:10:00\.123 {2}10\.0\.0\.5:5060 → 10\.0\.0\.1:5060 udp, \d+ bytes$/m);
    assert.match(masked, /^ {4}Authorization: Digest nonce="n", response="\*\*\*"$/m);
    assert.match(writeLadder(messages, 0, { maskSecrets: false, withMessages: true }), /response="cafe"/);
  });

  it('says so when there is nothing', () => {
    assert.equal(writeLadder([], 0, { maskSecrets: true, withMessages: true }), '0 messages\n\n');
  });

  it('lets no control character of a peer through, and takes any bytes', () => {
    const piece = fc.constantFrom(
      '\u001b[2J',
      '\r',
      '\n',
      '\r\n',
      'SIP/2.0 200 ',
      'CSeq: 1 ',
      '\u0000',
      'x',
      '\u009b',
      ' ',
      '한',
    );
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 20 }), { maxLength: 8 }), (texts) => {
        const messages = texts.map((pieces, index) => captured(index % 2 === 0, PBX, pieces.join('')));
        const text = writeLadder(messages, 0, { maskSecrets: true, withMessages: true });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });
});
