import assert from 'node:assert/strict';
import { fakeWire, TIMERS } from '../testing/fake-wire.js';
import { ReliableProvisionals } from './reliable-provisionals.js';

function begin(isRepeated = true) {
  const wire = fakeWire();
  const told: string[] = [];
  const reliable = new ReliableProvisionals(wire.context.wheel, TIMERS, 7, isRepeated, () => told.push('timeout'));
  const send = (): number => {
    const rseq = reliable.nextRSeq();
    reliable.sent(() => told.push(`again ${Math.round(wire.clock.monotonicMs())}`));
    return rseq;
  };
  return { ...wire, told, reliable, send };
}

describe('ReliableProvisionals', () => {
  it('repeats the one that waits, doubling from T1, and gives up after 64·T1', () => {
    const { clock, told, send, reliable } = begin();
    send();
    for (let ms = 0; ms < 33_000; ms += 10) clock.advance(10);
    assert.deepEqual(told, [
      'again 500',
      'again 1500',
      'again 3500',
      'again 7500',
      'again 15500',
      'again 31500',
      'timeout',
    ]);
    assert.equal(reliable.isWaiting, false);
  });

  it('repeats nothing over a reliable transport', () => {
    const { clock, told, send } = begin(false);
    send();
    clock.advance(32_100);
    assert.deepEqual(told, ['timeout']);
  });

  it('knows its RAck from others, counts up, and then lets out what waited, one reliable one at a time', () => {
    const { context, told, reliable, send } = begin();
    const first = send();
    reliable.defer(() => {
      told.push('second');
      send();
    });
    reliable.defer(() => told.push('answer'));
    for (const rack of [`${first} 8 INVITE`, `${first + 1} 7 INVITE`, `${first} 7 UPDATE`, `${first}`, '']) {
      assert.equal(reliable.isNamedBy(rack), false, rack);
    }
    assert.equal(reliable.isNamedBy(`${first} 7 INVITE`), true);
    reliable.acknowledged();
    assert.deepEqual(told, ['second']);
    assert.equal(reliable.isNamedBy(`${first + 1}  7  INVITE`), true);
    reliable.acknowledged();
    assert.deepEqual(told, ['second', 'answer']);
    assert.equal(context.wheel.pending, 0);
  });

  it('lets out what waited when the INVITE is over', () => {
    const { context, told, reliable, send } = begin();
    send();
    reliable.defer(() => told.push('too late'));
    reliable.stop();
    assert.deepEqual(told, ['too late']);
    assert.equal(context.wheel.pending, 0);
  });
});
