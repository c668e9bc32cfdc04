import assert from 'node:assert/strict';
import fc from 'fast-check';
import { violationsOfAnswer, violationsOfChange, violationsOfOffer } from './answer-check-kit.js';
import { isSameCodec } from './codecs.js';
import {
  acceptsMedia,
  type CodecSelection,
  formatsOf,
  type LocalDescription,
  type PeerDescription,
} from './description.js';
import { canJoin } from './format-parameters.js';
import { codecPolicy, type MediaPolicy } from './media-policy.js';
import { buildAnswer, buildOffer, type CheckedAnswer, checkAnswer, offerAgain } from './negotiate.js';
import { packetTimes } from './packet-times.js';
import { readOffer } from './read-description.js';
import { gatewayAnswerTo, gatewayArbitrary, offerArbitrary, policyArbitrary } from './sdp-arbitraries.js';
import { allowedFormats, codecFor, NO_TRANSCODER, selectForChannel, type Transcoder } from './select-codecs.js';

const CALLER = { address: '198.51.100.1', rtpPort: 20000, rtcpPort: 20001 };
const CALLEE = { address: '10.0.0.1', rtpPort: 30000, rtcpPort: 30001 };
const SESSION = { id: '1000', version: 1 };
const G711: Transcoder = { transcodes: (from, to) => /^PCM[AU]$/.test(from) && /^PCM[AU]$/.test(to) };
const ANYTHING: Transcoder = { transcodes: () => true };
const G711_POLICY = codecPolicy(['PCMA', 'PCMU']);

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

function answerTo(sdp: string, offer: LocalDescription): CheckedAnswer {
  const checked = checkAnswer(sdp, offer);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked;
}

/** The offer to a channel for a caller's offer, or for none. */
function outbound(
  callerSdp: string | null,
  trunk: MediaPolicy = G711_POLICY,
  channel: MediaPolicy = trunk,
  transcoder = NO_TRANSCODER,
): LocalDescription | null {
  const offer = callerSdp === null ? null : offerOf(callerSdp);
  const formats = allowedFormats(offer?.audio ?? null, trunk, null);
  const selected = selectForChannel(formats, channel, null, transcoder);
  if (selected === null) return null;
  const packets = packetTimes(channel, trunk, offer?.audio ?? null);
  return buildOffer({ session: SESSION, local: CALLEE, selection: selected.selection, packets });
}

/** The answer to the caller for a gateway's. */
function answered(callerSdp: string, gatewaySdp: string, trunk = G711_POLICY, channel = trunk): LocalDescription {
  const toGateway = outbound(callerSdp, trunk, channel);
  assert.ok(toGateway);
  const { audio } = answerTo(gatewaySdp, toGateway).answer;
  const offer = offerOf(callerSdp);
  const leg = codecFor(allowedFormats(offer.audio, trunk, null), audio, NO_TRANSCODER);
  assert.ok(leg);
  const from = { session: SESSION, local: CALLER };
  return buildAnswer({ offer, selection: leg.selection, from, packets: packetTimes(trunk, channel, audio) });
}

function reinvited(sdp: string, previous: LocalDescription, other: CodecSelection = previous.audio): LocalDescription {
  const offer = offerOf(sdp);
  const leg = codecFor(offer.audio, other, NO_TRANSCODER);
  assert.ok(leg);
  const { ptimeMs, maxptimeMs } = previous.audio;
  return buildAnswer({ offer, selection: leg.selection, from: previous, packets: { ptimeMs, maxptimeMs } });
}

describe('buildOffer', () => {
  it('offers what the caller and every policy have, under the payload types of the caller', () => {
    const offer = outbound(CALLER_SDP, codecPolicy(['PCMA', 'PCMU', 'G722']), G711_POLICY);
    assert.equal(
      offer?.sdp,
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

  it('names the RTCP port when it is not the next one, and writes IPv6 and packet times', () => {
    const { sdp } = buildOffer({
      session: SESSION,
      local: { address: '2001:db8::1', rtpPort: 20000, rtcpPort: 20005 },
      selection: allowedFormats(null, G711_POLICY, null),
      packets: { ptimeMs: 60, maxptimeMs: 40 },
    });
    assert.match(sdp, /c=IN IP6 2001:db8::1\r\n/);
    assert.match(sdp, /a=rtcp:20005\r\n/);
    // No longer packets are asked for than the other side takes.
    assert.match(sdp, /a=ptime:40\r\na=maxptime:40\r\n/);
  });

  it('writes what a media engine says of its transport', () => {
    const keys = 'crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xyz';
    const transport = { protocol: 'RTP/SAVP', attributes: [keys, 'rtcp-mux'] } as const;
    const selection = allowedFormats(null, G711_POLICY, null);
    const { sdp } = buildOffer({ session: SESSION, local: { ...CALLER, transport }, selection });
    assert.match(sdp, /m=audio 20000 RTP\/SAVP 8 0 101\r\n/);
    assert.match(sdp, /a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xyz\r\n/);
    assert.equal(sdp.match(/a=rtcp-mux/g)?.length, 1);
    assert.deepEqual(violationsOfOffer(sdp), []);
  });
});

describe('buildAnswer', () => {
  it("answers the caller with the gateway's first codec, on our address", () => {
    const answer = answered(CALLER_SDP, GATEWAY_SDP);
    assert.match(answer.sdp, /m=audio 20000 RTP\/AVP 8 101\r\n/);
    assert.match(answer.sdp, /^v=0\r\no=- 1000 1 IN IP4 198\.51\.100\.1\r\ns=-\r\n/);
    assert.doesNotMatch(answer.sdp, /192\.0\.2|10\.0\.0\.1|pbx/);
    assert.deepEqual(violationsOfAnswer(answer.sdp, CALLER_SDP), []);
  });

  it('says sendrecv though the gateway only sends: the relay follows it, and its resuming needs no word to the caller', () => {
    assert.equal(answered(CALLER_SDP, `${GATEWAY_SDP}a=sendonly\r\n`).audio.direction, 'sendrecv');
  });

  it('agrees to RTCP on the RTP port only where that was offered', () => {
    assert.doesNotMatch(answered(CALLER_SDP, GATEWAY_SDP).sdp, /rtcp-mux/);
    assert.match(answered(`${CALLER_SDP}a=rtcp-mux\r\n`, GATEWAY_SDP).sdp, /a=rtcp-mux\r\n/);
  });

  it('refuses video and fax beside the audio with port 0, in the places that they had', () => {
    const fax = 'm=image 4040 udptl t38\r\n';
    const offer = CALLER_SDP.replace('m=audio', `m=video 5004 RTP/AVP 31\r\nm=audio`) + fax;
    const { sdp } = answered(offer, GATEWAY_SDP);
    assert.deepEqual(sdp.match(/^m=.*$/gm), [
      'm=video 0 RTP/AVP 31',
      'm=audio 20000 RTP/AVP 8 101',
      'm=image 0 udptl t38',
    ]);
    assert.deepEqual(violationsOfAnswer(sdp, offer), []);
  });

  it('never hands on candidates: what runs past the relay is neither held to nor recorded', () => {
    const ice = ['a=ice-lite', 'a=ice-ufrag:F7gI', 'a=ice-pwd:x9cml', 'a=candidate:1 1 UDP 1 10.0.1.1 8998 typ host'];
    const offer = `${CALLER_SDP}${ice.join('\r\n')}\r\n`;
    assert.doesNotMatch(answered(offer, `${GATEWAY_SDP}${ice.join('\r\n')}\r\n`).sdp, /ice|candidate/);
    assert.doesNotMatch(outbound(offer)?.sdp ?? '', /ice|candidate/);
  });

  it('tells each side the packets that the other one wants, unless a policy says which', () => {
    const times = (sdp: string) => sdp.match(/^a=(max)?ptime:\d+$/gm);
    const caller = `${CALLER_SDP}a=ptime:30\r\na=maxptime:40\r\n`;
    const gateway = `${GATEWAY_SDP}a=maxptime:60\r\n`;
    assert.deepEqual(times(outbound(caller)?.sdp ?? ''), ['a=ptime:30', 'a=maxptime:40']);
    assert.deepEqual(times(answered(caller, gateway).sdp), ['a=ptime:20', 'a=maxptime:60']);
    const channel = { ...G711_POLICY, ptimeMs: 50 };
    assert.deepEqual(times(outbound(caller, G711_POLICY, channel)?.sdp ?? ''), ['a=ptime:40', 'a=maxptime:40']);
    assert.deepEqual(times(answered(caller, gateway, G711_POLICY, channel).sdp), ['a=ptime:50', 'a=maxptime:60']);
  });

  for (const [name, transcoder] of [
    ['none', NO_TRANSCODER],
    ['that of the relay', G711],
    ['one for everything', ANYTHING],
  ] as const) {
    it(`is always a legal answer, invents no codec and leaks nothing: transcoder ${name}`, () => {
      let count = 0;
      const facts = fc.tuple(offerArbitrary, policyArbitrary, policyArbitrary, gatewayArbitrary);
      fc.assert(
        fc.property(facts, ([callerSdp, trunk, channel, gateway]) => {
          const toGateway = outbound(callerSdp, trunk, channel, transcoder);
          if (toGateway === null) return;
          assert.deepEqual(violationsOfOffer(toGateway.sdp), []);
          assert.doesNotMatch(toGateway.sdp, /secret-|candidate|ice-/);
          const gatewaySdp = gatewayAnswerTo(toGateway.audio, gateway);
          const checked = checkAnswer(gatewaySdp, toGateway);
          if (!checked.ok) {
            assert.equal(checked.reason, 'no-common-codec');
            return;
          }
          const { audio } = checked.answer;
          const offer = offerOf(callerSdp);
          const formats = allowedFormats(offer.audio, trunk, null);
          const leg = codecFor(formats, audio, transcoder);
          // What was joined with our offer may not go with the caller's any more: then nothing is answered.
          if (leg === null) return;
          count += 1;
          const packets = packetTimes(trunk, channel, audio);
          const answer = buildAnswer({
            offer,
            selection: leg.selection,
            from: { session: SESSION, local: CALLER },
            packets,
          });
          assert.deepEqual(violationsOfAnswer(answer.sdp, callerSdp), [], `${callerSdp}\n${gatewaySdp}\n${answer.sdp}`);
          assert.doesNotMatch(answer.sdp, /secret-|gateway|candidate|ice-/);
          const [codec] = answer.audio.codecs;
          assert.ok(codec !== undefined && answer.audio.codecs.length === 1 && trunk.codecs.some(isNameOf(codec.name)));
          for (const { name } of audio.codecs) assert.ok(channel.codecs.some(isNameOf(name)));
          // Transcoded only for want of a codec that both have.
          const isShared = formats.codecs.some((own) => audio.codecs.some((other) => canJoin(own, other)));
          assert.equal(leg.transcoded, !isShared);
          if (!leg.transcoded) assert.ok(audio.codecs.some((other) => isSameCodec(codec, other)));
          // Asked again nothing changes, and its version neither.
          assert.equal(reinvited(callerSdp, answer).sdp, answer.sdp);
        }),
        { numRuns: 400 },
      );
      assert.ok(count > 40, `only ${count} of 400 came to an answer`);
    });
  }
});

function isNameOf(name: string): (other: string) => boolean {
  return (other) => other.toLowerCase() === name.toLowerCase();
}

describe('checkAnswer', () => {
  const offer = outbound(CALLER_SDP) as LocalDescription;

  it('leaves out codecs that were not offered, and refuses an answer of nothing else', () => {
    const { answer } = answerTo(sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 18 8'), offer);
    assert.deepEqual(
      answer.audio.codecs.map((codec) => codec.payloadType),
      [8],
    );
    const foreign = checkAnswer(sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 18'), offer);
    assert.deepEqual(foreign, { ok: false, reason: 'no-common-codec' });
  });

  it('knows a format under another number, and says by which numbers the gateway is to send', () => {
    const renumbered = sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 8 97', [
      'a=rtpmap:97 telephone-event/8000',
      'a=fmtp:97 0-15',
    ]);
    const { answer, offered } = answerTo(renumbered, offer);
    const numbersOf = (formats: CodecSelection) => formatsOf(formats).map(({ payloadType }) => payloadType);
    assert.deepEqual(
      [numbersOf(answer.audio), numbersOf(offered)],
      [
        [8, 97],
        [8, 101],
      ],
    );
    assert.equal(answer.audio.companions[0]?.fmtp, '0-15');
  });

  it('refuses parameters that cannot go with those that were offered', () => {
    const amr = sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 96', ['a=rtpmap:96 AMR/8000', 'a=fmtp:96 octet-align=1']);
    const toGateway = outbound(amr, codecPolicy(['AMR'])) as LocalDescription;
    const answer = sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 96', ['a=rtpmap:96 AMR/8000']);
    assert.deepEqual(checkAnswer(answer, toGateway), { ok: false, reason: 'no-common-codec' });
    assert.ok(checkAnswer(`${answer}a=fmtp:96 octet-align=1; mode-set=7\r\n`, toGateway).ok);
  });

  it('refuses SRTP for a plain offer', () => {
    const secret = GATEWAY_SDP.replace('RTP/AVP', 'RTP/SAVP');
    assert.deepEqual(checkAnswer(secret, offer), { ok: false, reason: 'encrypted' });
  });

  it('gives a value for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 300 }), (sdp) => checkAnswer(sdp, offer).ok === false),
    );
    fc.assert(fc.property(offerArbitrary, (sdp) => typeof checkAnswer(sdp, offer).ok === 'boolean'));
  });

  it('refuses broken text, a refused stream and another number of m-lines', () => {
    assert.deepEqual(checkAnswer('v=0', offer), { ok: false, reason: 'not-an-answer' });
    assert.deepEqual(checkAnswer('nonsense', offer), { ok: false, reason: 'malformed' });
    assert.deepEqual(checkAnswer(GATEWAY_SDP.replace('5000', '0'), offer), { ok: false, reason: 'stream-refused' });
  });

  it('checks the answer in an ACK against what the 200 offered', () => {
    const late = outbound(null) as LocalDescription;
    const { answer } = answerTo(sdpOf('192.0.2.77', 'm=audio 5000 RTP/AVP 8'), late);
    const selection = { codecs: answer.audio.codecs, companions: answer.audio.companions };
    const toCaller = buildOffer({ session: SESSION, local: CALLER, selection });
    const other = checkAnswer(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 0'), toCaller);
    assert.deepEqual(other, { ok: false, reason: 'no-common-codec' });
    assert.ok(checkAnswer(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 8'), toCaller).ok);
  });
});

describe('buildAnswer in a dialog', () => {
  const previous = answered(CALLER_SDP, GATEWAY_SDP);

  it('keeps text and version when nothing changes', () => {
    assert.equal(reinvited(CALLER_SDP, previous).sdp, previous.sdp);
  });

  it('answers hold with recvonly and a raised version, and its end with sendrecv', () => {
    const held = reinvited(`${CALLER_SDP}a=sendonly\r\n`, previous);
    assert.equal(held.audio.direction, 'recvonly');
    assert.equal(held.session.version, 2);
    assert.equal(reinvited(`${CALLER_SDP}a=sendonly\r\n`, held).sdp, held.sdp);
    const resumed = reinvited(CALLER_SDP, held);
    assert.equal(resumed.audio.direction, 'sendrecv');
    assert.equal(resumed.session.version, 3);
  });

  it('answers inactive with inactive, and an address of zeros with recvonly', () => {
    assert.equal(reinvited(`${CALLER_SDP}a=inactive\r\n`, previous).audio.direction, 'inactive');
    const zeros = CALLER_SDP.replace('c=IN IP4 192.0.2.5', 'c=IN IP4 0.0.0.0');
    assert.equal(reinvited(zeros, previous).audio.direction, 'recvonly');
    assert.equal(acceptsMedia(offerOf(zeros).audio), false);
  });

  it('answers by the numbers of the new offer', () => {
    const other = sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 8 96', ['a=rtpmap:96 telephone-event/8000']);
    const answer = reinvited(other, previous);
    assert.match(answer.sdp, /m=audio 20000 RTP\/AVP 8 96\r\n/);
    assert.deepEqual(violationsOfAnswer(answer.sdp, other), []);
    assert.deepEqual(violationsOfChange(previous.sdp, answer.sdp), []);
  });

  it('has no answer without a codec that the other leg uses', () => {
    const other = offerOf(sdpOf('192.0.2.5', 'm=audio 4000 RTP/AVP 0 18'));
    assert.equal(codecFor(other.audio, previous.audio, NO_TRANSCODER), null);
    assert.equal(codecFor(other.audio, previous.audio, G711)?.transcoded, true);
  });

  it('is a legal answer on the same ports and settles, for any offer', () => {
    let count = 0;
    fc.assert(
      fc.property(offerArbitrary, (sdp) => {
        const next = offerOf(sdp);
        const leg = codecFor(next.audio, previous.audio, NO_TRANSCODER);
        if (leg === null) {
          assert.ok(!next.audio.codecs.some((codec) => codec.name === 'PCMA'));
          return;
        }
        count += 1;
        const answer = reinvited(sdp, previous);
        assert.deepEqual(violationsOfAnswer(answer.sdp, sdp), []);
        if (next.media.length >= previous.media.length)
          assert.deepEqual(violationsOfChange(previous.sdp, answer.sdp), []);
        assert.equal(answer.audio.rtpPort, previous.audio.rtpPort);
        assert.equal(reinvited(sdp, answer).sdp, answer.sdp);
      }),
      { numRuns: 200 },
    );
    assert.ok(count > 30, `only ${count} of 200 came to an answer`);
  });

  it('offers again what the leg uses, in the places of all its m-lines', () => {
    const withVideo = `${CALLER_SDP}m=video 5004 RTP/AVP 31\r\n`;
    const before = answered(withVideo, GATEWAY_SDP);
    const again = offerAgain(before, before.audio);
    assert.equal(again.sdp, before.sdp);
    const held = reinvited(`${withVideo.replace('a=fmtp:101', 'a=sendonly\r\na=fmtp:101')}`, before);
    const resumed = offerAgain(held, held.audio);
    assert.match(resumed.sdp, /m=video 0 RTP\/AVP 31/);
    assert.deepEqual([violationsOfOffer(resumed.sdp), violationsOfChange(held.sdp, resumed.sdp)], [[], []]);
  });
});
