import assert from 'node:assert/strict';
import fc from 'fast-check';
import { violationsOfChange, violationsOfOffer } from './answer-check-kit.js';
import type { FaxDescription, LocalDescription } from './description.js';
import { answerFax, audioAgain, audioInstead, checkFaxAnswer, faxAgain, offerFax, readFax } from './fax.js';
import { codecPolicy } from './media-policy.js';
import { buildAnswer, buildOffer } from './negotiate.js';
import { readOffer } from './read-description.js';
import { offerArbitrary } from './sdp-arbitraries.js';
import { allowedFormats } from './select-codecs.js';

const LOCAL = { address: '198.51.100.1', rtpPort: 20000, rtcpPort: 20001 };
const SESSION = { id: '1000', version: 1 };
const HEAD = ['v=0', 'o=x 1 1 IN IP4 192.0.2.5', 's=x', 'c=IN IP4 192.0.2.5', 't=0 0'];
const T38 = ['a=T38FaxVersion:0', 'a=T38MaxBitRate:14400', 'a=T38FaxFillBitRemoval'];
const sdp = (...lines: string[]) => [...HEAD, ...lines, ''].join('\r\n');

const BESIDE = sdp('m=audio 0 RTP/AVP 8', 'm=image 4040 udptl t38', ...T38, 'a=ice-ufrag:x');
const IN_PLACE = sdp('m=image 4040 UDPTL t38', ...T38);

function faxOf(text: string): FaxDescription {
  const read = readFax(text);
  assert.ok(read.ok, JSON.stringify(read));
  return read.description;
}

function audioLeg(): LocalDescription {
  return buildOffer({ session: SESSION, local: LOCAL, selection: allowedFormats(null, codecPolicy(['PCMA']), null) });
}

const linesOf = (text: string) => text.match(/^m=.*$/gm);

describe('a fax', () => {
  it('is read with its address, its port and what T.38 says of itself', () => {
    assert.deepEqual(faxOf(BESIDE).fax, {
      index: 1,
      address: '192.0.2.5',
      port: 4040,
      attributes: ['T38FaxVersion:0', 'T38MaxBitRate:14400', 'T38FaxFillBitRemoval'],
    });
    assert.equal(faxOf(IN_PLACE).fax.index, 0);
  });

  it('is none beside audio, with port 0, or at a name', () => {
    const reasonOf = (text: string) => {
      const read = readFax(text);
      return read.ok ? 'read' : read.reason;
    };
    assert.equal(reasonOf(BESIDE.replace('m=audio 0', 'm=audio 4000')), 'not-an-answer');
    assert.equal(reasonOf(BESIDE.replace('4040', '0')), 'stream-refused');
    assert.equal(reasonOf(sdp('m=audio 0 RTP/AVP 8')), 'no-audio');
    assert.equal(reasonOf(IN_PLACE.replace('c=IN IP4 192.0.2.5', 'c=IN IP4 fax.example.com')), 'unsupported-address');
    assert.equal(reasonOf(IN_PLACE.replace('c=IN IP4 192.0.2.5\r\n', '')), 'malformed');
    assert.equal(reasonOf('nonsense'), 'malformed');
    fc.assert(
      fc.property(fc.string(), offerArbitrary, (text, offer) => !readFax(text).ok && !readFax(offer + text).ok),
    );
  });

  it('is offered to the other leg as its own side put it: beside the audio, or in its place', () => {
    const before = audioLeg();
    const beside = faxAgain(before, faxOf(BESIDE));
    assert.deepEqual(linesOf(beside.sdp), ['m=audio 0 RTP/AVP 8 101', 'm=image 20000 udptl t38']);
    assert.match(beside.sdp, /c=IN IP4 198\.51\.100\.1\r\n/);
    assert.match(beside.sdp, /a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval\r\n/);
    assert.doesNotMatch(beside.sdp, /192\.0\.2\.5|ice-/);
    assert.deepEqual([violationsOfOffer(beside.sdp), violationsOfChange(before.sdp, beside.sdp)], [[], []]);
    assert.deepEqual(linesOf(faxAgain(before, faxOf(IN_PLACE)).sdp), ['m=image 20000 UDPTL t38']);
  });

  it('takes the place of an image line that is there', () => {
    const withFax = `${sdp('m=audio 4000 RTP/AVP 8', 'm=image 0 udptl t38')}`;
    const read = readOffer(withFax);
    assert.ok(read.ok);
    const selection = allowedFormats(read.offer.audio, codecPolicy(['PCMA']), null);
    const leg = buildAnswer({ offer: read.offer, selection, from: { session: SESSION, local: LOCAL } });
    assert.deepEqual(linesOf(faxAgain(leg, faxOf(BESIDE)).sdp), ['m=audio 0 RTP/AVP 8', 'm=image 20000 udptl t38']);
  });

  it('is offered alone where the call has had no audio, and that can take its place', () => {
    const from = { session: SESSION, local: LOCAL };
    const selection = allowedFormats(null, codecPolicy(['PCMA']), null);
    for (const text of [BESIDE, IN_PLACE]) {
      const offer = offerFax(faxOf(text), from);
      assert.match(linesOf(offer.sdp)?.join() ?? '', /^m=image 20000 udptl t38$/i);
      assert.deepEqual(violationsOfOffer(offer.sdp), []);
      const told = answerFax(faxOf(text), from, []);
      const again = audioAgain(audioInstead(told, LOCAL, selection), told);
      assert.deepEqual([violationsOfOffer(again.sdp), violationsOfChange(told.sdp, again.sdp)], [[], []]);
      assert.equal(linesOf(again.sdp)?.[0], 'm=audio 20000 RTP/AVP 8 101');
      assert.equal(again.session.version, 2);
    }
  });

  it('is answered in the places of its offer, with what the other end says', () => {
    const answer = answerFax(faxOf(BESIDE), { session: SESSION, local: LOCAL }, ['T38MaxBitRate:9600']);
    assert.deepEqual(linesOf(answer.sdp), ['m=audio 0 RTP/AVP 8', 'm=image 20000 udptl t38']);
    assert.match(answer.sdp, /a=T38MaxBitRate:9600\r\n/);
    assert.doesNotMatch(answer.sdp, /14400/);
  });

  it('is accepted only in the place where it was offered', () => {
    const offer = faxAgain(audioLeg(), faxOf(BESIDE));
    assert.ok(checkFaxAnswer(BESIDE, offer).ok);
    assert.deepEqual(checkFaxAnswer(IN_PLACE, offer), { ok: false, reason: 'not-an-answer' });
    assert.deepEqual(checkFaxAnswer(BESIDE.replace('4040', '0'), offer), { ok: false, reason: 'stream-refused' });
  });

  it('turns back to the audio that was there, and every line stays in its place', () => {
    for (const [text, lines] of [
      [BESIDE, ['m=audio 20000 RTP/AVP 8 101', 'm=image 0 udptl t38']],
      [IN_PLACE, ['m=audio 20000 RTP/AVP 8 101']],
    ] as const) {
      const before = audioLeg();
      const fax = faxAgain(before, faxOf(text));
      const again = audioAgain(before, fax);
      assert.deepEqual(linesOf(again.sdp), lines);
      assert.deepEqual([violationsOfOffer(again.sdp), violationsOfChange(fax.sdp, again.sdp)], [[], []]);
      assert.equal(again.session.version, 3);
    }
  });
});
