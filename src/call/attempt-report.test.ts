import assert from 'node:assert/strict';
import { MachineBench } from './machine-test-kit.js';

/** What routing is told over a whole call, as channel, outcome and delay. */
function told(act: (bench: MachineBench) => unknown): string[] {
  const bench = new MachineBench();
  act(bench);
  return bench.all.flatMap((effect) => {
    if (effect.type !== 'report-attempt') return [];
    return [`${effect.channelId} ${effect.report.outcome} ${effect.report.postDialDelayMs}`];
  });
}

const ring = (bench: MachineBench) =>
  bench.after(300).feed({ type: 'attempt:progressed', attemptId: 'a', status: 180, media: false });
const fire = (bench: MachineBench, timer: 'first-response' | 'progress' | 'ring' | 'setup') =>
  bench.feed({ type: 'timer:fired', timer, attemptId: timer === 'setup' ? null : 'a' });

describe('what an attempt tells of its channel', () => {
  it('is once an answer, with the delay to the first ringing, or to the answer without any', () => {
    const rang = told((bench) => {
      bench.talk();
      bench.feed({ type: 'caller:hung-up', reason: 'normal' });
      bench.feed({ type: 'attempt:cleared', attemptId: 'a' });
    });
    assert.deepEqual(rang, ['gw1/a answered 0']);
    const silent = told((bench) => bench.dial().after(700).feed({ type: 'attempt:answered', attemptId: 'a' }));
    assert.deepEqual(silent, ['gw1/a answered 700']);
    const unusable = told((bench) => {
      ring(bench.dial());
      bench.feed({ type: 'attempt:answered-unusable', attemptId: 'a', reason: 'no-common-codec' });
    });
    assert.deepEqual(unusable, ['gw1/a answered 300']);
  });

  for (const status of [480, 484, 486, 600, 603]) {
    it(`is the callee's with a final ${status}`, () => {
      assert.deepEqual(
        told((bench) => bench.dial().fail('a', status)),
        ['gw1/a callee null'],
      );
    });
  }

  for (const status of [401, 403, 404, 500, 503]) {
    it(`is a failure of the channel with a final ${status}`, () => {
      assert.deepEqual(
        told((bench) => bench.dial().fail('a', status)),
        ['gw1/a failed null'],
      );
    });
  }

  it('is a failure when no response came, or the gateway stopped before it rang', () => {
    assert.deepEqual(
      told((bench) => bench.dial().fail('a', 408, true)),
      ['gw1/a failed null'],
    );
    for (const timer of ['first-response', 'progress', 'setup'] as const)
      assert.deepEqual(
        told((bench) => fire(bench.dial(), timer)),
        ['gw1/a failed null'],
      );
  });

  it("is the callee's when the phone rang out, or the caller gave up", () => {
    for (const timer of ['ring', 'setup'] as const) {
      const rang = told((bench) => {
        ring(bench.dial());
        fire(bench, timer);
      });
      assert.deepEqual(rang, ['gw1/a callee 300']);
    }
    assert.deepEqual(
      told((bench) => bench.dial().feed({ type: 'caller:cancelled' })),
      ['gw1/a callee null'],
    );
  });

  it('is told of every attempt of a call, and not again when a given-up one is answered late', () => {
    const reports = told((bench) => {
      fire(bench.dial(), 'first-response');
      bench.talk('b');
      bench.feed({ type: 'attempt:answered', attemptId: 'a' });
    });
    assert.deepEqual(reports, ['gw1/a failed null', 'gw1/b answered 0']);
  });

  it('is nothing when no INVITE left, or the call was ended by us', () => {
    const unsent = told((bench) => {
      bench.feed({ type: 'call:admitted', emergency: false });
      bench.reserve('a');
      bench.fail('a', 503, true);
    });
    assert.deepEqual(unsent, []);
    assert.deepEqual(
      told((bench) => bench.dial().feed({ type: 'call:end-wanted', reason: 'shutdown' })),
      [],
    );
  });
});
