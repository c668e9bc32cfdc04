import assert from 'node:assert/strict';
import { parseProxyOptions } from './proxy-options.js';

describe('parseProxyOptions', () => {
  it('reads the words of a proxy frame', () => {
    const tokens = [
      'remainInDialog',
      'fullResponse',
      'followRedirects',
      'simultaneous',
      '2s',
      '1500ms',
      'sip:a',
      'sip:b',
    ];
    assert.deepEqual(parseProxyOptions(tokens), {
      recordsRoute: true,
      tellsResponses: true,
      followsRedirects: true,
      isSimultaneous: true,
      provisionalTimeoutMs: 2_000,
      finalTimeoutMs: 1_500,
      targets: ['sip:a', 'sip:b'],
    });
  });

  it('takes what is empty, missing or nonsense for not asked', () => {
    const none = {
      recordsRoute: false,
      tellsResponses: false,
      followsRedirects: false,
      isSimultaneous: false,
      provisionalTimeoutMs: null,
      finalTimeoutMs: null,
      targets: [],
    };
    assert.deepEqual(parseProxyOptions([]), none);
    assert.deepEqual(parseProxyOptions(['', '', '', 'serial', 'soon', '0s', '']), none);
  });
});
