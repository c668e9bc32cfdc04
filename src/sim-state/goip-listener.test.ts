import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { pino } from 'pino';
import { SimtrunkError } from '../lib/errors.js';
import { type GoipLine, type GoipListener, openGoipListener } from './goip-listener.js';
import type { GoipTold } from './goip-packet.js';
import type { SimReport } from './sim-report.js';

const LINE: GoipLine = { id: 'line1', password: 'secret', channelId: 'gw1/1', address: '127.0.0.1' };

describe('GoipListener', () => {
  let listener: GoipListener;
  let line: Socket;
  let answers: string[];
  let reports: [string, SimReport][];
  let warned: string[];
  let told: [string, GoipTold][];
  let take: () => Promise<boolean>;

  beforeEach(async () => {
    reports = [];
    warned = [];
    told = [];
    take = async () => true;
    const log = pino({ level: 'warn' }, { write: (text: string) => warned.push(text) });
    listener = await openGoipListener({ address: '127.0.0.1', port: 0 }, [LINE], {
      log,
      onReport: (channelId, report) => reports.push([channelId, report]),
      onTold: (channelId, what) => {
        told.push([channelId, what]);
        return take();
      },
    });
    line = createSocket('udp4');
    answers = [];
    line.on('message', (bytes) => answers.push(String(bytes)));
  });

  afterEach(async () => {
    line.close();
    await listener.close();
  });

  function say(text: string): void {
    line.send(text, listener.port, '127.0.0.1');
  }

  /** Answers since it was asked last. What is said last is answered last: nothing that is answered at once is under way then. */
  async function answersUntil(count: number): Promise<string[]> {
    say(`req:${count};id:line1;pass:secret;gsm_status:LOGIN;`);
    await until(`reg:${count};status:200;`);
    return answers.splice(0);
  }

  async function until(answer: string): Promise<void> {
    while (!answers.includes(answer)) await once(line, 'message');
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
    assert.deepEqual(listener.counters, {
      ...{ keepalives: 1, told: 0, others: 0, unanswered: 0, malformed: 1, refused: 3 },
    });
    assert.equal(warned.length, 1);
    assert.match(warned[0] ?? '', /gw1\/1.*wrong password or address/);
    assert.doesNotMatch(warned.join(), /guess|secret/);
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

  it('acknowledges what it does not look at, and leaves what it does not know alone', async () => {
    say('STATE:5;id:line1;password:secret;gsm_remain_state:IDLE');
    say('USSN:6;id:line1;password:secret;msg:your credit is 1');
    assert.deepEqual(await answersUntil(8), ['STATE 5 OK', 'reg:8;status:200;']);
    assert.deepEqual([listener.counters.others, listener.counters.unanswered, reports.length], [1, 1, 1]);
  });

  it('acknowledges a text message and a report once they are kept, however often they are said until then', async () => {
    let keep = (_: boolean) => {};
    take = () =>
      new Promise((resolve) => {
        keep = resolve;
      });
    for (let time = 0; time < 3; time++) say('RECEIVE:6;id:line1;password:secret;srcnum:+8210;msg:a;b: c');
    assert.deepEqual(await answersUntil(8), ['reg:8;status:200;']);
    assert.deepEqual(told, [['gw1/1', { kind: 'text', count: '6', from: '+8210', text: 'a;b: c' }]]);
    keep(true);
    assert.deepEqual(await answersUntil(9), ['RECEIVE 6 OK', 'reg:9;status:200;']);
    take = async () => true;
    say('DELIVER:5;id:line1;password:secret;sms_no:32;state:0;num:01012345678');
    await until('DELIVER 5 OK');
    assert.deepEqual(told[1]?.[1], { kind: 'report', count: '5', sent: '32', number: '01012345678', state: 0 });
    assert.equal(listener.counters.told, 2);
  });

  it('leaves what could not be kept to be said again', async () => {
    const failing = [async () => false, () => Promise.reject(new Error('journal is away'))];
    for (const [index, fails] of failing.entries()) {
      take = fails;
      say(`RECEIVE:${index};id:line1;password:secret;srcnum:1;msg:x`);
      const keepalive = `reg:${index};status:200;`;
      assert.deepEqual(await answersUntil(index), [keepalive]);
    }
    assert.deepEqual([listener.counters.unanswered, listener.counters.told, warned.length], [2, 0, 1]);
  });

  it('takes no text message of a stranger, and none without a sender', async () => {
    say('RECEIVE:1;id:line1;password:guess;srcnum:1;msg:x');
    say('RECEIVE:2;id:line1;password:secret;msg:x');
    say('DELIVER:3;id:line1;password:secret;sms_no:1;state:;num:1');
    assert.deepEqual(await answersUntil(4), ['reg:4;status:200;']);
    assert.deepEqual([told.length, listener.counters.refused, listener.counters.malformed], [0, 1, 2]);
  });

  it('cannot be opened where another one listens', async () => {
    const open = openGoipListener({ address: '127.0.0.1', port: listener.port }, [], {
      log: pino({ level: 'silent' }),
      onReport: () => {},
      onTold: async () => false,
    });
    await assert.rejects(open, (error) => error instanceof SimtrunkError && error.code === 'LISTENER_UNAVAILABLE');
  });
});
