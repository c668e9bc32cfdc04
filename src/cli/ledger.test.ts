// The ledger from another terminal: usage recomputed from history, with and without a running service, and corrected.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Arena, until } from '../app/testing/arena.js';
import { type RunningCommand, runCommand } from '../app/testing/command.js';
import { type RunningApp, startApp } from '../app.js';
import { askService, thisCaller } from '../control/control-client.js';
import type { AdjustmentDone, LedgerVerification, NamedAdjustment } from '../control/ledger-commands.js';
import type { RouteReport } from '../control/route-report.js';
import { openForReading, SqliteFile } from '../journal/sqlite-file.js';
import { answers } from '../lab/callee-behaviour.js';
import { iccidOf, simNumberOf } from '../lab/sip-tests/case-config.js';
import type { FileRecount } from '../ledgers/recount-file.js';
import { run as ledger } from './ledger.js';
import { verificationText } from './ledger-text.js';

const NUMBER = '01055550001';

describe('simtrunk ledger', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp | undefined;
  let file: string;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 10 }));
    file = join(arena.folder, 'simtrunk.yaml');
    writeFileSync(file, JSON.stringify(arena.configValue()));
    app = await startApp(arena.config());
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await arena.close();
  });

  function simtrunk(...args: string[]) {
    return runCommand('ledger', ...args, '--config', file).ended;
  }

  async function placeCall(): Promise<number> {
    const call = await arena.phone.call({ number: NUMBER });
    assert.equal(await call.answered, true);
    call.hangUp();
    await call.ended;
    return (await arena.cdrOf(call.sipCallId)).billedSeconds;
  }

  it('verifies what the running service decides by, also while a call is up', async () => {
    await placeCall();
    const call = await arena.phone.call({ number: '01055550002' });
    assert.equal(await call.answered, true);
    const [text, json] = await Promise.all([simtrunk('verify'), simtrunk('verify', '--json')]);
    assert.deepEqual([text.code, text.stderr, json.code], [0, '', 0]);
    assert.match(text.stdout, /^The running service decides by what history says: 1 settlement and 0 adjustments/);
    assert.deepEqual(JSON.parse(json.stdout), {
      ...{ runningService: true, ok: true, settlements: 1, adjustments: 0, differences: [] },
    });
  });

  it('shows which SIM and allowance is not what history says, and that a restart decides by history', async () => {
    const used = await placeCall();
    // As a fault of the service would leave it: history and memory apart.
    const history = new SqliteFile(join(arena.folder, 'var', 'simtrunk.db'), 'process');
    history.run('UPDATE settlements SET duration_ms = duration_ms + 60000', []);
    history.close();
    const text = await simtrunk('verify');
    assert.deepEqual([text.code, text.stderr], [1, '']);
    assert.match(text.stdout, /^The running service does NOT decide by what history says/);
    const row = `sim:${iccidOf(1)} +\\${simNumberOf(1)} +seconds-day +\\S+Z +${used} +${used + 60} +-60\n`;
    assert.match(text.stdout, new RegExp(row));
    const json = await simtrunk('verify', '--json');
    const { ok, differences } = JSON.parse(json.stdout) as LedgerVerification;
    assert.deepEqual([json.code, ok], [1, false]);
    assert.deepEqual(
      differences.map(({ holder, simNumber, allowanceId }) => [holder, simNumber, allowanceId]),
      [[`sim:${iccidOf(1)}`, simNumberOf(1), 'seconds-day']],
    );
    await app?.close();
    app = await startApp(arena.config());
    assert.equal((await simtrunk('verify')).code, 0);
    assert.equal(arena.usedSeconds(app, 1), used + 60);
  });

  it('adjusts what a SIM has used, says who did it and why in history and log, and counts it once', async () => {
    const reason = 'the carrier’s bill has a minute more';
    const wanted = ['--sim', simNumberOf(1), '--allowance', 'seconds-day', '--amount', '60', '--reason', reason];
    const first = await simtrunk('adjust', ...wanted, '--json');
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const { adjustment, used, limit } = JSON.parse(first.stdout) as AdjustmentDone;
    assert.deepEqual([used, limit], [60, 1_000]);
    const { user, uid } = thisCaller();
    assert.deepEqual(
      [adjustment.holder, adjustment.amount, adjustment.reason, adjustment.by],
      [`sim:${iccidOf(1)}`, 60, reason, `${user} (uid ${uid})`],
    );
    const again = await simtrunk('adjust', ...wanted, '--id', adjustment.adjustmentId);
    assert.equal(again.stderr, '');
    assert.match(
      again.stdout,
      /: \+60, now 60 of 1000 used in the window since \S+Z\.\nAdjustment \S+ by \S+ \(uid \d+\)\.\n$/,
    );
    assert.equal(arena.usedSeconds(app as RunningApp, 1), 60);
    const less = await simtrunk('adjust', ...wanted.toSpliced(4, 2, '--amount=-20'));
    assert.match(less.stdout, /: -20, now 40 of 1000 used/);

    const verified = JSON.parse((await simtrunk('verify', '--json')).stdout) as LedgerVerification;
    assert.deepEqual([verified.ok, verified.adjustments], [true, 2]);
    await app?.close();
    const sqlite = openForReading(join(arena.folder, 'var', 'simtrunk.db'));
    const rows = sqlite.query('SELECT adjustment_id, amount, reason, by_whom FROM adjustments ORDER BY sequence', []);
    sqlite.close();
    assert.deepEqual(
      rows.map(({ adjustment_id, amount, reason: why, by_whom }) => [adjustment_id, amount, why, by_whom])[0],
      [adjustment.adjustmentId, 60, reason, adjustment.by],
    );
    assert.equal(rows.length, 2);
    app = await startApp(arena.config());
    assert.equal(arena.usedSeconds(app, 1), 40);
  });

  it('lists what was adjusted, by whom, when and why: of the running service, and from the file without one', async () => {
    const made = async (...args: string[]) => {
      const { code, stderr } = await simtrunk('adjust', ...args, '--allowance', 'seconds-day');
      assert.deepEqual([code, stderr], [0, '']);
    };
    await made('--sim', simNumberOf(1), '--amount', '60', '--reason', 'a minute more on the bill');
    await made('--sim', simNumberOf(2), '--amount=-5', '--reason', 'two\nlines');
    const { user, uid } = thisCaller();
    const row = (port: number, amount: string, reason: string) =>
      new RegExp(
        `\n  \\S+Z  ${user} \\(uid ${uid}\\) +sim:${iccidOf(port)} +\\${simNumberOf(port)} +seconds-day +\\${amount} +\\S+Z +${reason}\n`,
      );
    const check = async (from: RegExp, runningService: boolean) => {
      const text = await simtrunk('adjustments');
      assert.deepEqual([text.code, text.stderr], [0, '']);
      assert.match(text.stdout, from);
      assert.match(text.stdout, row(1, '+60', 'a minute more on the bill'));
      assert.match(text.stdout, row(2, '-5', 'two lines'));
      const json = async (...args: string[]) => JSON.parse((await simtrunk('adjustments', ...args, '--json')).stdout);
      const ofSim = await json('--sim', simNumberOf(2));
      assert.equal(ofSim.runningService, runningService);
      const [only, ...more] = ofSim.adjustments as NamedAdjustment[];
      assert.deepEqual(
        [only?.holder, only?.amount, only?.reason, only?.counts, more],
        [`sim:${iccidOf(2)}`, -5, 'two\nlines', 'seconds', []],
      );
      const justAfter = new Date((only?.madeWallMs ?? 0) + 1).toISOString();
      assert.deepEqual((await json('--since', justAfter)).adjustments, []);
      assert.equal((await json('--since', '2026-01-01')).adjustments.length, 2);
      assert.deepEqual((await json('--payer', 'trunk:pbx')).adjustments, []);
    };
    await check(/^2 adjustments:\n/, true);
    await app?.close();
    app = undefined;
    await check(/^2 adjustments in \S+simtrunk\.db:\n/, false);
    const none = await simtrunk('adjustments', '--data', join(arena.folder, 'elsewhere'));
    assert.match(none.stdout, /^0 adjustments in \S+elsewhere\/simtrunk\.db\.\n$/);
    const misused = await simtrunk('adjustments', '--since', 'yesterday');
    assert.deepEqual([misused.code, misused.stdout], [2, '']);
    assert.match(misused.stderr, /--since needs a time; "yesterday" is none/);
  });

  it('adjusts while calls run: those that talk go on, the next is routed by what is left, and verify agrees', async () => {
    const adjust = async (port: number, amount: number): Promise<void> => {
      const by = thisCaller();
      const holder = { sim: iccidOf(port) };
      const given = {
        adjustmentId: randomUUID(),
        holder,
        allowanceId: 'seconds-day',
        amount: `${amount}`,
        reason: 'a test',
      };
      const request = { command: 'ledger adjust', arguments: given, by };
      const answer = await askService(join(arena.folder, 'var', 'control.sock'), request, 10_000);
      assert.ok(answer.ok, JSON.stringify(answer));
    };
    const route = async (): Promise<RouteReport> => {
      const { stdout } = await runCommand('route', '01055550009', '--all', '--json', '--config', file).ended;
      return JSON.parse(stdout) as RouteReport;
    };
    const talking = await arena.phone.call({ number: NUMBER });
    assert.equal(await talking.answered, true);
    let hasEnded = false;
    void talking.ended.then(() => {
      hasEnded = true;
    });
    const holding = (await route()).refusals.map(({ channelId, reason }) => [channelId, reason]);
    assert.deepEqual(holding, [['gw1/1', 'channel-busy']]);

    for (const port of [1, 2, 3]) await adjust(port, 1_000);
    const refused = (await route()).refusals.map(({ channelId, reason }) => [channelId, reason]);
    assert.deepEqual(refused, [
      ['gw1/1', 'channel-busy'],
      ['gw1/2', 'quota-exhausted'],
      ['gw1/3', 'quota-exhausted'],
    ]);
    const [other, none] = [
      await arena.phone.call({ number: '01055550004' }),
      await arena.phone.call({ number: NUMBER }),
    ];
    assert.equal(await other.answered, true);
    // Whoever else calls would find no channel either.
    assert.equal((await none.ended).status, 503);

    for (const port of [1, 2, 3]) await adjust(port, -1_000);
    // Calls come and go while usage is corrected to and fro.
    const calls = Array.from({ length: 6 }, async (_, n) => {
      const call = await arena.phone.call({ number: `0105555010${n}` });
      if (await call.answered) call.hangUp();
      await call.ended;
      await arena.cdrOf(call.sipCallId);
    });
    const corrections = [1, 2, 3, 4].map(async (port) => {
      for (let n = 0; n < 10; n++) await adjust(port, n % 2 === 0 ? 30 : -30);
    });
    const meanwhile = await Promise.all([simtrunk('verify', '--json'), ...calls, ...corrections]);
    assert.equal(meanwhile[0].code, 0, meanwhile[0].stdout);
    assert.equal(hasEnded, false);
    for (const call of [talking, other]) {
      call.hangUp();
      await arena.cdrOf(call.sipCallId);
    }
    const verified = JSON.parse((await simtrunk('verify', '--json')).stdout) as LedgerVerification;
    assert.deepEqual([verified.ok, verified.adjustments, verified.differences], [true, 46, []]);
    const billed = arena.cdrLines().reduce((sum, cdr) => sum + cdr.billedSeconds, 0);
    const used = [1, 2, 3, 4].reduce((sum, port) => sum + (arena.usedSeconds(app as RunningApp, port) ?? 0), 0);
    assert.equal(used, billed);
  });

  it('without a running service adds history up from the file, changes nothing, and says so', async () => {
    const used = await placeCall();
    await app?.close();
    const journal = join(arena.folder, 'var', 'simtrunk.db');
    const before = readFileSync(journal);
    const [text, json] = [await simtrunk('verify'), await simtrunk('verify', '--json')];
    assert.deepEqual([text.code, text.stderr, json.code], [0, '', 0]);
    assert.match(text.stdout, /^Read from \S+simtrunk\.db: 1 settlement and 0 adjustments add up to\n/);
    const row = `sim:${iccidOf(1)} +\\${simNumberOf(1)} +seconds-day +\\S+Z +${used} +1000\n`;
    assert.match(text.stdout, new RegExp(row));
    assert.match(text.stdout, /No running service was asked/);
    const report = JSON.parse(json.stdout);
    assert.deepEqual([report.runningService, report.settlements, report.unfinished], [false, 1, 0]);
    const holders = report.usages.map(({ holder }: { holder: string }) => holder);
    for (const port of [1, 2, 3, 4]) assert.ok(holders.includes(`sim:${iccidOf(port)}`));
    assert.deepEqual(readFileSync(journal), before);
  });

  it('without a running service and without a ledger has nothing to add up', async () => {
    const { code, stdout } = await runCommand(
      'ledger',
      'verify',
      '--data',
      join(arena.folder, 'elsewhere'),
      '--config',
      file,
    ).ended;
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^There is no ledger yet at \S+elsewhere\/simtrunk\.db: nothing was used\. No running service/,
    );
  });

  it('says which journal it is that cannot be read, and what to look at', async () => {
    const elsewhere = join(arena.folder, 'no-journal');
    mkdirSync(elsewhere);
    writeFileSync(
      join(elsewhere, 'simtrunk.db'),
      'This is no database, though it stands where one should. '.repeat(20),
    );
    for (const action of ['verify', 'adjustments']) {
      await assert.rejects(ledger([action, '--config', file, '--data', elsewhere]), {
        code: 'JOURNAL_UNAVAILABLE',
        message: /^Cannot read the journal \S+simtrunk\.db: file is not a database\. Look at ledger\.file/,
      });
    }
  });

  it('without a running service adjusts nothing, and says why', async () => {
    await app?.close();
    const wanted = ['--sim', simNumberOf(1), '--allowance', 'seconds-day', '--amount', '60', '--reason', 'a test'];
    const { code, stdout, stderr } = await simtrunk('adjust', ...wanted);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^No service runs here: .*control\.sock\. Only the running service changes the ledger: start it/,
    );
  });
});

describe('simtrunk ledger, after kill -9', function () {
  this.timeout(30_000);
  let arena: Arena;
  let running: RunningCommand | undefined;
  let file: string;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 10 }));
    file = join(arena.folder, 'simtrunk.yaml');
    writeFileSync(file, JSON.stringify(arena.configValue()));
    await start();
  });

  afterEach(async () => {
    running?.send('SIGKILL');
    await running?.ended;
    await arena.close();
  });

  async function start(): Promise<void> {
    running = runCommand('start', '--config', file);
    await running.printed(/Ctrl-C ends it/);
  }

  async function json(...args: string[]) {
    const { code, stdout, stderr } = await runCommand(...args, '--json', '--config', file).ended;
    assert.deepEqual([code, stderr], [0, '']);
    return JSON.parse(stdout);
  }

  it('adds up what was settled, and agrees with the next service when that has settled the rest', async () => {
    const settled = await arena.phone.call({ number: '01055550001' });
    assert.equal(await settled.answered, true);
    settled.hangUp();
    await settled.ended;
    const { billedSeconds } = await arena.cdrOf(settled.sipCallId);
    const talking = await arena.phone.call({ number: '01055550002' });
    assert.equal(await talking.answered, true);
    const wanted = ['--sim', iccidOf(4), '--allowance', 'seconds-day', '--amount', '7', '--reason', 'a test'];
    await json('ledger', 'adjust', ...wanted);
    running?.send('SIGKILL');
    await running?.ended;

    const left = await json('ledger', 'verify');
    assert.deepEqual([left.runningService, left.settlements, left.adjustments, left.unfinished], [false, 1, 1, 1]);
    assert.equal(secondsOf(left.usages), billedSeconds + 7);

    await start();
    const cdr = await arena.cdrOf(talking.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.attempts[0]?.estimated], ['interrupted', true]);
    await until('nothing is left of the first', async () => (await json('status')).ledger.orphans === 0);
    assert.deepEqual(await json('ledger', 'verify'), {
      ...{ runningService: true, ok: true, settlements: 2, adjustments: 1, differences: [] },
    });
    running?.send('SIGTERM');
    assert.equal((await running?.ended)?.code, 0);
    const { usages, unfinished } = await json('ledger', 'verify');
    assert.deepEqual([secondsOf(usages), unfinished], [billedSeconds + 7 + cdr.billedSeconds, 0]);
  });
});

/** Seconds of today, of all SIMs. */
function secondsOf(usages: FileRecount['usages']): number {
  const allowances = usages.flatMap((usage) => usage.allowances);
  return allowances.filter(({ allowanceId }) => allowanceId === 'seconds-day').reduce((sum, { used }) => sum + used, 0);
}

describe('simtrunk ledger, as a command', () => {
  it('shows by SIM and allowance what differs, by how much, and what to do', () => {
    const difference = {
      ...{ holder: 'sim:8982001', simNumber: '+821012340001', allowanceId: 'seconds-day', counts: 'seconds' as const },
      ...{ windowStartWallMs: Date.UTC(2026, 10, 20, 15), used: 120, recomputed: 60 },
    };
    const payer = {
      ...difference,
      ...{ holder: 'trunk:pbx', simNumber: null, allowanceId: 'spend-day', counts: 'spend' as const },
      ...{ used: 0, recomputed: 1_980_000 },
    };
    const report: LedgerVerification = { ok: false, settlements: 12, adjustments: 1, differences: [difference, payer] };
    assert.equal(
      verificationText(report),
      `The running service does NOT decide by what history says (12 settlements and 1 adjustment were counted again):
  SIM or payer  number         allowance    window since              decides by  history says  off by
  sim:8982001   +821012340001  seconds-day  2026-11-20T15:00:00.000Z  120         60            +60
  trunk:pbx                    spend-day    2026-11-20T15:00:00.000Z  0           1.98          -1.98
That is a fault of simtrunk: please report it. A restart decides by history again.`,
    );
  });

  for (const line of [
    '',
    'audit',
    'verify all',
    'adjust',
    'adjust --sim 1 --payer trunk:pbx --allowance a --amount 1 --reason r',
    'adjust --sim 1 --amount 1 --reason r',
    'adjust --sim 1 --allowance a --reason r',
    'adjust --sim 1 --allowance a --amount 1',
    'adjust --sim 1 --allowance a --amount 1 --reason r --at yesterday',
    'adjust --sim 1 --allowance a --amount 1 --reason r --at 2026-11-20',
    'adjust --sim 1 --allowance a --amount 1 --reason r --at 2026-11-20T18:00',
  ]) {
    it(`shows its usage: ${line || 'nothing asked'}`, async () => {
      const ended = ledger([...line.split(' ').filter(Boolean), '--data', '/nowhere']);
      await assert.rejects(ended, { code: 'USAGE', message: /usage: simtrunk ledger/ });
    });
  }
});
