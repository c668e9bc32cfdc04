import assert from 'node:assert/strict';
import type { Direction } from './description.js';
import { answerDirection } from './direction.js';

const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

describe('answerDirection', () => {
  it('never sends to who does not receive, nor expects from who does not send', () => {
    for (const wanted of DIRECTIONS) {
      assert.ok(['recvonly', 'inactive'].includes(answerDirection('sendonly', wanted)));
      assert.ok(['sendonly', 'inactive'].includes(answerDirection('recvonly', wanted)));
      assert.equal(answerDirection('inactive', wanted), 'inactive');
      assert.equal(answerDirection('sendrecv', wanted), wanted);
    }
  });
});
