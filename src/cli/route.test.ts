import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { loadConfig } from '../config/load-config.js';
import type { RouteReport } from '../control/route-report.js';
import { openJournal } from '../journal/journal.js';
import { openJournalledLedger } from '../ledgers/journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../ledgers/ledger-schema.js';
import { SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { run as check } from './check.js';
import { DEFAULT_CONFIG } from './config-argument.js';
import { run as route } from './route.js';

/** Runs a command in this process; returns its status and what it wrote to standard output. */
async function outputOf(command: (args: string[]) => Promise<number>, ...args: string[]) {
  const write = process.stdout.write;
  const chunks: string[] = [];
  process.stdout.write = ((chunk: string) => chunks.push(chunk) > 0) as typeof write;
  try {
    const status = await command(args);
    return { status, text: chunks.join('') };
  } finally {
    process.stdout.write = write;
  }
}

/** Milliseconds from now to the noon of this day in Seoul, where the default config's days turn: before or after. */
function toNoonMs(nowWallMs: number): number {
  const seoulMs = nowWallMs + 9 * 3_600_000;
  return 12 * 3_600_000 - (seoulMs % 86_400_000);
}

describe('simtrunk route', () => {
  const now = Date.now;
  let folder = '';

  before(async () => {
    // How long a call may last depends on the time of day: near midnight the next day's allowance counts too.
    const shiftMs = toNoonMs(now());
    Date.now = () => now() + shiftMs;
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-route-'));
    await useSomeQuota(folder);
  });

  after(async () => {
    Date.now = now;
    await rm(folder, { recursive: true, force: true });
  });

  /** SIM 1 talks 100 s to a callee, SIM 2 is in a call. */
  async function useSomeQuota(dataDir: string): Promise<void> {
    const config = await loadConfig(DEFAULT_CONFIG, { env: {}, dataDir });
    const log = createLogger({ level: 'silent', redactNumbers: false });
    const clock = new SystemClock();
    const { file, durability, journalTimeoutMs: timeoutMs, sliceSeconds } = config.ledger;
    const journal = await openJournal({ file, durability, timeoutMs, log, clock, schema: LEDGER_SCHEMA });
    const channels = config.channels.map((channel) => ({ ...channel, gapMs: 0 }));
    const ledger = await openJournalledLedger({ ...config, channels, sliceSeconds, journal, log, clock });
    for (const port of [1, 2]) {
      const wallMs = clock.wallMs();
      const channel = channels[port - 1];
      assert.ok(channel !== undefined);
      const call = {
        callId: `c${port}`,
        trunk: 'pbx',
        direction: 'out',
        payers: [],
        callee: '+821055556666',
        numberClass: 'mobile',
      } as const;
      await ledger.reserve({ ...call, ...channel, reservationId: `r${port}`, wallMs });
      const settlement = { durationMs: 100_000, estimated: false, channelInUse: false };
      if (port === 1) await ledger.settle({ ...settlement, reservationId: 'r1', answeredWallMs: wallMs });
    }
    ledger.close();
    await journal.close();
  }

  async function reportOn(...args: string[]): Promise<RouteReport & { status: number }> {
    const { status, text } = await outputOf(route, '--data', folder, '--json', ...args);
    return { status, ...(JSON.parse(text) as RouteReport) };
  }

  it('ranks channels by what config and ledger file say, and counts refusals', async () => {
    const report = await reportOn('010-1111-2222', '--trunk', 'pbx');
    assert.equal(report.status, 0);
    assert.equal(report.callee?.e164, '+821011112222');
    assert.deepEqual(
      report.ranked.map(({ channelId }) => channelId),
      ['gw1/3', 'gw1/4', 'gw1/5', 'gw1/6', 'gw1/7', 'gw1/8', 'gw1/9', 'gw1/10'],
    );
    assert.equal(report.ranked[0]?.requestUri, 'sip:3%2301011112222@127.0.0.1:5080;transport=udp');
    assert.deepEqual(report.refused, { 'channel-busy': 1 });
    assert.deepEqual(report.refusals, []);
    assert.equal(report.source.runningService, false);
  });

  it('says in words what was refused, by reason', async () => {
    const { text } = await outputOf(route, '--data', folder, '01011112222');
    assert.match(text, /^Refused \(--all shows each channel\):\n +1 +channel-busy +in a call$/m);
  });

  it('lets a call last as long as plan and caps both allow, by what it would cost', async () => {
    const text = await readFile(DEFAULT_CONFIG, 'utf8');
    const file = join(folder, 'caps.yaml');
    const cap = '{ id: seconds-day, counts: seconds, window: { kind: day }, limit: 61, classes: [ landline ] }';
    const changed = text
      .replace('dataDir: ../var', `dataDir: ${folder}`)
      .replace('perDay: "100000"', 'perDay: "1200"')
      .replace('    rates: {} ', '    rates: { representative: { perStep: "119", stepSeconds: 60 } } ')
      .replace(/ {6}- id: representative-month[\s\S]*?classes: \[ representative \]\n/, '')
      .replace('    # caps: { allowances', `    caps: { allowances: [ ${cap} ] }\n    # caps: { allowances`);
    await writeFile(file, changed);
    const lastsTo = async (number: string) => {
      const { text: json } = await outputOf(route, '--config', file, '--json', number);
      return (JSON.parse(json) as RouteReport).ranked[0]?.maxCallSeconds;
    };
    assert.equal(await lastsTo('0255511111'), 60);
    // Ten minutes at 119 won each fit, and eleven do not; a second is for the BYE.
    assert.equal(await lastsTo('15881588'), 599);
    assert.equal(await lastsTo('01011112222'), 1_799);
    const { text: answer } = await outputOf(route, '--config', file, '0255511111');
    assert.match(answer, /^ {2}caps of trunk:pbx: spend-day 0\/1200, seconds-day 0\/61$/m);
  });

  it('puts the SIM that talked to the callee first', async () => {
    const [first] = (await reportOn('01055556666')).ranked;
    assert.equal(first?.channelId, 'gw1/1');
    assert.equal(first?.terms.sameCallee, -90_000_000);
    // 100 seconds and a call.
    assert.equal(first?.terms.evenness, 101_000);
    const sum = Object.values(first?.terms ?? {}).reduce((a, b) => a + b, 0);
    assert.equal(first?.score, sum);
    assert.equal(first?.maxCallSeconds, 1_699);
  });

  it('says what policy refuses, and by which list, zone or limit', async () => {
    const text = await readFile(DEFAULT_CONFIG, 'utf8');
    const file = join(folder, 'policy.yaml');
    const hours = '[ { classes: [ international ], from: "08:00", to: "12:00" } ]';
    const changed = text
      .replace('dataDir: ../var', `dataDir: ${folder}`)
      .replace('callingHours: false  ', `callingHours: ${hours}  `)
      .replace('attemptsPerCalleePerDay: false  ', 'attemptsPerCalleePerDay: 1  ')
      .replace('doNotCall: [] ', 'doNotCall: [ { name: own, file: own.txt } ] ')
      .replace('classes: [ mobile, landline', 'classes: [ international, mobile, landline');
    await writeFile(file, changed);
    await writeFile(join(folder, 'own.txt'), '010-9999-8888\n');
    const answerTo = async (number: string) => (await outputOf(route, '--config', file, number)).text;
    assert.match(
      await answerTo('01099998888'),
      /policy: refused: the callee is on a do-not-call list \(403\): list own/,
    );
    assert.match(await answerTo('01055556666'), /called as often as it may be today \(403\): 2 of 1 today/);
    assert.match(
      await answerTo('+12125550100'),
      /may not be called at this hour \(403\): \d\d:\d\d in (America|Pacific)/,
    );
    assert.match(await answerTo('0601234567'), /may not call this class of numbers \(403\): premium/);
    assert.match(await answerTo('01011112222'), /policy: admitted/);
    await rm(join(folder, 'own.txt'));
    assert.match(await answerTo('01011112222'), /list is older than it may be \(403\): list own, never read/);
  });

  it('shows every channel with --all', async () => {
    const { ranked, refusals } = await reportOn('01011112222', '--all');
    assert.equal(ranked.length, 43);
    assert.deepEqual(refusals, [{ channelId: 'gw1/2', simNumber: '+821012340002', reason: 'channel-busy' }]);
    const { text } = await outputOf(route, '--data', folder, '--all', '01011112222');
    assert.match(text, /Refused:\n +gw1\/2 +\+821012340002 +channel-busy +in a call/);
  });

  it('says in words what an operator wants to know, and that no running service was asked', async () => {
    const { text } = await outputOf(route, '--data', folder, '01055556666');
    assert.match(text, /^01055556666 from trunk pbx \(commercial\): \+821055556666, mobile\n {2}policy: admitted/);
    assert.match(
      text,
      /1 +gw1\/1 +\+821012340001 +-88,599 +talked to this callee last -90,000, used today 101, .* +1699 s/,
    );
    assert.match(text, /No running service was asked/);
  });

  it('ends with status 1 when policy or every channel refuses', async () => {
    const premium = await reportOn('0601234567');
    assert.deepEqual([premium.status, premium.policy, premium.ranked.length], [1, 'class-not-allowed', 0]);
    const consumer = join(folder, 'consumer.yaml');
    const text = await readFile(DEFAULT_CONFIG, 'utf8');
    await writeFile(consumer, text.replace('commercialUse: allowed', 'commercialUse: forbidden'));
    const report = await reportOn('01011112222', '--config', consumer);
    assert.deepEqual([report.status, report.refusal], [1, 'refused-for-this-call']);
    assert.deepEqual(report.refused, { 'commercial-use-forbidden': 44 });
  });

  it('says how it is used when it is used otherwise', async () => {
    for (const args of [[], ['1', '2'], ['1', '--trunk', 'nobody'], ['1', '--nonsense']]) {
      await assert.rejects(route(args), { code: 'USAGE' });
    }
  });
});

describe('simtrunk check', () => {
  it('sums up a sound config', async () => {
    const { status, text } = await outputOf(check);
    assert.equal(status, 0);
    assert.match(
      text,
      /is sound\.\n {2}network +lan: 127\.0\.0\.1, udp 5060, tcp 5060, media 20000–29999 \(2500 calls\)/,
    );
    assert.match(text, /gateway +gw1: udp 127\.0\.0\.1:5080, 44 channels/);
    assert.match(text, /ledger +in memory, with a journal that survives a killed process/);
    assert.doesNotMatch(text, /warning/);
  });

  it('counts one call as one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-check-'));
    try {
      const file = join(folder, 'simtrunk.yaml');
      const text = await readFile(DEFAULT_CONFIG, 'utf8');
      await writeFile(file, text.replace('{ from: 20000, to: 29999 }', '{ from: 20000, to: 20003 }'));
      assert.match((await outputOf(check, '--config', file)).text, /media 20000–20003 \(1 call\)/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names the shared ledger, and what happens without it, but not its password', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-check-'));
    try {
      const file = join(folder, 'simtrunk.yaml');
      const config = parseDocument(await readFile(DEFAULT_CONFIG, 'utf8'));
      config.setIn(['ledger'], { kind: 'redis', redis: { url: 'redis://:hidden@10.0.0.7:6379' } });
      await writeFile(file, config.toString());
      const { text } = await outputOf(check, '--config', file);
      assert.match(text, /ledger +shared through Redis at 10\.0\.0\.7:6379, .*; while Redis is away: refuse/);
      assert.doesNotMatch(text, /hidden/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('warns of a do-not-call list that would refuse every call', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-check-'));
    try {
      const file = join(folder, 'simtrunk.yaml');
      const lists = '[ { name: own, file: own.txt }, { name: registry, url: "http://127.0.0.1:9/list" } ]';
      const text = await readFile(DEFAULT_CONFIG, 'utf8');
      await writeFile(file, text.replace('doNotCall: [] ', `doNotCall: ${lists} `));
      const warned = async () => (await outputOf(check, '--config', file, '--data', folder)).text;
      assert.match(await warned(), /warning +do-not-call list own cannot be read: ENOENT/);
      assert.match(await warned(), /warning +do-not-call list registry is too old, or was never fetched/);
      await writeFile(join(folder, 'own.txt'), '01099998888\n');
      assert.doesNotMatch(await warned(), /list own/);
      await writeFile(join(folder, 'own.txt'), '# mine\n01099998888\nMr Kim\n01099998889\n');
      assert.match(await warned(), /list own does not protect everybody in it: line 3 is no number/);
      await utimes(join(folder, 'own.txt'), 0, 0);
      assert.match(await warned(), /warning +do-not-call list own is too old: calls are refused by it/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('warns of a trunk that no plan can serve', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-check-'));
    try {
      const file = join(folder, 'simtrunk.yaml');
      const text = await readFile(DEFAULT_CONFIG, 'utf8');
      await writeFile(file, text.replace('commercialUse: allowed', 'commercialUse: forbidden'));
      assert.match((await outputOf(check, '--config', file)).text, /warning +trunk pbx is commercial, but every plan/);
      await writeFile(file, text.replace('traffic: commercial', 'traffic: comercial'));
      const { status, text: problems } = await outputOf(check, '--json', '--config', file);
      assert.equal(status, 1);
      assert.match(problems, /trunks\[0\]\.traffic: is \\"comercial\\"; must be one of/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
