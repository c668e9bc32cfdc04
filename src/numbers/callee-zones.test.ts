import assert from 'node:assert/strict';
import { zonesOfCountry, zonesOfNumber } from './callee-zones.js';

describe('zonesOfNumber', () => {
  it('finds the one zone of a country that has one', () => {
    assert.deepEqual(zonesOfNumber('+821012345678'), ['Asia/Seoul']);
    assert.deepEqual(zonesOfNumber('+81312345678'), ['Asia/Tokyo']);
  });

  it('finds every zone of a country that has several', () => {
    const zones = zonesOfNumber('+12125550100');
    for (const zone of ['America/New_York', 'America/Los_Angeles', 'Pacific/Honolulu'])
      assert.ok(zones.includes(zone), zone);
    assert.ok(!zones.includes('America/Toronto'), 'another country of the same calling code');
  });

  it('tells the countries of one calling code apart', () => {
    assert.ok(zonesOfNumber('+14165550100').includes('America/Toronto'));
    assert.deepEqual(zonesOfNumber('+18765550100'), ['America/Jamaica']);
  });

  it('finds none for a number that belongs to no country', () => {
    assert.deepEqual(zonesOfNumber('+80012345678'), []);
    assert.deepEqual(zonesOfNumber('119'), []);
    assert.deepEqual(zonesOfNumber('nonsense'), []);
  });
});

describe('zonesOfCountry', () => {
  it('finds none for what is no country', () => {
    assert.deepEqual(zonesOfCountry('ZZ'), []);
    assert.deepEqual(zonesOfCountry('not a country'), []);
  });
});
