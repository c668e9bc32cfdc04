import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readAnswer, readOffer } from './read-description.js';
import { offerArbitrary } from './sdp-arbitraries.js';

const OFFER = [
  'v=0',
  'o=alice 2890844526 2890844526 IN IP4 192.0.2.10',
  's=call',
  'c=IN IP4 192.0.2.10',
  't=0 0',
  'm=audio 49170 RTP/AVP 8 0 111 96',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 useinbandfec=1',
  'a=rtpmap:96 telephone-event/8000',
  'a=fmtp:96 0-16',
  'a=ptime:20',
  'a=sendrecv',
  '',
].join('\r\n');

function offerOf(sdp: string) {
  const read = readOffer(sdp);
  assert.ok(read.ok, JSON.stringify(read));
  return read.offer;
}

function refusalOf(sdp: string): string {
  const read = readOffer(sdp);
  assert.ok(!read.ok);
  return read.reason;
}

describe('readOffer', () => {
  it('reads address, ports, direction, packet time and codecs', () => {
    assert.deepEqual(offerOf(OFFER).audio, {
      index: 0,
      address: '192.0.2.10',
      rtpPort: 49170,
      rtcpPort: 49171,
      rtcpMux: false,
      direction: 'sendrecv',
      codecs: [
        { payloadType: 8, name: 'PCMA', clockRateHz: 8000 },
        { payloadType: 0, name: 'PCMU', clockRateHz: 8000 },
        { payloadType: 111, name: 'opus', clockRateHz: 48000, channels: 2, fmtp: 'useinbandfec=1' },
      ],
      companions: [{ payloadType: 96, name: 'telephone-event', clockRateHz: 8000, fmtp: '0-16' }],
      ptimeMs: 20,
      maxptimeMs: undefined,
      transport: { protocol: 'RTP/AVP', attributes: [] },
    });
  });

  it('takes comfort noise for what it is, not for a codec', () => {
    const { codecs, companions } = offerOf(OFFER.replace('8 0 111 96', '8 13 96')).audio;
    assert.deepEqual([codecs.length, companions.map(({ payloadType }) => payloadType)], [1, [13, 96]]);
  });

  it('takes a telephone-event without a clock rate for one of G.711', () => {
    const { companions } = offerOf(OFFER.replace('telephone-event/8000', 'telephone-event/0')).audio;
    assert.deepEqual(
      companions.map(({ payloadType, clockRateHz }) => [payloadType, clockRateHz]),
      [[96, 8000]],
    );
    assert.deepEqual(offerOf(OFFER.replace('opus/48000/2', 'opus/0')).audio.codecs.length, 2);
  });

  it('takes packet times that can be meant', () => {
    const timesOf = (lines: string) => {
      const { ptimeMs, maxptimeMs } = offerOf(OFFER.replace('a=ptime:20', lines)).audio;
      return [ptimeMs, maxptimeMs];
    };
    assert.deepEqual(timesOf('a=ptime:30\r\na=maxptime:60'), [30, 60]);
    assert.deepEqual(timesOf('a=ptime:0\r\na=maxptime:5000'), [undefined, undefined]);
  });

  it('takes the RTCP port from a=rtcp, except when it is the RTP port', () => {
    assert.equal(offerOf(`${OFFER}a=rtcp:53020\r\n`).audio.rtcpPort, 53020);
    assert.equal(offerOf(`${OFFER}a=rtcp-mux\r\na=rtcp:49170\r\n`).audio.rtcpPort, 49171);
    assert.equal(offerOf(`${OFFER}a=rtcp-mux\r\n`).audio.rtcpMux, true);
    assert.equal(offerOf(`${OFFER}a=rtcp:53020 IN IP4 192.0.2.10\r\n`).audio.rtcpPort, 53020);
    // Where that is, only its packets can tell.
    assert.equal(offerOf(`${OFFER}a=rtcp:53020 IN IP4 192.0.2.99\r\n`).audio.rtcpPort, 0);
  });

  it('reads direction and address of the session where the stream has none', () => {
    const audio = offerOf(OFFER.replace('a=sendrecv\r\n', '').replace('t=0 0', 't=0 0\r\na=sendonly')).audio;
    assert.equal(audio.direction, 'sendonly');
    assert.equal(offerOf(OFFER.replace('a=ptime:20', 'c=IN IP6 2001:DB8:0::1')).audio.address, '2001:db8::1');
  });

  it('takes the first plain audio stream and leaves encrypted and refused ones', () => {
    const two = OFFER.replace('m=audio', 'm=audio 4000 RTP/SAVP 0\r\nm=video 0 RTP/AVP 31\r\nm=audio');
    assert.equal(offerOf(two).audio.index, 2);
  });

  it('takes SRTP where there is no plain audio, with what belongs to its transport and nothing else', () => {
    const keys = 'crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj';
    const sdes = offerOf(`${OFFER.replace('RTP/AVP', 'RTP/SAVP')}a=${keys}\r\na=mid:x\r\n`);
    assert.deepEqual(sdes.audio.transport, { protocol: 'RTP/SAVP', attributes: [keys] });
    const session = ['a=ice-lite', 'a=fingerprint:sha-256 AA', 'a=setup:passive'].join('\r\n');
    const dtls = OFFER.replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF').replace('t=0 0', `t=0 0\r\n${session}`);
    assert.deepEqual(offerOf(`${dtls}a=setup:actpass\r\na=rtcp-mux\r\n`).audio.transport, {
      protocol: 'UDP/TLS/RTP/SAVPF',
      // What the stream says for itself goes before what the session says.
      attributes: ['ice-lite', 'fingerprint:sha-256 AA', 'setup:actpass', 'rtcp-mux'],
    });
  });

  it('refuses what it cannot relay, with the reason', () => {
    assert.equal(refusalOf(OFFER.replace('m=audio', 'm=video')), 'no-audio');
    assert.equal(refusalOf(OFFER.replace('m=audio 49170', 'm=audio 0')), 'no-audio');
    assert.equal(refusalOf(OFFER.replace('RTP/AVP', 'RTP/XYZ')), 'no-audio');
    assert.equal(refusalOf(OFFER.replace('c=IN IP4 192.0.2.10', 'c=IN IP4 pbx.example.com')), 'unsupported-address');
    assert.equal(refusalOf(OFFER.replace('c=IN IP4 192.0.2.10', 'c=IN IP4 233.1.2.3/127')), 'unsupported-address');
  });

  it('calls broken text malformed', () => {
    const broken = [
      '',
      'v=1\r\n',
      OFFER.replace('v=0\r\n', ''),
      OFFER.replace('49170', '99999'),
      OFFER.replace('c=IN IP4 192.0.2.10\r\n', ''),
      OFFER.replace('c=IN IP4', 'c=IN IP6'),
      OFFER.replace('8 0 111 96', '8 pcma'),
      OFFER.replace('8 0 111 96', '128'),
      OFFER.replace('m=audio 49170 RTP/AVP 8 0 111 96', 'm=audio'),
      OFFER + 'a=x\r\n'.repeat(10_000),
      OFFER + 'm=video 0 RTP/AVP 31\r\n'.repeat(20),
    ];
    for (const sdp of broken) assert.equal(refusalOf(sdp), 'malformed', sdp.slice(0, 80));
  });

  it('survives any text, and any line of an offer replaced by any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-composite', maxLength: 300 }),
        (sdp) => typeof readOffer(sdp).ok === 'boolean',
      ),
    );
    const spoilt = fc.tuple(offerArbitrary, fc.nat(30), fc.string({ unit: 'binary-ascii', maxLength: 60 }));
    fc.assert(
      fc.property(spoilt, ([sdp, at, text]) => {
        const lines = sdp.split('\n');
        lines[at % lines.length] = `${lines[at % lines.length]?.slice(0, 3)}${text}`;
        assert.equal(typeof readOffer(lines.join('\n')).ok, 'boolean');
      }),
    );
  });

  it('reads every legal offer', () => {
    fc.assert(fc.property(offerArbitrary, (sdp) => assert.ok(readOffer(sdp).ok)));
  });

  it('stays quick on long lines made to upset patterns', () => {
    const startMs = performance.now();
    for (const prefix of [
      'a=imageattr:0 send [',
      'a=ptime:',
      'a=rtpmap:0 ',
      'a=candidate:',
      'c=IN IP4 ',
      'm=audio 1 ',
    ]) {
      readOffer(`${OFFER}${prefix}${'1 [.]'.repeat(2_000)}\r\n`);
    }
    assert.ok(performance.now() - startMs < 5_000);
  });
});

describe('readAnswer', () => {
  it('asks for as many m-lines as the offer had', () => {
    assert.deepEqual(readAnswer(`${OFFER}m=video 0 RTP/AVP 31\r\n`, 1, 0), { ok: false, reason: 'not-an-answer' });
    assert.ok(readAnswer(OFFER, 1, 0).ok);
  });

  it('tells a refused stream', () => {
    const refused = readAnswer(OFFER.replace('49170', '0'), 1, 0);
    assert.deepEqual(refused, { ok: false, reason: 'stream-refused' });
  });
});
