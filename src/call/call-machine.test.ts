import assert from 'node:assert/strict';
import { stepCall } from './call-machine.js';
import { MachineBench as Bench, DECISION } from './machine-test-kit.js';

describe('call machine', () => {
  it('answers the caller only after the answer has been confirmed in the journal', () => {
    const bench = new Bench().dial();
    assert.deepEqual(bench.types({ type: 'attempt:answered', attemptId: 'a' }), ['confirm']);
    assert.deepEqual(bench.types({ type: 'attempt:confirmed', attemptId: 'a', grant: null }), [
      'start-recording',
      'connect-caller',
    ]);
    bench.feed({ type: 'caller:connected' });
    assert.equal(bench.state.phase, 'talking');
  });

  it('bills from the answer of the gateway to the BYE on its leg, whatever the caller saw', () => {
    const bench = new Bench().talk();
    bench.after(30_000).feed({ type: 'caller:hung-up', reason: 'normal' });
    assert.equal(bench.state.attempts[0]?.billableMs, 30_010);
    assert.equal(bench.state.record.durationMs, 30_000);
    assert.equal(bench.state.record.endedBy, 'caller');
  });

  it('keeps the channel until the BYE has its final response', () => {
    const bench = new Bench().talk();
    const ended = bench.types({ type: 'caller:hung-up', reason: 'normal' });
    assert.deepEqual(ended, ['end-leg', 'settle', 'close-media', 'write-record']);
    assert.ok(bench.all.some((effect) => effect.type === 'settle' && effect.channelInUse));
    assert.equal(bench.state.phase, 'clearing');
    assert.deepEqual(bench.types({ type: 'attempt:cleared', attemptId: 'a' }), ['vacate', 'done']);
    assert.equal(bench.state.phase, 'over');
  });

  it('frees the channel at once when the gateway sent the BYE', () => {
    const bench = new Bench().talk();
    const ended = bench.types({ type: 'attempt:hung-up', attemptId: 'a', reasons: [] });
    assert.deepEqual(ended, ['settle', 'end-caller', 'close-media', 'write-record', 'done']);
    assert.ok(bench.all.some((effect) => effect.type === 'settle' && !effect.channelInUse));
    assert.equal(bench.state.record.endedBy, 'callee');
  });

  it('tries the next channel when a SIM is busy, never the same one', () => {
    const bench = new Bench().dial();
    const effects = bench.feed({ type: 'attempt:failed', attemptId: 'a', status: 503, reasons: [], local: false });
    const select = effects.find((effect) => effect.type === 'select-channel');
    assert.deepEqual(select?.excludeChannels, ['gw1/a']);
    assert.ok(effects.some((effect) => effect.type === 'release'));
  });

  for (const status of [480, 486, 600, 603]) {
    it(`never redials after a final ${status}`, () => {
      const bench = new Bench().dial();
      assert.deepEqual(bench.fail('a', status), ['release', 'refuse-caller', 'close-media', 'write-record', 'done']);
      assert.equal(bench.refusal?.status, status);
    });
  }

  it('tells the caller 503 with cause 34 when every channel was busy', () => {
    const bench = new Bench().dial();
    bench.fail('a', 503);
    bench.feed({ type: 'channel:none', reason: 'no-channel', decision: DECISION, limit: null });
    assert.deepEqual(bench.refusal, { status: 503, q850: 34 });
    assert.equal(bench.state.record.endReason, 'no-channel');
  });

  it('stops failing over after the permitted number of attempts', () => {
    const bench = new Bench().dial('a');
    for (const attemptId of ['b', 'c']) {
      bench.fail(attemptId === 'b' ? 'a' : 'b', 503);
      bench.dial(attemptId);
    }
    bench.fail('c', 503);
    assert.equal(bench.state.attempts.length, 3);
    assert.equal(bench.refusal?.status, 503);
  });

  it('gives a silent gateway up after its clock, keeps its channel, and tries another gateway first', () => {
    const bench = new Bench().dial();
    const effects = bench.after(4000).feed({ type: 'timer:fired', timer: 'first-response', attemptId: 'a' });
    const select = effects.find((effect) => effect.type === 'select-channel');
    assert.deepEqual(select?.avoidGateways, ['gw1']);
    assert.ok(effects.some((effect) => effect.type === 'cancel-invite'));
    assert.ok(!effects.some((effect) => effect.type === 'release'));
    assert.equal(bench.state.attempts[0]?.phase, 'abandoned');
  });

  it('charges an answer that comes after giving up, ends it, and shows it in a complete record', () => {
    const bench = new Bench().dial('a');
    bench.after(4000).feed({ type: 'timer:fired', timer: 'first-response', attemptId: 'a' });
    bench.talk('b');
    bench.feed({ type: 'attempt:hung-up', attemptId: 'b', reasons: [] });
    assert.ok(bench.all.some((effect) => effect.type === 'write-record' && !effect.complete));
    const late = bench.feed({ type: 'attempt:answered', attemptId: 'a' });
    assert.deepEqual(
      late.map((effect) => effect.type).filter((type) => type !== 'arm' && type !== 'disarm'),
      ['end-leg', 'settle', 'write-record'],
    );
    assert.ok(late.some((effect) => effect.type === 'write-record' && effect.complete));
    assert.equal(bench.state.attempts[0]?.record.answeredLate, true);
  });

  it('takes 100 Trying for a sign of life and then waits for progress', () => {
    const bench = new Bench().dial();
    const effects = bench.feed({ type: 'attempt:trying', attemptId: 'a' });
    assert.deepEqual(
      effects.map((effect) => [effect.type, 'timer' in effect ? effect.timer : '']),
      [
        ['disarm', 'first-response'],
        ['arm', 'progress'],
      ],
    );
  });

  for (const timer of ['progress', 'ring', 'setup'] as const) {
    it(`ends the call without a further attempt when the ${timer} clock runs out`, () => {
      const bench = new Bench().dial();
      const status = timer === 'ring' ? 480 : 504;
      bench.feed({ type: 'attempt:trying', attemptId: 'a' });
      if (timer === 'ring') bench.feed({ type: 'attempt:progressed', attemptId: 'a', status: 180, media: false });
      const effects = bench.types({ type: 'timer:fired', timer, attemptId: timer === 'setup' ? null : 'a' });
      assert.ok(!effects.includes('select-channel'));
      assert.equal(bench.refusal?.status, status);
    });
  }

  it('cancels the attempt when the caller cancels, and releases its channel with the final response only', () => {
    const bench = new Bench().dial();
    bench.feed({ type: 'attempt:progressed', attemptId: 'a', status: 180, media: false });
    const effects = bench.types({ type: 'caller:cancelled' });
    assert.deepEqual(effects, ['cancel-invite', 'close-media', 'write-record']);
    assert.deepEqual(bench.fail('a', 487), ['release', 'write-record', 'done']);
    assert.equal(bench.state.record.endReason, 'caller-cancelled');
  });

  it('ends and charges the leg when a CANCEL crosses the answer', () => {
    const bench = new Bench().dial();
    bench.feed({ type: 'attempt:answered', attemptId: 'a' });
    const effects = bench.types({ type: 'caller:cancelled' });
    assert.deepEqual(effects, ['end-leg', 'settle', 'close-media', 'write-record']);
    assert.deepEqual(bench.types({ type: 'attempt:confirmed', attemptId: 'a', grant: null }), []);
  });

  it('ends the caller too when its 200 left although the call had ended', () => {
    const bench = new Bench().dial();
    bench.feed({ type: 'attempt:answered', attemptId: 'a' });
    bench.feed({ type: 'call:end-wanted', reason: 'operator' });
    assert.deepEqual(bench.types({ type: 'caller:connected' }), ['end-caller', 'write-record']);
    assert.deepEqual([bench.state.record.sipStatus, bench.state.record.endReason], [200, 'operator']);
  });

  it('releases a reservation that arrives after the caller has gone', () => {
    const bench = new Bench();
    bench.feed({ type: 'call:admitted', emergency: false });
    assert.deepEqual(bench.types({ type: 'caller:cancelled' }), []);
    assert.deepEqual(bench.reserve('a'), ['release', 'close-media', 'write-record', 'done']);
  });

  it('says of each release whether an INVITE left', () => {
    const released = (act: (bench: Bench) => void): unknown => {
      const bench = new Bench();
      act(bench);
      const effect = bench.all.findLast(({ type }) => type === 'release');
      return effect?.type === 'release' ? effect.invited : 'nothing was released';
    };
    const local = { type: 'attempt:failed', attemptId: 'a', status: 503, reasons: [], local: true } as const;
    const cancelledWhileReserving = (bench: Bench): void => {
      bench.feed({ type: 'call:admitted', emergency: false });
      bench.feed({ type: 'caller:cancelled' });
      bench.reserve('a');
    };
    const neverSent = (bench: Bench): void => {
      bench.feed({ type: 'call:admitted', emergency: false });
      bench.reserve('a');
      bench.feed(local);
    };
    assert.equal(released(cancelledWhileReserving), false);
    assert.equal(released(neverSent), false);
    assert.equal(
      released((bench) => bench.dial().fail('a', 486)),
      true,
    );
    assert.equal(
      released((bench) => bench.dial().feed(local)),
      true,
    );
    const abandoned = (bench: Bench): void => {
      bench.dial().feed({ type: 'caller:cancelled' });
      bench.feed({ type: 'timer:fired', timer: 'abandon', attemptId: 'a' });
    };
    assert.equal(released(abandoned), true);
  });

  it('connects and then ends the caller when the callee hung up with its answer', () => {
    const bench = new Bench().dial();
    bench.feed({ type: 'attempt:answered', attemptId: 'a' });
    bench.feed({ type: 'attempt:hung-up', attemptId: 'a', reasons: [] });
    assert.deepEqual(bench.types({ type: 'attempt:confirmed', attemptId: 'a', grant: null }), [
      'start-recording',
      'connect-caller',
    ]);
    const ended = bench.types({ type: 'caller:connected' });
    assert.deepEqual(ended, ['end-caller', 'close-media', 'write-record', 'done']);
    assert.equal(bench.state.record.endedBy, 'callee');
  });

  it('ends both legs at the longest duration that the plan allows', () => {
    const bench = new Bench().talk();
    const armed = bench.all.findLast((effect) => effect.type === 'arm' && effect.timer === 'max-duration');
    assert.equal(armed?.type === 'arm' ? armed.delayMs : undefined, 600_000 - 10);
    const effects = bench.types({ type: 'timer:fired', timer: 'max-duration', attemptId: null });
    assert.deepEqual(effects.slice(0, 3), ['end-caller', 'end-leg', 'settle']);
    assert.equal(bench.state.record.endedBy, 'simtrunk');
  });

  it('takes the longest duration from the confirmation, which knows what was charged meanwhile', () => {
    const delayOf = (bench: Bench) =>
      bench.all.flatMap((effect) => (effect.type === 'arm' && effect.timer === 'max-duration' ? [effect.delayMs] : []));
    assert.deepEqual(delayOf(new Bench().talk('a', { maxCallSeconds: 45, isFinal: true })), [45_000, 45_000 - 10]);
    assert.deepEqual(delayOf(new Bench().talk('a', { maxCallSeconds: 0, isFinal: true })), [0, 0]);
  });

  it('renews what is held at half a slice while the call lasts', () => {
    const bench = new Bench().talk();
    assert.deepEqual(bench.types({ type: 'timer:fired', timer: 'renewal', attemptId: null }), ['renew']);
  });

  it('fails over an emergency call whatever the gateway said', () => {
    const bench = new Bench();
    bench.feed({ type: 'call:admitted', emergency: true });
    bench.dial();
    assert.ok(bench.fail('a', 486).includes('select-channel'));
  });

  it('goes on with an emergency call while there is a channel, whichever clock runs out', () => {
    const bench = new Bench();
    bench.feed({ type: 'call:admitted', emergency: true });
    bench.dial('a').feed({ type: 'attempt:trying', attemptId: 'a' });
    for (const attemptId of ['a', 'b', 'c', 'd']) {
      const effects = bench.types({ type: 'timer:fired', timer: 'progress', attemptId });
      assert.deepEqual(effects, ['cancel-invite', 'forget-media', 'select-channel']);
      bench.dial(String.fromCharCode(attemptId.charCodeAt(0) + 1));
    }
  });

  it('takes an input without meaning as a logged no-op', () => {
    const bench = new Bench();
    const step = stepCall(bench.state, { type: 'attempt:cleared', attemptId: 'nobody' }, { wallMs: 0, monotonicMs: 0 });
    assert.deepEqual([step.expected, step.effects.length, step.state], [false, 0, bench.state]);
  });
});
