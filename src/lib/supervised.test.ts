import assert from 'node:assert/strict';
import { ManualClock } from './clock.js';
import { createLogger } from './logger.js';
import { type RunningPart, Supervised } from './supervised.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

class FakePart implements RunningPart {
  closed = false;
  #exit: (cause: Error) => void = () => {};

  onExit(listener: (cause: Error) => void): void {
    this.#exit = listener;
  }

  die(): void {
    this.#exit(new Error('gone'));
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

describe('Supervised', () => {
  async function setUp(failures: { left: number }) {
    const clock = new ManualClock();
    const parts: FakePart[] = [];
    const restarted: FakePart[] = [];
    const supervised = await Supervised.start<FakePart>({
      name: 'fake',
      start: async () => {
        if (parts.length > 0 && failures.left-- > 0) throw new Error('not yet');
        const part = new FakePart();
        parts.push(part);
        return part;
      },
      onRestart: (part) => restarted.push(part),
      clock,
      log,
    });
    return { clock, parts, restarted, supervised };
  }

  /** Lets promise chains of a start run to their end. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('starts the part again after it ended by itself', async () => {
    const { clock, parts, restarted, supervised } = await setUp({ left: 0 });
    parts[0]?.die();
    assert.equal(supervised.isUp, false);
    clock.advance(100);
    await settle();
    assert.equal(supervised.latest, parts[1]);
    assert.deepEqual(restarted, [parts[1]]);
  });

  it('waits longer after each start that fails', async () => {
    const { clock, parts, supervised } = await setUp({ left: 2 });
    parts[0]?.die();
    for (const pauseMs of [100, 200]) {
      clock.advance(pauseMs);
      await settle();
      assert.equal(supervised.isUp, false);
    }
    clock.advance(400);
    await settle();
    assert.equal(supervised.latest, parts[1]);
  });

  it('does not start a part again once it is closed', async () => {
    const { clock, parts, supervised } = await setUp({ left: 0 });
    parts[0]?.die();
    await supervised.close();
    clock.advance(60_000);
    await settle();
    assert.equal(parts.length, 1);
  });
});
