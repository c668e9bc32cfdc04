import assert from 'node:assert/strict';
import { createLogger } from '../../lib/logger.js';
import { LogFollower } from './log-follower.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

describe('the log of the shared ledger', () => {
  let applied: number[];
  /** Whether the state is to be read anew, each time that it has to be read again. */
  let stale: boolean[];
  let follower: LogFollower<{ readonly seq: number; readonly word: string | undefined }>;

  beforeEach(() => {
    applied = [];
    stale = [];
    const read = (message: string) => {
      const [seq, word] = message.split(' ');
      if (word === 'unreadable') throw new Error(word);
      return word === 'foreign' ? undefined : { seq: Number(seq), word };
    };
    const apply = ({ seq, word }: { seq: number; word: string | undefined }) => {
      if (word === 'refused') throw new Error(word);
      applied.push(seq);
    };
    follower = new LogFollower({ read, apply, onStale: (anew) => stale.push(anew) }, log);
  });

  it('is kept until the state is read, and then goes on behind that', () => {
    for (const message of ['4', '5', '6', '7']) follower.take(message);
    assert.deepEqual([follower.isFollowing, applied], [false, []]);
    follower.resumeAt(5);
    assert.deepEqual([follower.isFollowing, applied, follower.seq], [true, [6, 7], 7]);
    follower.take('8');
    follower.take('8');
    follower.take('rubbish');
    assert.deepEqual([applied, stale], [[6, 7, 8], []]);
  });

  it('is not followed any more when an entry is missing, until the state was read again', () => {
    follower.resumeAt(1);
    for (const message of ['2', '4', '5']) follower.take(message);
    assert.deepEqual([applied, stale, follower.isFollowing], [[2], [false], false]);
    follower.resumeAt(4);
    assert.deepEqual([applied, follower.seq], [[2, 5], 5]);
  });

  it('goes on past entries that cannot be read, or are another version’s', () => {
    follower.resumeAt(1);
    for (const message of ['2 unreadable', '3 foreign', '4']) follower.take(message);
    assert.deepEqual([applied, stale, follower.seq], [[4], [], 4]);
  });

  it('has the state read anew when an entry could not be applied', () => {
    follower.resumeAt(1);
    follower.take('2 refused');
    follower.take('3');
    assert.deepEqual([applied, stale, follower.isFollowing], [[], [true], false]);
  });

  it('tells who waits for an entry when it is applied, or that it may be missed', async () => {
    assert.equal(await follower.reached(0), true);
    assert.equal(await follower.reached(1), false, 'nothing is followed');
    follower.resumeAt(1);
    const [two, three] = [follower.reached(2), follower.reached(3)];
    follower.take('2');
    assert.equal(await two, true);
    follower.stop();
    assert.equal(await three, false);
  });
});
