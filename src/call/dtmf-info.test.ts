import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dtmfInfo, isDtmf, readDtmfInfo } from './dtmf-info.js';

const RELAY = 'application/dtmf-relay';
const PLAIN = 'application/dtmf';

describe('digits in INFO', () => {
  it('are read in both forms, with and without a duration', () => {
    assert.deepEqual(readDtmfInfo(RELAY, 'Signal=5\r\nDuration=250\r\n'), { digit: '5', durationMs: 250 });
    assert.deepEqual(readDtmfInfo(RELAY, 'signal= #\nduration= 100'), { digit: '#', durationMs: 100 });
    assert.deepEqual(readDtmfInfo(RELAY, 'Signal=11'), { digit: '#', durationMs: 160 });
    assert.deepEqual(readDtmfInfo(PLAIN, ' 10 '), { digit: '*', durationMs: 160 });
    assert.deepEqual(readDtmfInfo(PLAIN, 'd'), { digit: 'D', durationMs: 160 });
    assert.deepEqual([isDtmf(RELAY), isDtmf(PLAIN), isDtmf('text/plain'), isDtmf(null)], [true, true, false, false]);
  });

  it('last as long as a hand presses a key, whatever the peer says', () => {
    assert.equal(readDtmfInfo(RELAY, 'Signal=1\r\nDuration=1')?.durationMs, 40);
    assert.equal(readDtmfInfo(RELAY, 'Signal=1\r\nDuration=999999')?.durationMs, 5_000);
  });

  it('are none where no key is named', () => {
    for (const body of [null, '', 'Signal=', 'Signal=16', 'Signal=!', 'Duration=100', 'hook']) {
      assert.equal(readDtmfInfo(RELAY, body), null, String(body));
      assert.equal(readDtmfInfo(PLAIN, body), null, String(body));
    }
  });

  it('are read as they are written', () => {
    const digit = fc.constantFrom(...'0123456789*#ABCD');
    fc.assert(
      fc.property(digit, fc.integer({ min: 40, max: 5_000 }), (key, durationMs) => {
        const { headers, body } = dtmfInfo({ digit: key, durationMs });
        assert.deepEqual(readDtmfInfo(headers['Content-Type'] ?? null, body), { digit: key, durationMs });
      }),
    );
  });

  it('never make anything throw', () => {
    fc.assert(
      fc.property(fc.string(), (body) => {
        readDtmfInfo(RELAY, body);
        readDtmfInfo(PLAIN, body);
      }),
    );
  });
});
