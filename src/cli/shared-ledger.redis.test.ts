// The commands about a ledger that two nodes share, over a Redis of the test's own.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Arena, until } from '../app/testing/arena.js';
import { runCommand } from '../app/testing/command.js';
import { type RunningApp, startApp } from '../app.js';
import type { LedgerVerification } from '../control/ledger-commands.js';
import type { StatusReport } from '../control/status-report.js';
import { answers } from '../lab/callee-behaviour.js';
import { RedisProcess } from '../lab/redis-process.js';
import { simNumberOf } from '../lab/sip-tests/case-config.js';

interface Node {
  readonly arena: Arena;
  readonly app: RunningApp;
  readonly file: string;
}

describe('simtrunk ledger, of a ledger in Redis', function () {
  this.timeout(40_000);
  let redis: RedisProcess;
  let nodes: Node[];

  beforeEach(async () => {
    redis = await RedisProcess.start({ appendfsync: 'always' });
    nodes = [];
    for (const node of ['a', 'b']) {
      const arena = await Arena.open(() => answers({ afterMs: 10 }));
      const settings = { url: redis.url, node, leaseMs: 2_000, guardMs: 300, timeoutMs: 300, awayLimitMs: 200 };
      const over = { ledger: { kind: 'redis', redis: settings } };
      const file = join(arena.folder, 'simtrunk.yaml');
      writeFileSync(file, JSON.stringify(arena.configValue(over)));
      nodes.push({ arena, file, app: await startApp(arena.config(over)) });
    }
  });

  afterEach(async () => {
    for (const { app, arena } of nodes) {
      await app.close();
      await arena.close();
    }
    await redis.stop();
  });

  function simtrunk(node: Node | undefined, ...args: string[]) {
    return runCommand(...args, '--config', node?.file ?? '').ended;
  }

  const ADJUST = ['--sim', simNumberOf(2), '--allowance', 'seconds-day', '--amount', '60', '--reason', 'a test'];

  it('adjusts for all nodes, and verifies on each what all have settled', async () => {
    const [a, b] = nodes;
    assert.ok(a !== undefined && b !== undefined);
    const call = await b.arena.phone.call({ number: '01055550001' });
    assert.equal(await call.answered, true);
    call.hangUp();
    await b.arena.cdrOf(call.sipCallId);
    // Which SIM carried it is by the node's seed.
    const used = b.arena.usedSeconds(b.app, 2) ?? 0;
    await until('each node knows of it', () => a.arena.usedSeconds(a.app, 2) === used);
    const adjusted = await simtrunk(a, 'ledger', 'adjust', ...ADJUST);
    assert.deepEqual([adjusted.code, adjusted.stderr], [0, '']);
    assert.match(adjusted.stdout, new RegExp(`: \\+60, now ${used + 60} of 1000 used`));
    await until('the other node knows it', () => b.arena.usedSeconds(b.app, 2) === used + 60);
    const listed = await simtrunk(b, 'ledger', 'adjustments');
    assert.match(listed.stdout, /^1 adjustment:\n.* seconds-day +\+60 +\S+ +a test\n$/s);
    for (const node of nodes) {
      const { code, stdout } = await simtrunk(node, 'ledger', 'verify', '--json');
      const { ok, settlements, adjustments } = JSON.parse(stdout) as LedgerVerification;
      assert.deepEqual([code, ok, settlements, adjustments], [0, true, 1, 1]);
    }
    await a.app.close();
    const alone = await simtrunk(a, 'ledger', 'verify');
    assert.equal(alone.code, 0);
    assert.match(alone.stdout, /0 settlements and 1 adjustment add up to\n/);
    assert.match(alone.stdout, /this node’s part of a shared ledger: what other nodes used is not counted/);
    assert.match((await simtrunk(a, 'route', '01055550009')).stdout, /this node’s part of a shared ledger/);
  });

  it('refuses at once, with a reason, while Redis is away, and says so in the status', async () => {
    const [a] = nodes;
    await redis.kill();
    const status = async (): Promise<StatusReport['ledger']> => {
      return (JSON.parse((await simtrunk(a, 'status', '--json')).stdout) as StatusReport).ledger;
    };
    await until('it is missed', async () => (await status()).isAway);
    assert.match((await simtrunk(a, 'status')).stdout, /\n {2}ledger +redis, .*; AWAY: Redis cannot be reached\n/);
    assert.match(
      (await simtrunk(a, 'route', '01055550009')).stdout,
      /\nRedis cannot be reached: until it can, new calls get /,
    );
    for (const args of [['verify'], ['adjust', ...ADJUST]]) {
      const { code, stdout, stderr } = await simtrunk(a, 'ledger', ...args);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^The ledger cannot be reached or written now; nothing was changed\. Try again later\.\n$/);
    }
    const listed = await simtrunk(a, 'ledger', 'adjustments');
    assert.match(listed.stdout, /^0 adjustments\.\nThey are this node’s part of a shared ledger/);
    await redis.run();
    await until('it is there again', async () => !(await status()).isAway);
    assert.equal((await simtrunk(a, 'ledger', 'verify')).code, 0);
  });
});
