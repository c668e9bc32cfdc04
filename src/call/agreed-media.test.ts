import assert from 'node:assert/strict';
import type { AudioStream, LocalDescription } from '../sdp/description.js';
import { codecPolicy, type MediaPolicy } from '../sdp/media-policy.js';
import { buildAnswer, buildOffer, checkAnswer } from '../sdp/negotiate.js';
import { packetTimes } from '../sdp/packet-times.js';
import { readOffer } from '../sdp/read-description.js';
import { NO_TRANSCODER, type Transcoder } from '../sdp/select-codecs.js';
import { AgreedMedia } from './agreed-media.js';
import { sdp } from './call-test-kit.js';

const BOTH = codecPolicy(['PCMA', 'PCMU']);
const G711: Transcoder = { transcodes: (from, to) => /^PCM[AU]$/.test(from) && /^PCM[AU]$/.test(to) };
const SESSION = { id: '1', version: 1 };
const LOCAL = { address: '192.0.2.1', rtpPort: 20_000, rtcpPort: 20_001 };

function offerOf(text: string) {
  const read = readOffer(text);
  assert.ok(read.ok);
  return read.offer;
}

describe('what the sides of a call have agreed on', () => {
  const offer = offerOf(sdp('192.0.2.20', 40_000, '8 0 101'));
  let agreed: AgreedMedia;

  function begin(offered: AudioStream | null, transcoder = NO_TRANSCODER, policy: MediaPolicy = BOTH): void {
    agreed = new AgreedMedia({ policy, only: null, transcoder, transport: 'plain' }, offered);
  }

  /** Offers a channel what it may be, and returns that. */
  function dial(policy: MediaPolicy): LocalDescription {
    const selection = agreed.offerableTo(policy)?.selected.selection ?? assert.fail();
    agreed.attempt(policy);
    const packets = packetTimes(policy, BOTH, null);
    agreed.tell('callee', buildOffer({ session: SESSION, local: LOCAL, selection, packets }));
    return agreed.told('callee') ?? assert.fail();
  }

  /** The gateway answers, and so the caller is. */
  function answer(text: string): void {
    const checked = checkAnswer(text, agreed.told('callee') ?? assert.fail());
    assert.ok(checked.ok);
    const leg = agreed.codecForCaller(checked.answer.audio) ?? assert.fail();
    const from = { session: SESSION, local: LOCAL };
    const packets = packetTimes(BOTH, BOTH, checked.answer.audio);
    agreed.tellCallerFirst(buildAnswer({ offer, selection: leg.selection, from, packets }));
    agreed.hearCallee(checked);
  }

  const namesOf = (selection: { readonly codecs: readonly { readonly name: string }[] } | null | undefined) =>
    selection?.codecs.map(({ name }) => name);

  it('is nothing at first: a channel has to allow any of the caller’s codecs, or of the trunk’s when it was not told', () => {
    begin(offer.audio);
    assert.deepEqual(agreed.needs, { direct: ['PCMA', 'PCMU'], transcoded: [], srtp: false });
    assert.deepEqual(agreed.inUse, { codec: null, calleeCodec: null, transcoded: false });
    assert.deepEqual([agreed.isSettled('caller'), agreed.isSettled('callee')], [true, false]);
    begin(null, NO_TRANSCODER, codecPolicy(['PCMU']));
    assert.deepEqual([agreed.needs.direct, agreed.isSettled('caller')], [['PCMU'], false]);
    begin(offer.audio, G711, codecPolicy(['PCMA']));
    assert.deepEqual(agreed.needs, { direct: ['PCMA'], transcoded: ['PCMU'], srtp: false });
  });

  it('binds later attempts to what the caller was told first', () => {
    begin(offer.audio);
    dial(BOTH);
    answer(sdp('192.0.2.10', 30_000, '0 101'));
    assert.deepEqual(agreed.inUse, { codec: 'PCMU', calleeCodec: 'PCMU', transcoded: false });
    agreed.forgetCallee();
    assert.deepEqual([agreed.callee, agreed.told('callee'), agreed.needs.direct], [null, null, ['PCMU']]);
    assert.equal(agreed.offerableTo(codecPolicy(['PCMA'])), null);
    assert.deepEqual(namesOf(agreed.offerableTo(BOTH)?.selected.selection), ['PCMU']);
  });

  it('has an offer in mid-call used when one of its codecs goes with the other leg’s, as it is or transcoded', () => {
    for (const [transcoder, isUsable] of [
      [NO_TRANSCODER, false],
      [G711, true],
    ] as const) {
      begin(offer.audio, transcoder);
      dial(BOTH);
      answer(sdp('192.0.2.10', 30_000, '8 101'));
      assert.deepEqual(namesOf(agreed.usable('caller', sdp('192.0.2.20', 40_000, '8'))?.leg.selection), ['PCMA']);
      const other = agreed.usable('caller', sdp('192.0.2.20', 40_000, '0'));
      assert.equal(other?.leg.transcoded, isUsable ? true : undefined);
      assert.equal(agreed.usable('callee', 'nonsense'), null);
      assert.equal(agreed.usable('callee', sdp('192.0.2.10', 30_000, '8').replace('RTP/AVP', 'RTP/SAVP')), null);
    }
  });

  it('says how many codecs of an answer go with the other leg’s', () => {
    begin(offer.audio);
    dial(BOTH);
    answer(sdp('192.0.2.10', 30_000, '8 101'));
    const of = (types: string) => agreed.usableOf('callee', offerOf(sdp('192.0.2.10', 30_000, types)).audio);
    assert.deepEqual([of('8'), of('8 0'), of('0')], ['all', 'some', 'none']);
  });

  it('repeats to a side the codec in use, and widens it by what would go with the other leg too', () => {
    begin(offer.audio, G711);
    const told = dial(BOTH);
    answer(sdp('192.0.2.10', 30_000, '0 101'));
    assert.deepEqual(namesOf(agreed.inUseBy('callee', told.audio)), ['PCMU']);
    assert.deepEqual(namesOf(agreed.offerableAgain('callee', told.audio)), ['PCMU', 'PCMA']);
  });

  it('holds the caller to what it uses, whatever it was offered since, and offers of that what goes with the callee', () => {
    begin(offer.audio);
    dial(BOTH);
    answer(sdp('192.0.2.10', 30_000, '8 0 101'));
    const offered = buildOffer({ session: SESSION, local: LOCAL, selection: offer.audio });
    agreed.tell('caller', offered);
    assert.deepEqual([namesOf(agreed.callerFormats), agreed.inUse.codec], [['PCMA'], 'PCMA']);
    agreed.hearCaller(offer.audio, offer.audio);
    assert.deepEqual(namesOf(agreed.callerFormats), ['PCMA', 'PCMU']);
    assert.deepEqual(namesOf(agreed.inUseBy('caller', offered.audio)), ['PCMA']);
  });

  it('takes somebody in the place of a callee that has not answered, by each of the caller’s codecs', () => {
    begin(offer.audio);
    assert.equal(agreed.usableForCallee(sdp('192.0.2.22', 42_000, '0')), null, 'nobody was called');
    dial(BOTH);
    const found = agreed.usableForCallee(sdp('192.0.2.22', 42_000, '0'));
    assert.deepEqual([namesOf(found?.usable.leg.selection), namesOf(found?.forCaller.selection)], [['PCMU'], ['PCMU']]);
    assert.equal(agreed.usableForCallee(sdp('192.0.2.22', 42_000, '18')), null);
  });

  it('offers a side that has had no audio what the other one and both policies have', () => {
    begin(null);
    agreed.attempt(codecPolicy(['PCMU']));
    assert.deepEqual(namesOf(agreed.offerableFor('callee', sdp('192.0.2.20', 40_000, '8 0'))), ['PCMU']);
    assert.equal(agreed.offerableFor('callee', sdp('192.0.2.20', 40_000, '8')), null);
    assert.equal(agreed.offerableFor('caller', null), null);
  });
});
