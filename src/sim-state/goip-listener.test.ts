import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { pino } from 'pino';
import { SimtrunkError } from '../lib/errors.js';
import { type GoipLine, type GoipListener, openGoipListener } from './goip-listener.js';
import type { SimReport } from './sim-report.js';

const LINE: GoipLine = { id: 'line1', password: 'secret', channelId: 'gw1/1', address: '127.0.0.1' };

describe('GoipListener', () => {
  let listener: GoipListener;
  let line: Socket;
  let reports: [string, SimReport][];
  let told: string[];

  beforeEach(async () => {
    reports = [];
    told = [];
    const log = pino({ level: 'warn' }, { write: (text: string) => told.push(text) });
    listener = await openGoipListener({ address: '127.0.0.1', port: 0 }, [LINE], {
      log,
      onReport: (channelId, report) => reports.push([channelId, report]),
    });
    line = createSocket('udp4');
  });

  afterEach(async () => {
    line.close();
    await listener.close();
  });

  function say(text: string): void {
    line.send(text, listener.port, '127.0.0.1');
  }

  /** What is said last is answered last: nothing before it is under way then. */
  async function answersUntil(count: number): Promise<string[]> {
    const answers: string[] = [];
    line.on('message', (bytes) => answers.push(String(bytes)));
    say(`req:${count};id:line1;pass:secret;gsm_status:LOGIN;`);
    while (answers.at(-1) !== `reg:${count};status:200;`) await once(line, 'message');
    return answers;
  }

  it('answers a keepalive of a line that it knows, and tells what it says', async () => {
    assert.deepEqual(await answersUntil(7), ['reg:7;status:200;']);
    assert.deepEqual(
      reports.map(([channelId, { registered }]) => [channelId, registered]),
      [['gw1/1', true]],
    );
    assert.equal(listener.counters.keepalives, 1);
  });

  it('answers nobody with a wrong password or an unknown id, counts it, and says so once for each line', async () => {
    for (const text of ['req:1;id:line1;pass:guess;', 'req:2;id:line1;pass:;', 'req:3;id:line9;pass:secret;', 'hello'])
      say(text);
    assert.deepEqual(await answersUntil(4), ['reg:4;status:200;']);
    assert.equal(reports.length, 1);
    assert.deepEqual(listener.counters, { keepalives: 1, others: 0, unanswered: 0, malformed: 1, refused: 3 });
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /gw1\/1.*wrong password or address/);
    assert.doesNotMatch(told.join(), /guess|secret/);
  });

  it('hears a line only from where its gateway is', async () => {
    const elsewhere = { ...LINE, id: 'line2', channelId: 'gw1/2', address: '10.0.0.20' };
    const anywhere = { ...LINE, id: 'line3', channelId: 'gw1/3', address: undefined };
    listener.reconfigure([LINE, elsewhere, anywhere]);
    for (const id of ['line2', 'line3']) say(`req:1;id:${id};pass:secret;gsm_status:LOGIN;`);
    await answersUntil(2);
    assert.deepEqual(
      reports.map(([channelId]) => channelId),
      ['gw1/3', 'gw1/1'],
    );
    assert.equal(listener.counters.refused, 1);
  });

  it('acknowledges what it does not look at, and leaves text messages alone', async () => {
    say('STATE:5;id:line1;password:secret;gsm_remain_state:IDLE');
    say('RECEIVE:6;id:line1;password:secret;srcnum:100;msg:hello');
    assert.deepEqual(await answersUntil(8), ['STATE 5 OK', 'reg:8;status:200;']);
    assert.deepEqual([listener.counters.others, listener.counters.unanswered, reports.length], [1, 1, 1]);
  });

  it('cannot be opened where another one listens', async () => {
    const open = openGoipListener({ address: '127.0.0.1', port: listener.port }, [], {
      log: pino({ level: 'silent' }),
      onReport: () => {},
    });
    await assert.rejects(open, (error) => error instanceof SimtrunkError && error.code === 'LISTENER_UNAVAILABLE');
  });
});
