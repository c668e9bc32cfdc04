import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isSameFormat } from './codecs.js';
import { acceptsMedia, type Direction, type LocalDescription, type PeerDescription } from './description.js';
import {
  answerDirection,
  answerReinvite,
  buildOffer,
  checkAnswer,
  negotiateAnswer,
  restrictTo,
  selectCodecs,
} from './negotiate.js';
import { readOffer } from './read-description.js';
import { gatewayAnswerTo, gatewayArbitrary, offerArbitrary, policyArbitrary } from './sdp-arbitraries.js';

const CALLER = { address: '198.51.100.1', rtpPort: 20000, rtcpPort: 20001 };
const CALLEE = { address: '10.0.0.1', rtpPort: 30000, rtcpPort: 30001 };
const SESSION = { id: '1000', version: 1 };
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

function sdpOf(address: string, audio: string, attributes: string[] = []): string {
  return ['v=0', `o=pbx 1 1 IN IP4 ${address}`, 's=x', `c=IN IP4 ${address}`, 't=0 0', audio, ...attributes, ''].join(
    '\r\n',
  );
}

const EVENTS = ['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16'];
const CALLER_SDP = sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 0 8 18 101', EVENTS);
const GATEWAY_SDP = sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 8 0 101', [...EVENTS, 'a=ptime:20']);

function offerOf(sdp: string): PeerDescription {
  const read = readOffer(sdp);
  assert.ok(read.ok, JSON.stringify(read));
  return read.offer;
}

function outboundOffer(offer: PeerDescription | null, policies: string[][]): LocalDescription {
  const selected = selectCodecs(offer, policies);
  assert.ok(selected.ok);
  return buildOffer({ session: SESSION, local: CALLEE, selection: selected.selection });
}

function answerOf(sdp: string, offer: LocalDescription): PeerDescription {
  const checked = checkAnswer(sdp, offer);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.answer;
}

function negotiated(offer: PeerDescription, gatewayAnswer: PeerDescription): LocalDescription {
  const result = negotiateAnswer({ offer, gatewayAnswer, session: SESSION, local: CALLER });
  assert.ok(result.ok, JSON.stringify(result));
  return result.local;
}

/** Fails unless `answer` is a legal answer to `offer` (RFC 3264 §6). */
function assertLegal(answer: LocalDescription, offer: PeerDescription): void {
  const read = offerOf(answer.sdp);
  assert.equal(read.media.length, offer.media.length);
  for (const [index, line] of read.media.entries()) {
    assert.equal(line.type, offer.media[index]?.type);
    assert.equal(line.protocol, offer.media[index]?.protocol);
    if (index !== offer.audio.index) assert.equal(line.port, 0);
  }
  assert.equal(read.audio.index, offer.audio.index);
  assert.notEqual(read.audio.rtpPort, 0);
  const offered = [...offer.audio.codecs, ...offer.audio.telephoneEvents];
  for (const codec of [...read.audio.codecs, ...read.audio.telephoneEvents]) {
    assert.ok(offered.some((other) => isSameFormat(codec, other)));
  }
  assert.ok(read.audio.codecs.length === 1);
  assert.equal(answerDirection(offer.audio.direction, read.audio.direction), read.audio.direction);
  assert.deepEqual(read.timing, offer.timing);
}

/** Fails unless our offer to a gateway holds one stream with formats of the caller's, each once. */
function assertWellFormedOffer(outbound: LocalDescription, offer: PeerDescription): void {
  const read = offerOf(outbound.sdp);
  assert.equal(read.media.length, 1);
  const formats = read.media[0]?.formats ?? [];
  assert.equal(new Set(formats).size, formats.length);
  const offered = [...offer.audio.codecs, ...offer.audio.telephoneEvents];
  for (const codec of [...read.audio.codecs, ...read.audio.telephoneEvents]) {
    assert.ok(offered.some((other) => isSameFormat(codec, other)));
  }
}

describe('buildOffer', () => {
  it('offers what the caller and every policy have, under the payload types of the caller', () => {
    const offer = outboundOffer(offerOf(CALLER_SDP), [
      ['PCMA', 'PCMU', 'G722'],
      ['pcma', 'pcmu'],
    ]);
    assert.equal(
      offer.sdp,
      [
        'v=0',
        'o=- 1000 1 IN IP4 10.0.0.1',
        's=-',
        'c=IN IP4 10.0.0.1',
        't=0 0',
        'm=audio 30000 RTP/AVP 0 8 101',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=sendrecv',
        '',
      ].join('\r\n'),
    );
  });

  it('offers the policies alone when the INVITE had no offer', () => {
    const offer = outboundOffer(null, [
      ['PCMA', 'PCMU'],
      ['PCMU', 'PCMA', 'G722'],
    ]);
    assert.deepEqual(
      offer.audio.codecs.map((codec) => codec.name),
      ['PCMA', 'PCMU'],
    );
    assert.equal(offer.audio.telephoneEvents.length, 1);
  });

  it('has nothing to offer without a common codec', () => {
    assert.deepEqual(selectCodecs(offerOf(CALLER_SDP), [['opus']]), { ok: false, reason: 'no-common-codec' });
    assert.deepEqual(selectCodecs(null, [['PCMA'], ['PCMU']]), { ok: false, reason: 'no-common-codec' });
  });

  it('drops telephone-event at a clock rate that no codec has', () => {
    const offer = offerOf(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 0 110', ['a=rtpmap:110 telephone-event/48000']));
    assert.deepEqual(outboundOffer(offer, [['PCMU']]).audio.telephoneEvents, []);
  });

  it('names the RTCP port when it is not the next one, and writes IPv6', () => {
    const selected = selectCodecs(null, [['PCMA']]);
    assert.ok(selected.ok);
    const local = { address: '2001:db8::1', rtpPort: 20000, rtcpPort: 20005 };
    const { sdp } = buildOffer({ session: SESSION, local, selection: selected.selection, ptimeMs: 20 });
    assert.match(sdp, /c=IN IP6 2001:db8::1\r\n/);
    assert.match(sdp, /a=rtcp:20005\r\n/);
    assert.match(sdp, /a=ptime:20\r\n/);
  });
});

describe('negotiateAnswer', () => {
  it("answers the caller with the gateway's first codec, on our address", () => {
    const offer = offerOf(CALLER_SDP);
    const outbound = outboundOffer(offer, [['PCMA', 'PCMU']]);
    const answer = negotiated(offer, answerOf(GATEWAY_SDP, outbound));
    assert.match(answer.sdp, /m=audio 20000 RTP\/AVP 8 101\r\n/);
    assert.match(answer.sdp, /^v=0\r\no=- 1000 1 IN IP4 198\.51\.100\.1\r\ns=-\r\n/);
    assert.doesNotMatch(answer.sdp, /192\.0\.2|10\.0\.0\.1|pbx/);
    assertLegal(answer, offer);
  });

  it('passes on that the gateway only sends', () => {
    const offer = offerOf(CALLER_SDP);
    const answer = answerOf(`${GATEWAY_SDP}a=sendonly\r\n`, outboundOffer(offer, [['PCMA', 'PCMU']]));
    assert.equal(negotiated(offer, answer).audio.direction, 'sendonly');
  });

  it('is always a legal answer, invents no codec and leaks nothing, for any offer, policies and gateway', () => {
    let answered = 0;
    fc.assert(
      fc.property(
        offerArbitrary,
        policyArbitrary,
        policyArbitrary,
        gatewayArbitrary,
        (callerSdp, trunk, channel, gateway) => {
          const offer = offerOf(callerSdp);
          const selected = selectCodecs(offer, [trunk, channel]);
          if (!selected.ok) return;
          const outbound = buildOffer({ session: SESSION, local: CALLEE, selection: selected.selection });
          assertWellFormedOffer(outbound, offer);
          const checked = checkAnswer(gatewayAnswerTo(outbound.audio, gateway), outbound);
          if (!checked.ok) {
            assert.equal(checked.reason, 'no-common-codec');
            return;
          }
          const answer = negotiated(offer, checked.answer);
          answered += 1;
          assertLegal(answer, offer);
          assert.doesNotMatch(answer.sdp, /secret-|gateway/);
          for (const codec of answer.audio.codecs) {
            assert.ok(trunk.includes(codec.name) && channel.includes(codec.name));
            assert.ok(checked.answer.audio.codecs.some((other) => isSameFormat(codec, other)));
          }
          for (const event of answer.audio.telephoneEvents) {
            assert.ok(checked.answer.audio.telephoneEvents.some((other) => isSameFormat(event, other)));
          }
          assert.deepEqual(negotiated(offer, checked.answer), answer);
          // What is fixed for the dialog can be offered to the next gateway, and to nobody as more.
          const restricted = restrictTo(selected.selection, answer);
          assert.ok(restricted.ok);
          assert.deepEqual(restricted.selection.codecs.length, 1);
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(answered > 50, `only ${answered} of 500 came to an answer`);
  });

  it('lets later attempts offer only what the answer holds', () => {
    const offer = offerOf(CALLER_SDP);
    const policies = [['PCMA', 'PCMU']];
    const answer = negotiated(offer, answerOf(GATEWAY_SDP, outboundOffer(offer, policies)));
    const selected = selectCodecs(offer, policies);
    assert.ok(selected.ok);
    const restricted = restrictTo(selected.selection, answer);
    assert.ok(restricted.ok);
    assert.deepEqual(
      restricted.selection.codecs.map((codec) => codec.name),
      ['PCMA'],
    );
    const onlyPcmu = selectCodecs(offer, [['PCMU']]);
    assert.ok(onlyPcmu.ok);
    assert.deepEqual(restrictTo(onlyPcmu.selection, answer), { ok: false, reason: 'no-common-codec' });
  });
});

describe('checkAnswer', () => {
  const outbound = outboundOffer(offerOf(CALLER_SDP), [['PCMA', 'PCMU']]);

  it('leaves out codecs that were not offered, and refuses an answer of nothing else', () => {
    const answer = answerOf(sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 18 8'), outbound);
    assert.deepEqual(
      answer.audio.codecs.map((codec) => codec.payloadType),
      [8],
    );
    const foreign = checkAnswer(sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 18'), outbound);
    assert.deepEqual(foreign, { ok: false, reason: 'no-common-codec' });
  });

  it('gives a value for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary-ascii', maxLength: 300 }),
        (sdp) => checkAnswer(sdp, outbound).ok === false,
      ),
    );
    fc.assert(fc.property(offerArbitrary, (sdp) => typeof checkAnswer(sdp, outbound).ok === 'boolean'));
  });

  it('refuses broken text, a refused stream and another number of m-lines', () => {
    assert.deepEqual(checkAnswer('v=0', outbound), { ok: false, reason: 'not-an-answer' });
    assert.deepEqual(checkAnswer('nonsense', outbound), { ok: false, reason: 'malformed' });
    assert.deepEqual(checkAnswer(GATEWAY_SDP.replace('5000', '0'), outbound), { ok: false, reason: 'stream-refused' });
  });

  it('checks the answer in an ACK against what the 200 offered', () => {
    const late = outboundOffer(null, [['PCMA', 'PCMU']]);
    const answer = answerOf(sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 8'), late);
    const offer = buildOffer({ session: SESSION, local: CALLER, selection: answer.audio });
    assert.deepEqual(checkAnswer(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 0'), offer), {
      ok: false,
      reason: 'no-common-codec',
    });
    assert.ok(checkAnswer(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 8'), offer).ok);
  });
});

describe('answerReinvite', () => {
  const offer = offerOf(CALLER_SDP);
  const previous = negotiated(offer, answerOf(GATEWAY_SDP, outboundOffer(offer, [['PCMA', 'PCMU']])));

  function reinvited(sdp: string, before = previous, wanted?: Direction): LocalDescription {
    const result = answerReinvite({ offer: offerOf(sdp), previous: before, ...(wanted && { wanted }) });
    assert.ok(result.ok, JSON.stringify(result));
    return result.local;
  }

  it('keeps text and version when nothing changes', () => {
    assert.equal(reinvited(CALLER_SDP).sdp, previous.sdp);
  });

  it('answers hold with recvonly and a raised version, and its end with sendrecv', () => {
    const held = reinvited(`${CALLER_SDP}a=sendonly\r\n`);
    assert.equal(held.audio.direction, 'recvonly');
    assert.equal(held.session.version, 2);
    assert.equal(reinvited(`${CALLER_SDP}a=sendonly\r\n`, held).sdp, held.sdp);
    const resumed = reinvited(CALLER_SDP, held);
    assert.equal(resumed.audio.direction, 'sendrecv');
    assert.equal(resumed.session.version, 3);
  });

  it('answers inactive with inactive, and an address of zeros with recvonly', () => {
    assert.equal(reinvited(`${CALLER_SDP}a=inactive\r\n`).audio.direction, 'inactive');
    const zeros = CALLER_SDP.replace('c=IN IP4 192.0.2.5', 'c=IN IP4 0.0.0.0');
    assert.equal(reinvited(zeros).audio.direction, 'recvonly');
    assert.equal(acceptsMedia(offerOf(zeros).audio), false);
  });

  it('does no more than the other leg allows', () => {
    assert.equal(reinvited(CALLER_SDP, previous, 'sendonly').audio.direction, 'sendonly');
    assert.equal(reinvited(`${CALLER_SDP}a=sendonly\r\n`, previous, 'sendonly').audio.direction, 'inactive');
  });

  it('refuses an offer without the codec that the call uses', () => {
    const other = offerOf(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 0 18'));
    assert.deepEqual(answerReinvite({ offer: other, previous }), { ok: false, reason: 'no-common-codec' });
  });

  it('is a legal answer on the same ports and settles, for any offer', () => {
    fc.assert(
      fc.property(offerArbitrary, fc.constantFrom(...DIRECTIONS), (sdp, wanted) => {
        const next = offerOf(sdp);
        const result = answerReinvite({ offer: next, previous, wanted });
        if (!result.ok) {
          assert.ok(!next.audio.codecs.some((codec) => codec.name === 'PCMA'));
          return;
        }
        assertLegal(result.local, next);
        assert.equal(result.local.audio.rtpPort, previous.audio.rtpPort);
        const again = answerReinvite({ offer: next, previous: result.local, wanted });
        assert.ok(again.ok);
        assert.equal(again.local.sdp, result.local.sdp);
      }),
    );
  });
});

describe('answerDirection', () => {
  it('never sends to who does not receive, nor expects from who does not send', () => {
    for (const wanted of DIRECTIONS) {
      assert.ok(['recvonly', 'inactive'].includes(answerDirection('sendonly', wanted)));
      assert.ok(['sendonly', 'inactive'].includes(answerDirection('recvonly', wanted)));
      assert.equal(answerDirection('inactive', wanted), 'inactive');
      assert.equal(answerDirection('sendrecv', wanted), wanted);
    }
  });
});
