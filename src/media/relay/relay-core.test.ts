import assert from 'node:assert/strict';
import type { MediaEvent } from '../../call/ports.js';
import { ManualClock } from '../../lib/clock.js';
import { MemorySockets } from './memory-sockets.js';
import { RelayCore } from './relay-core.js';
import { PCMA, relaySettings } from './relay-test-kit.js';

const LAN = { name: 'lan', bind: '192.0.2.1', advertise: '192.0.2.1', mediaPorts: { from: 20_000, to: 20_099 } };
const PARTS = 4;
const SILENT_AFTER_MS = 1_000;

describe('the sessions of a relay thread', () => {
  it('have their turns in parts, those opened and closed meanwhile too', () => {
    const clock = new ManualClock();
    const sockets = new MemorySockets(() => clock.monotonicMs());
    const told: [number, MediaEvent['type']][] = [];
    const core = new RelayCore(
      relaySettings([LAN]),
      sockets,
      () => clock.monotonicMs(),
      (session, event) => told.push([session, event.type]),
      clock,
    );
    // What is due by time in each: that its caller has been silent for too long.
    const open = (id: number): void => {
      assert.ok(core.open(id, 'lan', 'lan').ok);
      core.setRemote(id, 'caller', {
        address: '10.0.0.2',
        rtpPort: 4_000,
        rtcpPort: 4_001,
        signallingAddress: '10.0.0.2',
        nat: 'off',
        sources: [],
        codecs: [PCMA],
        sends: true,
      });
      core.watchSilence(id, SILENT_AFTER_MS);
    };
    const inPart = (): number[] => {
      core.tick(PARTS);
      return told.splice(0).map(([session]) => session);
    };
    for (const id of [1, 2, 3, 4, 5, 6]) open(id);
    clock.advance(SILENT_AFTER_MS);

    assert.deepEqual(inPart(), [1, 2]);
    core.close(3);
    open(7);
    assert.deepEqual([inPart(), inPart(), inPart()], [[4], [5], [6]]);
    clock.advance(SILENT_AFTER_MS);
    assert.deepEqual([inPart(), inPart(), inPart(), inPart()], [[], [], [], [7]]);
    core.shutdown();
  });
});
