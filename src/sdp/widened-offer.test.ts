import assert from 'node:assert/strict';
import type { CodecSelection } from './description.js';
import { codecPolicy } from './media-policy.js';
import { NO_TRANSCODER, type Transcoder } from './select-codecs.js';
import { widened } from './widened-offer.js';

const PCMA = { payloadType: 8, name: 'PCMA', clockRateHz: 8000 };
const PCMU = { payloadType: 0, name: 'PCMU', clockRateHz: 8000 };
const EVENTS = { payloadType: 101, name: 'telephone-event', clockRateHz: 8000 };
const G711: Transcoder = { transcodes: (from, to) => `${from}${to}`.startsWith('PCM') && to.startsWith('PCM') };

function offered(
  inUse: CodecSelection,
  {
    policy = codecPolicy(['PCMA', 'PCMU', 'G729', 'opus']),
    only = null as readonly string[] | null,
    other = [PCMA],
    transcoder = G711,
  },
): number[] {
  const { codecs, companions } = widened(inUse, { policy, only, other: { codecs: other, companions: [] }, transcoder });
  assert.deepEqual(companions, inUse.companions);
  return codecs.map(({ payloadType }) => payloadType);
}

describe('a widened offer', () => {
  const inUse = { codecs: [PCMA], companions: [EVENTS] };

  it('has what is in use first, then what can be transcoded', () => {
    assert.deepEqual(offered(inUse, {}), [8, 0]);
  });

  it('has what the other leg uses when that is transcoded now', () => {
    assert.deepEqual(offered({ codecs: [PCMU], companions: [] }, {}), [0, 8]);
  });

  it('has nothing that the policy, the recording or the other leg rules out', () => {
    assert.deepEqual(offered(inUse, { policy: codecPolicy(['PCMA']) }), [8]);
    assert.deepEqual(offered(inUse, { only: ['PCMA'] }), [8]);
    assert.deepEqual(offered(inUse, { transcoder: NO_TRANSCODER }), [8]);
  });

  it('gives no number a new meaning', () => {
    const renumbered = { codecs: [{ payloadType: 0, name: 'opus', clockRateHz: 8000 }], companions: [] };
    assert.deepEqual(offered(renumbered, { other: [PCMU] }), [0, 8]);
    assert.deepEqual(offered({ codecs: [{ ...PCMA, payloadType: 96 }], companions: [] }, {}), [96, 0]);
  });
});
