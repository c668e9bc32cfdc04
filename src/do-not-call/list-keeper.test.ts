import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import { isStale } from '../policy/do-not-call.js';
import { ListKeeper, type ListSettings } from './list-keeper.js';

const START_MS = Date.UTC(2026, 10, 21, 1);
const DAY_MS = 86_400_000;
const LOOK_MS = 10_000;
const REFRESH_MS = 3_600_000;

/** What a line of the log wants a person for. */
function alarmOf(line: string): string {
  const { alarm, list, msg } = JSON.parse(line) as Record<string, string>;
  return `${alarm} ${list}: ${msg}`;
}

describe('ListKeeper', () => {
  let folder: string;
  let clock: ManualClock;
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let requests: IncomingMessage[];
  const keepers: ListKeeper[] = [];
  let alarms: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-do-not-call-'));
    clock = new ManualClock(START_MS);
    requests = [];
    alarms = [];
    server = createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    await Promise.all(keepers.splice(0).map((keeper) => keeper.close()));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const file = () => join(folder, 'own.txt');
  const copy = () => join(folder, 'data', 'registry.list');

  function writeList(text: string, ageMs: number): void {
    writeFileSync(file(), text);
    const seconds = (clock.wallMs() - ageMs) / 1000;
    utimesSync(file(), seconds, seconds);
  }

  async function keep(changes: Partial<ListSettings> = {}): Promise<ListKeeper> {
    const keeper = new ListKeeper(
      {
        name: 'own',
        source: { kind: 'file', file: file() },
        country: 'KR',
        maxAgeMs: 31 * DAY_MS,
        maxBytes: 1_000,
        ...changes,
      },
      clock,
      pino({ level: 'error' }, { write: (line) => void alarms.push(alarmOf(line)) }),
    );
    keepers.push(keeper);
    await keeper.load();
    return keeper;
  }

  function keepUrl(changes: { authorization?: string; path?: string; timeoutMs?: number; maxBytes?: number } = {}) {
    const { port } = server.address() as AddressInfo;
    return keep({
      name: 'registry',
      maxBytes: changes.maxBytes ?? 1_000,
      source: {
        kind: 'url',
        url: `http://127.0.0.1:${port}${changes.path ?? '/list'}`,
        authorization: changes.authorization,
        refreshMs: REFRESH_MS,
        timeoutMs: changes.timeoutMs ?? 10_000,
        copy: copy(),
      },
    });
  }

  async function pass(keeper: ListKeeper, ms: number): Promise<void> {
    clock.advance(ms);
    await keeper.whenIdle();
  }

  /** Begins to watch a URL; its first answer has been dealt with then. */
  async function watched(keeper: ListKeeper): Promise<ListKeeper> {
    keeper.watch();
    await pass(keeper, 0);
    return keeper;
  }

  describe('of a file', () => {
    it('reads it at the start, and is as old as the file', async () => {
      writeList('010-1234-5678\n', 2 * DAY_MS);
      const list = await keep();
      assert.equal(list.has('+821012345678'), true);
      assert.equal(list.has('+821012345679'), false);
      assert.equal(list.asOfWallMs(), START_MS - 2 * DAY_MS);
    });

    it('reads it again when it changed', async () => {
      writeList('01012345678\n', DAY_MS);
      const list = await keep();
      list.watch();
      writeList('01099999999\n', 5_000);
      await pass(list, LOOK_MS);
      assert.deepEqual([list.has('+821012345678'), list.has('+821099999999')], [false, true]);
      assert.equal(list.asOfWallMs(), START_MS - 5_000);
    });

    it('leaves one that was written in this moment for the next look', async () => {
      writeList('01012345678\n', DAY_MS);
      const list = await keep();
      list.watch();
      writeList('01099999999\n', 1_000 - LOOK_MS);
      await pass(list, LOOK_MS);
      assert.equal(list.has('+821099999999'), false);
      await pass(list, LOOK_MS);
      assert.equal(list.has('+821099999999'), true);
    });

    it('keeps the list that there was, and lets it age, while the file is away or is no list', async () => {
      writeList('01012345678\n', DAY_MS);
      const list = await keep();
      list.watch();
      rmSync(file());
      await pass(list, LOOK_MS);
      assert.match(list.counters.trouble ?? '', /ENOENT/);
      writeList('<html>\n<body>\nMaintenance\n01099999999\n', 5_000);
      await pass(list, LOOK_MS);
      assert.match(list.counters.trouble ?? '', /3 of its lines are no number, and 1 are; the first is line 1/);
      writeList('', 5_000);
      await pass(list, LOOK_MS);
      assert.equal(list.counters.trouble, 'it holds no number');
      writeList('1'.repeat(1_001), 5_000);
      await pass(list, LOOK_MS);
      assert.match(list.counters.trouble ?? '', /1001 bytes; maxBytes allows 1000/);
      assert.equal(list.has('+821012345678'), true);
      assert.equal(isStale(list, clock.wallMs()), false);
      await pass(list, 30 * DAY_MS);
      assert.deepEqual([list.counters.isStale, list.has('+821012345678')], [true, true]);
      writeList('01099999999\n', 5_000);
      await pass(list, LOOK_MS);
      assert.deepEqual([list.counters.isStale, list.counters.trouble, list.counters.numbers], [false, null, 1]);
    });

    it('is an alarm once for each trouble, and once when it has become too old', async () => {
      writeList('01012345678\n', 30 * DAY_MS);
      const list = await keep();
      list.watch();
      rmSync(file());
      for (let look = 0; look < 3; look++) await pass(list, LOOK_MS);
      assert.deepEqual(alarms, ['do-not-call own: do-not-call list cannot be read: the one there was goes on ageing']);
      for (let look = 0; look < 3; look++) await pass(list, DAY_MS);
      assert.deepEqual(alarms.slice(1), [
        'do-not-call own: do-not-call list is older than it may be: calls are refused',
      ]);
    });

    it('is stale from the start when there is no file', async () => {
      const list = await keep({ maxAgeMs: null });
      assert.deepEqual(
        [list.asOfWallMs(), list.counters.isStale, list.counters.numbers, list.has('+821012345678')],
        [null, true, 0, false],
      );
    });

    it('does not wait for a pipe, nor read a folder', async () => {
      execFileSync('mkfifo', [file()]);
      assert.equal((await keep()).counters.trouble, 'it is not a file');
      assert.equal((await keep({ source: { kind: 'file', file: folder } })).counters.trouble, 'it is not a file');
    });

    it('takes a time to come for now', async () => {
      writeList('01012345678\n', -400 * DAY_MS);
      assert.equal((await keep()).asOfWallMs(), START_MS);
    });
  });

  describe('of a URL', () => {
    it('fetches it, and after a restart has the copy with its age', async () => {
      answer = (_request, response) => response.end('01012345678\n');
      const list = await keepUrl();
      assert.equal(list.counters.isStale, true, 'nothing was fetched yet');
      await watched(list);
      assert.deepEqual([list.has('+821012345678'), list.asOfWallMs()], [true, START_MS]);
      await list.close();
      clock.advance(DAY_MS);
      const restarted = await keepUrl();
      assert.deepEqual([restarted.has('+821012345678'), restarted.asOfWallMs()], [true, START_MS]);
    });

    it('does not take the copy of another URL for the list', async () => {
      answer = (_request, response) => response.end('01012345678\n');
      await watched(await keepUrl());
      const other = await keepUrl({ path: '/other' });
      assert.equal(other.asOfWallMs(), null);
    });

    it('asks again when it is due, and whether the list has changed', async () => {
      let text = '01012345678\n';
      answer = (request, response) => {
        const etag = `"${text.length}"`;
        if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
        else response.writeHead(200, { ETag: etag }).end(text);
      };
      const list = await watched(await keepUrl({ authorization: 'Bearer secret' }));
      assert.equal(requests[0]?.headers.authorization, 'Bearer secret');
      await pass(list, REFRESH_MS);
      assert.equal(requests[1]?.headers['if-none-match'], '"12"');
      assert.deepEqual([list.has('+821012345678'), list.asOfWallMs()], [true, START_MS + REFRESH_MS]);
      text = '01012345678\n01099999999\n';
      await pass(list, REFRESH_MS);
      assert.deepEqual([list.has('+821099999999'), list.asOfWallMs()], [true, START_MS + 2 * REFRESH_MS]);
      await list.close();
      assert.equal(
        (await keepUrl()).asOfWallMs(),
        START_MS + 2 * REFRESH_MS,
        'the copy has the time of the last answer',
      );
    });

    it('keeps what it has when the server fails, sends too much or something else, and soon asks again', async () => {
      answer = (_request, response) => response.end('01012345678\n');
      const list = await watched(await keepUrl({ maxBytes: 100 }));
      const kept = readFileSync(copy(), 'utf8');
      const troubles: [typeof answer, RegExp][] = [
        [(_request, response) => response.writeHead(500).end(), /the server answered 500/],
        [(_request, response) => response.end('01012345678\n'.repeat(9)), /more than 100 bytes/],
        [(request) => request.socket.destroy(), /socket|other side closed/],
        [(_request, response) => response.writeHead(302, { Location: '/list' }).end(), /redirect/],
      ];
      let waitMs = REFRESH_MS;
      let passedMs = 0;
      for (const [trouble, expected] of troubles) {
        answer = trouble;
        await pass(list, waitMs);
        passedMs += waitMs;
        assert.match(list.counters.trouble ?? '', expected);
        assert.deepEqual([list.has('+821012345678'), list.asOfWallMs()], [true, START_MS], String(expected));
        assert.equal(readFileSync(copy(), 'utf8'), kept);
        assert.equal(existsSync(`${copy()}.partial`), false);
        waitMs = waitMs === REFRESH_MS ? 30_000 : waitMs * 2;
      }
      answer = (_request, response) => response.end('01099999999\n');
      await pass(list, waitMs);
      assert.deepEqual(
        [list.counters.trouble, list.has('+821099999999'), list.asOfWallMs()],
        [null, true, START_MS + passedMs + waitMs],
      );
    });

    it('waits no longer than it may for an answer that does not end', async () => {
      answer = (_request, response) => void response.writeHead(200).write('01012345678\n');
      const list = await watched(await keepUrl({ timeoutMs: 100 }));
      assert.match(list.counters.trouble ?? '', /timeout|aborted/);
      assert.deepEqual([list.asOfWallMs(), existsSync(copy()), existsSync(`${copy()}.partial`)], [null, false, false]);
    });

    it('ages while every answer is a page that is no list', async () => {
      answer = (_request, response) => response.end('01012345678\n');
      const list = await watched(await keepUrl());
      answer = (_request, response) => response.end('<html>\nplease log in\n</html>\n');
      await pass(list, REFRESH_MS);
      assert.match(list.counters.trouble ?? '', /no number/);
      assert.deepEqual([list.has('+821012345678'), list.asOfWallMs()], [true, START_MS]);
      await list.close();
      const restarted = await keepUrl();
      assert.deepEqual([restarted.has('+821012345678'), restarted.asOfWallMs()], [true, START_MS]);
    });

    it('is closed in the middle of a fetch', async () => {
      let asked: () => void = () => {};
      const isAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      answer = () => asked();
      const list = await keepUrl();
      list.watch();
      clock.advance(0);
      await isAsked;
      await list.close();
      assert.equal(clock.pendingTimers, 0);
    });
  });
});
