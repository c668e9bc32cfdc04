import assert from 'node:assert/strict';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import { StatusPoller } from './status-poller.js';

const INTERVAL_MS = 30_000;

describe('StatusPoller', () => {
  let clock: ManualClock;
  let poller: StatusPoller;
  let asked: { resolve(answer: unknown): void; reject(error: Error): void; signal: AbortSignal }[];
  let reports: string[];
  let lines: string[];
  let random: number;

  beforeEach(() => {
    clock = new ManualClock();
    asked = [];
    reports = [];
    lines = [];
    random = 0.5;
    const write = (text: string) => {
      const { alarm, msg } = JSON.parse(text) as Record<string, string>;
      lines.push(`${alarm ?? '-'}: ${msg}`);
    };
    poller = new StatusPoller(
      {
        gateway: 'gw1',
        intervalMs: INTERVAL_MS,
        template: { list: 'ports', port: 'port', registered: { field: 'reg', is: ['ok'] } },
        channels: [
          { channelId: 'gw1/1', names: ['1.01', '1'] },
          { channelId: 'gw1/2', names: ['2.01', '2'] },
        ],
      },
      {
        clock,
        log: pino({ level: 'info' }, { write }),
        random: () => random,
        ask: (signal) => new Promise((resolve, reject) => asked.push({ resolve, reject, signal })),
        onReport: (channelId, { registered }) => reports.push(`${channelId} ${registered}`),
      },
    );
    poller.start();
    clock.advance(1_000);
  });

  afterEach(async () => {
    const closed = poller.close();
    asked.at(-1)?.reject(new Error('aborted'));
    await closed;
    assert.equal(clock.pendingTimers, 0);
  });

  /** The question under way is answered; the next one is due an interval later. */
  async function answer(value: unknown): Promise<void> {
    if (value instanceof Error) asked.at(-1)?.reject(value);
    else asked.at(-1)?.resolve(value);
    await poller.whenIdle();
  }

  it('tells what the answer says of each channel, by whichever of its names the answer has', async () => {
    await answer({
      ports: [
        { port: '1', reg: 'ok' },
        { port: '2.01', reg: 'no' },
        { port: '3', reg: 'ok' },
      ],
    });
    assert.deepEqual(reports, ['gw1/1 true', 'gw1/2 false']);
  });

  it('asks never twice at a time, however long an answer takes', async () => {
    clock.advance(10 * INTERVAL_MS);
    assert.equal(asked.length, 1);
    await answer({ ports: [] });
    clock.advance(INTERVAL_MS - 1);
    assert.equal(asked.length, 1);
    clock.advance(1);
    assert.equal(asked.length, 2);
  });

  it('pauses a tenth longer or shorter by chance, and begins at a time by chance', async () => {
    random = 0;
    await answer({ ports: [] });
    clock.advance(0.9 * INTERVAL_MS);
    assert.equal(asked.length, 2);
    random = 1;
    await answer({ ports: [] });
    clock.advance(1.1 * INTERVAL_MS - 1);
    assert.equal(asked.length, 2);
    clock.advance(1);
    assert.equal(asked.length, 3);
  });

  it('raises one alarm while there is no answer, goes on asking, and says when there is one', async () => {
    for (const trouble of [new Error('it answered 500'), new Error('connect ECONNREFUSED'), { other: 'thing' }]) {
      await answer(trouble);
      clock.advance(INTERVAL_MS);
    }
    assert.deepEqual(lines, ['sim-status: status of the SIMs cannot be read: what is known of them grows old']);
    assert.deepEqual(poller.status, {
      ...{ gateway: 'gw1', polls: 4, failures: 3 },
      trouble: 'its answer has no list of ports at "ports"',
    });
    await answer({ ports: [{ port: 1 }, { port: 2 }] });
    assert.equal(lines[1], '-: status of the SIMs can be read again');
    assert.equal(poller.status.trouble, null);
  });

  it('says once which channels the answer leaves out', async () => {
    for (let turn = 0; turn < 2; turn++) {
      await answer({ ports: [{ port: '1', reg: 'ok' }] });
      clock.advance(INTERVAL_MS);
    }
    assert.deepEqual(lines, ['-: status says nothing of some channels']);
  });

  it('gives up the question under way when it is closed', async () => {
    const closed = poller.close();
    assert.equal(asked[0]?.signal.aborted, true);
    asked[0]?.reject(new Error('aborted'));
    await closed;
    assert.deepEqual([lines, reports], [[], []]);
  });
});
