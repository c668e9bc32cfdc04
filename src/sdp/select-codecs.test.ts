import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CodecSelection, formatsOf, type SdpCodec } from './description.js';
import { codecPolicy, inOrderOf, ownOrder } from './media-policy.js';
import { readOffer } from './read-description.js';
import { offerArbitrary, policyArbitrary } from './sdp-arbitraries.js';
import {
  allowedFormats,
  codecFor,
  NO_TRANSCODER,
  selectForChannel,
  type Transcoder,
  usableNames,
} from './select-codecs.js';

const PCMU: SdpCodec = { payloadType: 0, name: 'PCMU', clockRateHz: 8000 };
const PCMA: SdpCodec = { payloadType: 8, name: 'pcma', clockRateHz: 8000 };
const OPUS: SdpCodec = { payloadType: 111, name: 'opus', clockRateHz: 48000, channels: 2 };
const NOISE: SdpCodec = { payloadType: 13, name: 'CN', clockRateHz: 8000 };
const events = (payloadType: number, clockRateHz = 8000): SdpCodec => ({
  ...{ payloadType, name: 'telephone-event', clockRateHz, fmtp: '0-15' },
});

const G711: Transcoder = { transcodes: (from, to) => /^PCM[AU]$/.test(from) && /^PCM[AU]$/.test(to) };
const ANYTHING: Transcoder = { transcodes: () => true };
/** It hears G.722 and cannot say it. */
const ONE_WAY: Transcoder = { transcodes: (from) => from === 'G722' };

const typesOf = (selection: CodecSelection | undefined) =>
  selection && formatsOf(selection).map(({ payloadType }) => payloadType);

describe('the order of codecs', () => {
  const peer = [OPUS, PCMA, PCMU];

  it('is the peer’s, but for those that a policy prefers', () => {
    const policy = codecPolicy(['PCMU', 'PCMA', 'opus']);
    assert.deepEqual(inOrderOf(policy, peer), peer);
    assert.deepEqual(inOrderOf({ ...policy, preferred: ['PCMU', 'PCMA'] }, peer), [PCMU, PCMA, OPUS]);
  });

  it('is the policy’s where we offer first', () => {
    assert.deepEqual(ownOrder({ ...codecPolicy(['PCMU', 'PCMA']), preferred: ['PCMA', 'G729'] }), ['PCMA', 'PCMU']);
    assert.deepEqual(typesOf(allowedFormats(null, codecPolicy(['opus', 'PCMA']), null)), [96, 8, 101, 102]);
    assert.deepEqual(typesOf(allowedFormats(null, codecPolicy(['opus', 'PCMA']), ['PCMA', 'PCMU'])), [8, 101]);
  });
});

describe('what a channel is offered', () => {
  const caller = { codecs: [PCMA], companions: [events(96), NOISE] };

  it('is what the caller has, with digits and comfort noise, under its numbers', () => {
    const selected = selectForChannel(caller, codecPolicy(['PCMU', 'PCMA']), null, G711);
    assert.deepEqual([typesOf(selected?.selection), selected?.transcoded], [[8, 96, 13], false]);
  });

  it('is transcoded only for want of that, both ways, and within what may be used', () => {
    const selected = selectForChannel(caller, codecPolicy(['G729', 'PCMU']), null, G711);
    assert.deepEqual([typesOf(selected?.selection), selected?.transcoded], [[0, 96], true]);
    assert.equal(selectForChannel(caller, codecPolicy(['PCMU']), null, NO_TRANSCODER), null);
    assert.equal(selectForChannel(caller, codecPolicy(['G722']), null, ONE_WAY), null);
    assert.equal(selectForChannel(caller, codecPolicy(['opus']), ['PCMA', 'PCMU'], ANYTHING), null);
  });

  it('has digits at the clock rate of each codec, and no number twice', () => {
    const selected = selectForChannel(caller, codecPolicy(['opus', 'AMR']), null, ANYTHING);
    // The caller's digits keep 96, so opus gets another number.
    assert.deepEqual(typesOf(selected?.selection), [97, 98, 96, 101]);
    const rates = selected?.selection.companions.map(({ clockRateHz }) => clockRateHz);
    assert.deepEqual(rates, [8000, 48000]);
  });
});

describe('the codec of a leg', () => {
  it('is the first of the other leg’s that it has, under its own number', () => {
    const other = { codecs: [{ ...OPUS, payloadType: 96 }, PCMU], companions: [events(97, 48_000)] };
    const leg = codecFor(
      { codecs: [PCMU, OPUS], companions: [events(101), events(110, 48_000)] },
      other,
      NO_TRANSCODER,
    );
    assert.deepEqual([typesOf(leg?.selection), leg?.transcoded], [[111, 110], false]);
  });

  it('takes digits along where both sides have them, comfort noise only where nothing is transcoded', () => {
    const side = { codecs: [PCMA], companions: [events(101), NOISE] };
    const direct = codecFor(side, { codecs: [PCMA], companions: [NOISE] }, G711);
    assert.deepEqual(typesOf(direct?.selection), [8, 13]);
    const transcoded = codecFor(side, { codecs: [PCMU], companions: [events(99), NOISE] }, G711);
    assert.deepEqual([typesOf(transcoded?.selection), transcoded?.transcoded], [[8, 101], true]);
  });

  it('has one number on both legs where packets pass unread or unmapped', () => {
    const keeps: Transcoder = { ...G711, keepsPayloadTypes: true };
    const other = { codecs: [{ ...OPUS, payloadType: 96 }, PCMA], companions: [events(97)] };
    const leg = codecFor({ codecs: [OPUS, PCMA], companions: [events(101)] }, other, keeps);
    assert.deepEqual([typesOf(leg?.selection), leg?.transcoded], [[8], false]);
    const transcoded = codecFor({ codecs: [PCMU], companions: [events(101), events(97)] }, other, keeps);
    assert.deepEqual([typesOf(transcoded?.selection), transcoded?.transcoded], [[0, 97], true]);
  });

  it('is none when nothing goes together', () => {
    assert.equal(codecFor({ codecs: [PCMA], companions: [] }, { codecs: [OPUS], companions: [] }, G711), null);
  });
});

describe('the names that a channel needs', () => {
  it('are those by which it can be offered something, for any caller and channel', () => {
    fc.assert(
      fc.property(
        offerArbitrary,
        policyArbitrary,
        policyArbitrary,
        fc.constantFrom(NO_TRANSCODER, G711, ANYTHING, ONE_WAY),
        fc.constantFrom(null, ['PCMA', 'PCMU']),
        (sdp, trunk, channel, transcoder, only) => {
          const read = readOffer(sdp);
          assert.ok(read.ok);
          const caller = allowedFormats(read.offer.audio, trunk, only);
          const { direct, transcoded } = usableNames(caller, only, transcoder);
          const isNeeded = (names: readonly string[]) => names.some((name) => channel.codecs.includes(name));
          const selected = selectForChannel(caller, channel, only, transcoder);
          assert.equal(selected !== null, isNeeded([...direct, ...transcoded]));
          if (selected !== null) assert.equal(selected.transcoded, !isNeeded(direct));
        },
      ),
    );
  });
});
