// The ledger from another terminal: usage recomputed from history, with and without a running service, and corrected.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Arena, until } from '../app/testing/arena.js';
import { type RunningCommand, runCommand } from '../app/testing/command.js';
import { type RunningApp, startApp } from '../app.js';
import type { LedgerVerification } from '../control/ledger-commands.js';
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
    assert.equal(report.usages.length, 4);
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
    running?.send('SIGKILL');
    await running?.ended;

    const left = await json('ledger', 'verify');
    assert.deepEqual([left.runningService, left.settlements, left.unfinished], [false, 1, 1]);
    assert.equal(secondsOf(left.usages), billedSeconds);

    await start();
    const cdr = await arena.cdrOf(talking.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.attempts[0]?.estimated], ['interrupted', true]);
    await until('nothing is left of the first', async () => (await json('status')).ledger.orphans === 0);
    assert.deepEqual(await json('ledger', 'verify'), {
      ...{ runningService: true, ok: true, settlements: 2, adjustments: 0, differences: [] },
    });
    running?.send('SIGTERM');
    assert.equal((await running?.ended)?.code, 0);
    const { usages, unfinished } = await json('ledger', 'verify');
    assert.deepEqual([secondsOf(usages), unfinished], [billedSeconds + cdr.billedSeconds, 0]);
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
      ...{ holder: 'sim:8982001', simNumber: '+821012340001', allowanceId: 'seconds-day' },
      ...{ windowStartWallMs: Date.UTC(2026, 10, 20, 15), used: 120, recomputed: 60 },
    };
    const payer = {
      ...difference,
      holder: 'trunk:pbx',
      simNumber: null,
      allowanceId: 'calls-day',
      used: 0,
      recomputed: 2,
    };
    const report: LedgerVerification = { ok: false, settlements: 12, adjustments: 1, differences: [difference, payer] };
    assert.equal(
      verificationText(report),
      `The running service does NOT decide by what history says (12 settlements and 1 adjustment were counted again):
  SIM or payer  number         allowance    window since              decides by  history says  off by
  sim:8982001   +821012340001  seconds-day  2026-11-20T15:00:00.000Z  120         60            +60
  trunk:pbx                    calls-day    2026-11-20T15:00:00.000Z  0           2             -2
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
  ]) {
    it(`shows its usage: ${line || 'nothing asked'}`, async () => {
      const ended = ledger([...line.split(' ').filter(Boolean), '--data', '/nowhere']);
      await assert.rejects(ended, { code: 'USAGE', message: /usage: simtrunk ledger/ });
    });
  }
});
