import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { parsePartialName, recordingPaths } from './recording-paths.js';

const STARTED_MS = Date.UTC(2026, 0, 5, 23, 59, 59);

describe('recordingPaths', () => {
  it('files by day and call', () => {
    const paths = recordingPaths('rec', { callId: 'c1', recordingId: 'c1' }, STARTED_MS);
    assert.deepEqual(paths, {
      folder: join('rec', '2026', '01', '05'),
      finished: join('rec', '2026', '01', '05', 'c1.wav'),
      repaired: join('rec', '2026', '01', '05', 'c1.repaired.wav'),
      partial: join('rec', 'unfinished', '2026-01-05.c1.partial.wav'),
    });
  });

  it('tells from the name of a partial file what it is', () => {
    for (const ids of [
      { callId: 'c1', recordingId: 'c1' },
      { callId: 'c1', recordingId: 'r-2' },
    ]) {
      const paths = recordingPaths('rec', ids, STARTED_MS);
      assert.deepEqual(parsePartialName('rec', basename(paths.partial)), { ...ids, paths });
    }
    for (const name of ['', 'x.wav', '2026-01-05.c1.wav', '2026-01-05.a b.partial.wav', '2026-01-05..partial.wav']) {
      assert.equal(parsePartialName('rec', name), null);
    }
  });

  it('never leaves the folder, whatever the id', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('../../etc/passwd', 'a/b', '.', '..', 'x\0y')), (id) => {
        const { finished } = recordingPaths('/rec', { callId: id, recordingId: id }, STARTED_MS);
        assert.match(finished, /^\/rec\/2026\/01\/05\/[A-Za-z0-9_-]+\.wav$/);
      }),
    );
  });
});
