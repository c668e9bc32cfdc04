import assert from 'node:assert/strict';
import type { MediaCodec } from '../../call/ports.js';
import {
  AUDIO,
  COMFORT_NOISE,
  EVENT,
  NOT_NEGOTIATED,
  NOWHERE,
  PayloadMap,
  TO_A_LAW,
  TO_MU_LAW,
  UNCHANGED,
} from './payload-map.js';
import { EVENTS, PCMA, PCMU } from './relay-test-kit.js';

const CN: MediaCodec = { payloadType: 13, name: 'CN', clockRateHz: 8_000 };
const OPUS: MediaCodec = { payloadType: 96, name: 'opus', clockRateHz: 48_000, channels: 2 };

describe('PayloadMap', () => {
  function mapOf(sent: readonly MediaCodec[], received: readonly MediaCodec[] | null): PayloadMap {
    const map = new PayloadMap();
    map.setSent(sent);
    map.setReceived(received);
    return map;
  }

  const fate = (map: PayloadMap, payloadType: number) => [map.types[payloadType], map.changes[payloadType]];

  it('gives each codec the number that the other side has for it', () => {
    const map = mapOf([OPUS, PCMA, EVENTS], [{ ...OPUS, payloadType: 111 }, PCMA, { ...EVENTS, payloadType: 96 }]);
    assert.deepEqual(fate(map, 96), [111, UNCHANGED]);
    assert.deepEqual(fate(map, 8), [8, UNCHANGED]);
    assert.deepEqual(fate(map, 101), [96, UNCHANGED]);
  });

  it('knows kinds and clock rates of what the side may send, and nothing of the rest', () => {
    const map = mapOf([OPUS, CN, EVENTS], null);
    assert.deepEqual(
      [96, 13, 101, 8].map((type) => map.kinds[type]),
      [AUDIO, COMFORT_NOISE, EVENT, NOT_NEGOTIATED],
    );
    assert.equal(map.clockRatesHz[96], 48_000);
    assert.deepEqual(fate(map, 96), [NOWHERE, UNCHANGED]);
    assert.equal(map.codecOf(13)?.name, 'CN');
  });

  it('transcodes between the laws only where the other side has not the same', () => {
    assert.deepEqual(fate(mapOf([PCMA], [PCMU]), 8), [0, TO_MU_LAW]);
    assert.deepEqual(fate(mapOf([{ ...PCMU, payloadType: 97 }], [{ ...PCMA, payloadType: 98 }]), 97), [98, TO_A_LAW]);
    assert.deepEqual(fate(mapOf([PCMA], [PCMU, PCMA]), 8), [8, UNCHANGED]);
    assert.deepEqual(fate(mapOf([PCMA], [{ ...PCMU, clockRateHz: 16_000 }]), 8), [NOWHERE, UNCHANGED]);
  });

  it('sends nothing that the other side does not have', () => {
    const map = mapOf([PCMA, CN, EVENTS, OPUS], [PCMA, { ...EVENTS, clockRateHz: 48_000 }]);
    assert.deepEqual(
      [8, 13, 101, 96].map((type) => map.types[type]),
      [8, NOWHERE, NOWHERE, NOWHERE],
    );
  });

  it('keeps the number where one codec stands twice', () => {
    const [wide, narrow] = [
      { ...OPUS, payloadType: 96, fmtp: 'a=1' },
      { ...OPUS, payloadType: 97, fmtp: 'a=2' },
    ];
    const map = mapOf([wide, narrow], [narrow, wide]);
    assert.deepEqual([map.types[96], map.types[97]], [96, 97]);
  });

  it('forgets what a side had when its codecs change', () => {
    const map = mapOf([PCMA, EVENTS], [PCMA, EVENTS]);
    map.setSent([PCMU]);
    assert.deepEqual([map.kinds[8], map.kinds[101], map.types[0], map.changes[0]], [0, 0, 8, TO_A_LAW]);
    map.setReceived(null);
    assert.equal(map.types[0], NOWHERE);
  });
});
