import assert from 'node:assert/strict';
import { readCaller } from './read-caller.js';

const SIM = '+821012345678';

describe('readCaller', () => {
  it('reads a number in whatever way a gateway writes it as the same one', () => {
    for (const written of ['01055550102', '+821055550102', '010-5555-0102', '001821055550102']) {
      const { e164, numberClass } = readCaller(written, SIM) ?? {};
      assert.deepEqual([e164, numberClass], ['+821055550102', 'mobile'], written);
    }
  });

  it('reads numbers by the country of the SIM', () => {
    assert.equal(readCaller('2125550123', '+14155550100')?.e164, '+12125550123');
  });

  it('knows nobody by what is no number', () => {
    for (const written of ['', 'anonymous', 'Restricted', '0', '+', '8'.repeat(80)]) {
      assert.equal(readCaller(written, SIM), null, written);
    }
  });
});
