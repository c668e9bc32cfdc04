import assert from 'node:assert/strict';
import { capabilityHeaders, optionTags, unknownExtensions } from './capabilities.js';
import type { SipMessage } from './srf.js';

describe('what peers are told that we can do', () => {
  it('names methods always, extensions where there are some', () => {
    assert.deepEqual(Object.keys(capabilityHeaders([])), ['Allow']);
    assert.equal(capabilityHeaders(['timer', '100rel']).Supported, 'timer, 100rel');
  });

  it('reads option tags in any case and spacing', () => {
    assert.deepEqual(optionTags(' Timer,,100REL , x-own'), ['timer', '100rel', 'x-own']);
    assert.deepEqual(optionTags(undefined), []);
  });

  it('tells which of the required extensions we do not have', () => {
    const request = { get: () => 'timer, x-teleport' } as unknown as SipMessage;
    assert.deepEqual(unknownExtensions(request, ['timer']), ['x-teleport']);
    assert.deepEqual(unknownExtensions(request, ['timer', 'x-teleport']), []);
  });
});
