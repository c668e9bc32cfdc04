import assert from 'node:assert/strict';
import fc from 'fast-check';
import { answerTo, MAX_GOIP_BYTES, readGoipPacket, reportOfKeepalive, toldBy } from './goip-packet.js';

/** As recent firmware sends it. */
const KEEPALIVE =
  'req:27;id:line1;pass:secret;num:;signal:29;gsm_status:LOGIN;voip_status:LOGOUT;voip_state:IDLE;remain_time:-1;' +
  'imei:490000000000001;imsi:450050000000001;iccid:8982050000000000001;pro:KT;idle:11;disable_status:0;SMS_LOGIN:N;' +
  'SMB_LOGIN:;CELLINFO:LAC:7E5,CELL ID:5E5B;CGATT:Y;';

function packetOf(text: string) {
  const packet = readGoipPacket(Buffer.from(text));
  assert.ok(packet !== null, text);
  return packet;
}

function reportOf(text: string) {
  return reportOfKeepalive(packetOf(text));
}

describe('packets of a GoIP', () => {
  it('are keepalives with the state of a line', () => {
    const packet = packetOf(KEEPALIVE);
    assert.deepEqual(
      [packet.id, packet.password, packet.fields.get('CELLINFO')],
      ['line1', 'secret', 'LAC:7E5,CELL ID:5E5B'],
    );
    assert.deepEqual(reportOfKeepalive(packet), {
      ...{ present: true, registered: true, inCall: false, signal: 29 },
      ...{ balance: null, iccid: '8982050000000000001' },
    });
    assert.equal(answerTo(packet), 'reg:27;status:200;');
  });

  it('say that a SIM is searching, in a call, switched off or absent', () => {
    const searching = reportOf(KEEPALIVE.replace('gsm_status:LOGIN', 'gsm_status:LOGOUT'));
    assert.deepEqual([searching?.present, searching?.registered], [true, false]);
    assert.equal(reportOf(KEEPALIVE.replace('voip_state:IDLE', 'voip_state:CONNECTED'))?.inCall, true);
    assert.equal(reportOf(KEEPALIVE.replace('disable_status:0', 'disable_status:1'))?.registered, false);
    const empty = reportOf(
      'req:3;id:line1;pass:secret;num:;signal:;gsm_status:LOGOUT;voip_status:LOGIN;imei:1;imsi:;iccid:;',
    );
    assert.deepEqual(empty, {
      present: false,
      registered: false,
      inCall: null,
      signal: null,
      balance: null,
      iccid: null,
    });
  });

  it('of older firmware do not tell whether a card is there', () => {
    const old = 'req:10;id:goipid1;pass:password1;num:12345;signal:23;gsm_status:LOGOUT;voip_status:LOGIN;';
    assert.equal(reportOf(old)?.present, null);
    assert.equal(reportOf('req:10;id:goipid1;pass:password1;')?.registered, null);
    assert.equal(reportOf(old.replace('gsm_status:LOGOUT', 'gsm_status:LOGIN'))?.present, true);
  });

  it('about calls and cells are acknowledged, unknown ones are not', () => {
    const of = (text: string) => answerTo(packetOf(text));
    assert.equal(of('STATE:446;id:line1;password:secret;gsm_remain_state:DIALING:999999999'), 'STATE 446 OK');
    assert.equal(of('HANGUP:442;id:line1;password:secret;num:,cause:"Normal call clearing'), 'HANGUP 442 OK');
    assert.equal(of('USSN:441;id:line1;password:secret;msg:req:1;id:x;pass:y'), null);
  });

  it('bring text messages, whole whatever is in them', () => {
    const of = (text: string) => toldBy(packetOf(`RECEIVE:441;id:line1;password:secret;${text}`));
    const read = (text: string) => {
      const told = of(text);
      assert.ok(told !== null && told !== 'malformed' && told.kind === 'text');
      return [told.from, told.text];
    };
    assert.deepEqual(read('srcnum:+82101;msg:just a test'), ['+82101', 'just a test']);
    assert.deepEqual(read('srcnum:100;smscnum:+8210;msg:안녕; id:x;msg:y\n2\n'), ['100', '안녕; id:x;msg:y\n2']);
    assert.deepEqual(read('srcnum:Bank;msg:'), ['Bank', '']);
    assert.deepEqual(read(`srcnum:1;msg:${';'.repeat(900)}`)[1]?.length, 900);
    assert.equal(of('srcnum:1'), 'malformed');
    assert.equal(of('srcnum:;msg:x'), 'malformed');
    assert.equal(of('msg:x;srcnum:1'), 'malformed');
    // As the maker's document has it in its example.
    const example = 'RECEIVE:1270197307;id:goipid1;pass:password1;srcnum:+8613513415667;msg:just a test';
    assert.deepEqual(toldBy(packetOf(example)), {
      ...{ kind: 'text', count: '1270197307', from: '+8613513415667', text: 'just a test' },
    });
    assert.equal(answerTo(packetOf(example)), 'RECEIVE 1270197307 OK');
    assert.equal(reportOfKeepalive(packetOf(example)), null);
  });

  it('bring reports of text messages', () => {
    const of = (text: string) => toldBy(packetOf(`DELIVER:429;id:line1;password:secret;${text}`));
    const report = { kind: 'report', count: '429', sent: '3', number: '999999999', state: 0 };
    assert.deepEqual(of('sms_no:3;state:0;num:999999999'), report);
    assert.deepEqual(of('sms_no:3;state:65'), { ...report, number: null, state: 65 });
    for (const text of ['sms_no:3', 'sms_no:3;state:x', 'state:-1', 'state:1000']) assert.equal(of(text), 'malformed');
    assert.equal(toldBy(packetOf(KEEPALIVE)), null);
  });

  it('have the first of two fields of one name, so that a text message forges none', () => {
    const packet = packetOf('RECEIVE:1;id:line1;password:secret;srcnum:100;msg:;id:line2;password:other');
    assert.deepEqual([packet.id, packet.password], ['line1', 'secret']);
  });

  it('are nothing without a count, an id or a password, and when they are too long', () => {
    const texts = [
      '',
      ';',
      'req',
      'req:',
      'req:1',
      'req:1;id:x',
      'req:x;id:a;pass:b',
      'req:1;pass:b',
      ':1;id:a;pass:b',
    ];
    for (const text of texts) assert.equal(readGoipPacket(Buffer.from(text)), null, text);
    assert.equal(readGoipPacket(Buffer.alloc(MAX_GOIP_BYTES + 1, 'req:1;id:a;pass:b;')), null);
  });

  it('are read without throwing whatever they hold, and no answer is longer than what it answers', () => {
    const piece = fc.constantFrom(
      'req:1',
      'STATE:-99999999999999999999',
      ';',
      ':',
      'id:a',
      'pass:b',
      'password:',
      'iccid:',
      '\0',
      '9',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.array(piece).map((all) => Buffer.from(all.join(''))),
        ),
        (bytes) => {
          const packet = readGoipPacket(bytes);
          if (packet === null) return;
          reportOfKeepalive(packet);
          toldBy(packet);
          assert.ok((answerTo(packet) ?? '').length <= bytes.length + 4);
        },
      ),
    );
  });
});
