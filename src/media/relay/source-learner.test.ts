import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type AcceptedSources, SourceLearner } from './source-learner.js';

const SDP = '192.168.1.10';
const SIGNALLING = '203.0.113.5';
const LISTED = '198.51.100.7';
const STRANGER = '192.0.2.66';

const accepted: AcceptedSources = {
  address: SDP,
  port: 4000,
  signallingAddress: SIGNALLING,
  isListed: (address) => address === LISTED,
};

function learner(changes: Partial<AcceptedSources> = {}): SourceLearner {
  const made = new SourceLearner();
  made.expect({ ...accepted, ...changes });
  return made;
}

function sourceOf(learned: SourceLearner): string {
  return `${learned.address}:${learned.port}`;
}

describe('SourceLearner', () => {
  it('accepts each class, and nobody else', () => {
    assert.ok(learner().accepts(SDP, 4000, 0), 'class a');
    assert.ok(learner().accepts(SDP, 4444, 0), 'class b');
    assert.ok(learner().accepts(SIGNALLING, 5555, 0), 'class c');
    assert.ok(learner().accepts(LISTED, 6666, 0), 'class d');
    assert.equal(learner().accepts(STRANGER, 4000, 0), false);
    assert.equal(learner({ signallingAddress: null }).accepts(SIGNALLING, 5555, 0), false);
    assert.equal(new SourceLearner().accepts(SDP, 4000, 0), false);
  });

  it('accepts of another session of ours what comes from its very port, and learns nothing of who was there before', () => {
    const learned = learner();
    assert.ok(learned.accepts(SDP, 4444, 0));
    learned.expect({ ...accepted, port: 5000, isExact: true });
    for (const [address, port] of [
      [SDP, 4444],
      [SIGNALLING, 5000],
      [LISTED, 5000],
    ] as const)
      assert.equal(learned.accepts(address, port, 10), false);
    assert.equal(learned.address, null);
    assert.ok(learned.accepts(SDP, 5000, 20));
  });

  it('lets a better class replace a worse one within 3 s of the first packet, never the other way', () => {
    const learned = learner();
    assert.ok(learned.accepts(LISTED, 6666, 1_000));
    assert.ok(learned.accepts(SIGNALLING, 5555, 1_100));
    assert.equal(learned.accepts(LISTED, 6666, 1_120), false);
    assert.ok(learned.accepts(SDP, 4444, 2_000));
    assert.ok(learned.accepts(SDP, 4000, 4_000));
    assert.equal(learned.accepts(SIGNALLING, 5555, 4_000), false);
    assert.equal(sourceOf(learned), `${SDP}:4000`);
  });

  it('is locked 3 s after the first packet, for better classes too', () => {
    const learned = learner();
    assert.ok(learned.accepts(SIGNALLING, 5555, 1_000));
    assert.ok(learned.accepts(SIGNALLING, 5555, 3_990));
    assert.equal(learned.accepts(SDP, 4000, 4_001), false);
    assert.equal(sourceOf(learned), `${SIGNALLING}:5555`);
  });

  it('does not follow another source of the same class', () => {
    const learned = learner();
    assert.ok(learned.accepts(SIGNALLING, 5555, 0));
    assert.equal(learned.accepts(SIGNALLING, 5556, 20), false);
  });

  it('follows a port change of the same address after 2 s of silence, not sooner', () => {
    const learned = learner();
    assert.ok(learned.accepts(SIGNALLING, 5555, 0));
    assert.ok(learned.accepts(SIGNALLING, 5555, 10_000));
    assert.equal(learned.accepts(SIGNALLING, 7777, 11_999), false);
    assert.ok(learned.accepts(SIGNALLING, 7777, 12_000));
    assert.equal(learned.accepts(SIGNALLING, 5555, 12_020), false);
  });

  it('never follows another address, however long the silence', () => {
    const learned = learner();
    assert.ok(learned.accepts(SDP, 4000, 0));
    assert.equal(learned.accepts(SIGNALLING, 5555, 1e9), false);
    assert.equal(learned.accepts(LISTED, 6666, 1e9), false);
  });

  it('learns anew only when the remote changes address or port', () => {
    const learned = learner();
    assert.ok(learned.accepts(SIGNALLING, 5555, 0));
    learned.expect({ ...accepted, signallingAddress: null });
    assert.equal(sourceOf(learned), `${SIGNALLING}:5555`);
    learned.expect({ ...accepted, port: 4002 });
    assert.equal(learned.address, null);
    assert.ok(learned.accepts(SDP, 4002, 10_000));
    learned.expect({ ...accepted, address: '192.168.1.11', port: 4002 });
    assert.equal(learned.address, null);
  });

  it('starts a new 3 s when it learns anew', () => {
    const learned = learner();
    assert.ok(learned.accepts(SDP, 4000, 0));
    learned.expect({ ...accepted, port: 4002 });
    assert.ok(learned.accepts(LISTED, 6666, 60_000));
    assert.ok(learned.accepts(SDP, 4002, 62_000));
  });

  it('never accepts a stranger, whatever happened before', () => {
    const sources = [SDP, SIGNALLING, LISTED, STRANGER];
    const step = fc.record({ source: fc.nat(3), port: fc.constantFrom(4000, 4444), waitMs: fc.nat(5_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const learned = learner();
        let nowMs = 0;
        for (const { source, port, waitMs } of steps) {
          nowMs += waitMs;
          const address = sources[source] ?? STRANGER;
          const isAccepted = learned.accepts(address, port, nowMs);
          if (address === STRANGER) assert.equal(isAccepted, false);
          if (isAccepted) assert.equal(sourceOf(learned), `${address}:${port}`);
        }
        assert.notEqual(learned.address, STRANGER);
      }),
    );
  });
});
