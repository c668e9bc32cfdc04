import assert from 'node:assert/strict';
import { askedAt, firstPlace, nextPlace, type PollCursor, type PollPlace } from './poll-place.js';

const BY_ID: PollCursor = { kind: 'id', field: 'id', start: '0' };
const BY_NEXT: PollCursor = { kind: 'next', field: 'next', epoch: 'ssrc', start: '1' };
const entries = (...ids: unknown[]) => ids.map((id) => ({ entry: { id }, identity: `e${id}` }));
const place = (at: string, last: string | null = null, epoch: string | null = null): PollPlace => ({ at, last, epoch });

describe('the place to which a gateway’s store was read', () => {
  it('is the highest number, whose entry is asked for again', () => {
    const first = firstPlace(BY_ID);
    assert.equal(askedAt(BY_ID, first), '0');
    const next = nextPlace(BY_ID, first, {}, entries(7, '12', 9));
    assert.deepEqual(next, place('12', 'e12'));
    assert.equal(askedAt(BY_ID, place('12', 'e12')), '11');
    assert.deepEqual(nextPlace(BY_ID, place('12', 'e12'), {}, entries(12)), place('12', 'e12'));
    assert.deepEqual(nextPlace(BY_ID, place('12', 'e12'), {}, entries(12, 13)), place('13', 'e13'));
  });

  it('is the start again when the entry is another one, or gone', () => {
    assert.equal(nextPlace(BY_ID, place('12', 'e12'), {}, []), null);
    assert.equal(nextPlace(BY_ID, place('12', 'e-of-before'), {}, entries(12, 13)), null);
  });

  it('passes over entries without a number, and knows numbers of any length', () => {
    assert.deepEqual(nextPlace(BY_ID, firstPlace(BY_ID), {}, entries(null, 'x', -3)), firstPlace(BY_ID));
    const long = '90071992547409931';
    assert.deepEqual(nextPlace(BY_ID, firstPlace(BY_ID), {}, entries(long)), place(long, `e${long}`));
    assert.equal(askedAt(BY_ID, place(long, 'e')), '90071992547409930');
    assert.equal(askedAt(BY_ID, place('garbage', 'e')), '0');
  });

  it('is what the answer says, and the start when the store is another one or goes back', () => {
    const asked = (before: PollPlace, answer: object) => nextPlace(BY_NEXT, before, answer, []);
    assert.deepEqual(asked(firstPlace(BY_NEXT), { next: 3, ssrc: 'a' }), place('3', null, 'a'));
    assert.deepEqual(asked(place('3', null, 'a'), { next: 3, ssrc: 'a' }), place('3', null, 'a'));
    assert.deepEqual(asked(place('3', null, 'a'), { ssrc: 'a' }), place('3', null, 'a'));
    assert.equal(asked(place('3', null, 'a'), { next: 5, ssrc: 'b' }), null);
    assert.equal(asked(place('3', null, 'a'), { next: 2, ssrc: 'a' }), null);
    assert.deepEqual(asked(place('page-a'), { next: 'page-b' }), place('page-b'));
    assert.equal(askedAt(BY_NEXT, place('page-b')), 'page-b');
  });

  it('is nothing that is too long, or has spaces or other than ASCII', () => {
    for (const said of ['x'.repeat(201), 'a b', '\n', 'é', 'a\0']) {
      for (const answer of [{ next: said }, { next: 3, ssrc: said }]) {
        assert.throws(() => nextPlace(BY_NEXT, firstPlace(BY_NEXT), answer, []), /can be no place/);
      }
    }
    assert.deepEqual(
      nextPlace(BY_NEXT, firstPlace(BY_NEXT), { next: 'x'.repeat(200) }, []),
      place('x'.repeat(200), null, null),
    );
  });
});
