import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { JournalEntry } from '../lib/journal-entry.js';
import { createLogger } from '../lib/logger.js';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import { MessageWorld } from '../messages/testing/message-kit.js';
import { HeldMessages, PUSHED } from './held-messages.js';
import { MessagePoller, type MessagePollerParts, type PollQuestion } from './message-poller.js';
import { PollBook } from './poll-book.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const EVERY_MS = 10_000;
/** Longer than an interval with all that chance adds to it. */
const TURN_MS = 2 * EVERY_MS;
const HELD_FOR_MS = 86_400_000;

const MESSAGE = { from: 'from', text: 'text', channel: 'port', id: null, time: 'time' };
const BY_ID: PollQuestion = {
  ...{ name: '/sms?after={cursor}', everyMs: EVERY_MS, accepted: { field: 'code', is: ['200'] }, list: 'sms' },
  cursor: { kind: 'id', field: 'id', start: '0' },
  message: { ...MESSAGE, id: 'id' },
  report: null,
};
const BY_NEXT: PollQuestion = {
  ...BY_ID,
  ...{
    name: '/sms?from={cursor}',
    cursor: { kind: 'next', field: 'next', epoch: 'epoch', start: '1' },
    message: MESSAGE,
  },
};
const REPORT = {
  ...{ id: null, reference: null, number: 'to', channel: 'port', status: 'status', time: 'time' },
  ...{ delivered: /^0$/, undelivered: /^[6-9]\d$/ },
};
const REPORTS: PollQuestion = {
  ...{ name: '/reports', everyMs: EVERY_MS, accepted: undefined, list: null, cursor: null, message: null },
  report: REPORT,
};

interface Stored {
  readonly id: number;
  readonly from: string;
  readonly text: string;
  readonly port: number;
  readonly time: number;
}

/** A gateway's store, which tells three messages an answer. */
class Store {
  entries: Stored[] = [];
  epoch = 1;
  made = 0;
  #lastId = 0;
  asked: string[] = [];

  add(text = `text ${++this.made}`): void {
    this.entries.push({ id: ++this.#lastId, from: '01012345678', text, port: 1, time: 1_700_000_000 + this.made });
  }

  /** Switched off: numbers begin anew. */
  restart(keepsMessages: boolean): void {
    this.epoch += 1;
    const kept = keepsMessages ? this.entries : [];
    this.entries = kept.map((entry, index) => ({ ...entry, id: index + 1 }));
    this.#lastId = this.entries.length;
  }

  answer({ cursor }: PollQuestion, from: string): unknown {
    this.asked.push(from);
    if (cursor?.kind === 'id')
      return { code: 200, sms: this.entries.filter(({ id }) => id > Number(from)).slice(0, 3) };
    const sms = this.entries.filter(({ id }) => id >= Number(from)).slice(0, 3);
    const next = (sms.at(-1)?.id ?? Number(from) - 1) + 1;
    return { code: '200', epoch: `e${this.epoch}`, next, sms };
  }
}

describe('MessagePoller', () => {
  let world: MessageWorld;
  let store: Store;
  let pollers: MessagePoller[];
  /** What came through, by key, as the inbox has it: once. */
  let received: Map<string, ArrivedMessage>;
  let reports: DeliveryReport[];
  let held: HeldMessages;
  /** Channels that the config has: by what the gateway calls them. */
  let ports: string[];
  let gateway: string;
  let gateways = 0;

  before(async () => {
    world = await MessageWorld.open();
  });
  after(() => world.close());
  beforeEach(() => fresh());
  afterEach(() => Promise.all(pollers.map((poller) => poller.close())));

  /** Another gateway, of which nothing is known. */
  function fresh(): void {
    store = new Store();
    pollers = [];
    received = new Map();
    reports = [];
    ports = ['1'];
    held = new HeldMessages({ journal: world.journal, clock: world.clock, log, heldForMs: () => HELD_FOR_MS });
    gateway = `gw${++gateways}`;
  }

  function open(questions: readonly PollQuestion[], changes: Partial<MessagePollerParts> = {}): MessagePoller {
    const poller = new MessagePoller({
      ...{ gateway, questions, book: new PollBook(world.journal), held, clock: world.clock, log, random: () => 0.5 },
      ask: async (question, from) => store.answer(question, from),
      channelOf: (said) =>
        said !== null && ports.includes(said)
          ? { channelId: `${gateway}/${said}`, simId: `sim${said}`, simNumber: '+82104' }
          : null,
      receive: async (message) => {
        received.set(message.key, message);
      },
      report: async (report) => {
        reports.push(report);
        return true;
      },
      ...changes,
    });
    pollers.push(poller);
    poller.start();
    return poller;
  }

  async function turn(poller: MessagePoller): Promise<void> {
    world.clock.advance(TURN_MS);
    await poller.whenIdle();
  }

  const texts = () => [...received.values()].map(({ text }) => text);

  it('takes each message once, page after page, and asks for no more than the last one then', async () => {
    for (let n = 0; n < 8; n++) store.add();
    const poller = open([BY_ID]);
    await turn(poller);
    assert.deepEqual(
      texts(),
      ['1', '2', '3', '4', '5', '6', '7', '8'].map((n) => `text ${n}`),
    );
    store.asked = [];
    await turn(poller);
    store.add();
    await turn(poller);
    assert.deepEqual(store.asked, ['7', '7', '8']);
    assert.equal(received.size, 9);
    assert.deepEqual(poller.counters, { polls: 3, failures: 0, messages: 9, reports: 0, unknown: 0, passedOver: 0 });
    const [first] = received.values();
    assert.deepEqual([first?.gateway, first?.from, first?.channel.channelId], [gateway, '01012345678', `${gateway}/1`]);
  });

  it('goes on after a restart where it was', async () => {
    for (const question of [BY_ID, BY_NEXT]) {
      fresh();
      for (let n = 0; n < 4; n++) store.add();
      const poller = open([question]);
      await turn(poller);
      await poller.close();
      store.add();
      store.asked = [];
      const count = received.size;
      const again = async (message: ArrivedMessage) => void received.set(`again ${message.key}`, message);
      const next = open([question], { receive: again });
      await turn(next);
      await next.close();
      assert.deepEqual([count, received.size], [4, 5]);
      assert.deepEqual(store.asked, question === BY_ID ? ['3', '4'] : ['5', '6']);
    }
  });

  it('writes nothing while there is nothing new, and its place when there is', async () => {
    for (const question of [BY_ID, BY_NEXT, REPORTS]) {
      fresh();
      store.add();
      let commits = 0;
      const { journal } = world;
      const counted = {
        ...{ isOpen: true, query: journal.query.bind(journal) },
        commit: (entries: readonly JournalEntry[]) => {
          commits += 1;
          return journal.commit(entries);
        },
      };
      const ask = async (asked: PollQuestion, from: string) => (asked === REPORTS ? [] : store.answer(asked, from));
      const poller = open([question], { book: new PollBook(counted), ask });
      await turn(poller);
      assert.ok(commits > 0);
      commits = 0;
      for (let round = 0; round < 3; round++) await turn(poller);
      assert.deepEqual([commits, poller.counters.polls], [0, 4]);
      await poller.close();
    }
  });

  it('keeps in the gateway what could not be kept here', async () => {
    store.add();
    store.add();
    let isAway = true;
    const poller = open([BY_ID], {
      receive: async (message) => {
        if (isAway && message.text === 'text 2') throw new Error('the journal is closed');
        received.set(message.key, message);
      },
    });
    await turn(poller);
    assert.deepEqual([texts(), poller.counters.failures], [['text 1'], 1]);
    isAway = false;
    await turn(poller);
    assert.deepEqual(texts(), ['text 1', 'text 2']);
  });

  it('ends with the message that is being kept, and takes the others after a restart', async () => {
    for (let n = 0; n < 3; n++) store.add();
    const taken: string[] = [];
    let closing = Promise.resolve();
    const receive = async (message: ArrivedMessage) => {
      if (!received.has(message.key)) taken.push(message.text);
      received.set(message.key, message);
      closing = poller.close();
    };
    const poller = open([BY_ID], { receive });
    await turn(poller);
    await closing;
    assert.deepEqual(taken, ['text 1']);
    await turn(open([BY_ID]));
    assert.deepEqual(texts(), ['text 1', 'text 2', 'text 3']);
  });

  it('has nothing of an answer that refuses, or is of another kind', async () => {
    const answers = [{ code: 500, sms: [] }, { sms: [] }, [], null, 'text', { code: 200 }, { code: 200, sms: 'none' }];
    const poller = open([BY_ID], { ask: async () => answers.shift() });
    for (let round = 0; round < 7; round++) await turn(poller);
    assert.equal(received.size, 0);
    // What says that it is sound may have no list: there is nothing.
    assert.deepEqual([poller.counters.polls, poller.counters.failures], [7, 5]);
  });

  it('passes over entries that it cannot read, and holds those of channels that are not there', async () => {
    const sms = [
      { id: 1 },
      null,
      'x',
      { id: 2, from: 'a', text: 'b', port: 9 },
      { id: 3, from: 'a', text: 'b', port: 1 },
    ];
    const poller = open([BY_ID], { ask: async () => ({ code: 200, sms }) });
    await turn(poller);
    assert.deepEqual([texts(), poller.counters.unknown, held.count], [['b'], 1, 1]);
  });

  it('takes what came to a channel that was not there when it is, after a restart too', async () => {
    for (const question of [BY_ID, BY_NEXT]) {
      fresh();
      ports = [];
      store.add();
      store.add();
      const poller = open([question]);
      await turn(poller);
      assert.deepEqual([texts(), held.count], [[], 2]);
      // The gateway may forget them now.
      store.entries = [];
      await poller.close();
      const next = open([question]);
      await turn(next);
      ports = ['1'];
      await turn(next);
      assert.deepEqual(texts(), [], 'nobody has said that there are other channels');
      next.channelsChanged();
      await turn(next);
      await turn(next);
      await next.close();
      assert.deepEqual([texts(), held.count, next.counters.messages], [['text 1', 'text 2'], 0, 2]);
    }
  });

  it('takes what is held though the question by which it came is another now, and nothing that was pushed', async () => {
    ports = [];
    store.add();
    const poller = open([BY_ID]);
    await turn(poller);
    await poller.close();
    store.entries = [];
    await world.journal.commit(held.hold(gateway, PUSHED, { from: '010', text: 'pushed', port: 1 }, '1'));
    assert.equal(held.count, 2);
    ports = ['1'];
    const next = open([REPORTS, { ...BY_ID, name: '/messages?above={cursor}' }], {
      ask: async (question, from) => (question.message === null ? [] : store.answer(question, from)),
    });
    await turn(next);
    assert.deepEqual([texts(), held.count], [['text 1'], 1]);
  });

  it('leaves held what came by a question that is another now where several could read it, and says so', async () => {
    const list: PollQuestion = { ...BY_ID, name: '/list', accepted: undefined, list: null, cursor: null };
    const inOrder = { ...list, message: { ...MESSAGE, from: '0', text: '1', channel: '2', time: '3' } };
    const otherwise = {
      ...list,
      name: '/other',
      message: { ...MESSAGE, from: '1', text: '0', channel: '2', time: '3' },
    };
    const alarms: unknown[][] = [];
    const warn = ({ alarm, question }: { alarm?: string; question?: string }) => alarms.push([alarm, question]);
    const heard = Object.assign(createLogger({ level: 'silent', redactNumbers: false }), { child: () => heard, warn });
    const run = async (questions: readonly PollQuestion[], told: unknown[] = []) => {
      const poller = open(questions, { log: heard, ask: async () => told.splice(0) });
      await turn(poller);
      await poller.close();
    };
    ports = [];
    await run([inOrder], [['01012345678', 'text 1', '1', '10:00']]);
    ports = ['1'];
    for (const questions of [[otherwise, { ...inOrder, name: '/in-order' }], [REPORTS]]) {
      await run(questions);
      assert.deepEqual([texts(), held.count, alarms.splice(0)], [[], 1, [['messages', '/list']]]);
    }
    await run([otherwise, inOrder]);
    assert.deepEqual(
      [...received.values()].map(({ from, text }) => [from, text]),
      [['01012345678', 'text 1']],
    );
    assert.deepEqual([held.count, alarms], [0, []]);
  });

  it('takes a text that comes again from the same number, though its gateway does not tell when it came', async () => {
    const again = { from: '010', text: 'yes', port: 1 };
    const told: object[] = [
      { ...again, at: '10:00' },
      { ...again, at: '10:00' },
    ];
    const question: PollQuestion = { ...BY_ID, name: '/all', accepted: undefined, list: null, cursor: null };
    const poller = open([{ ...question, message: MESSAGE }], { ask: async () => told });
    await turn(poller);
    told.push({ ...again, at: '10:01' });
    await turn(poller);
    await turn(poller);
    assert.deepEqual([texts(), poller.counters.messages], [['yes', 'yes'], 2]);
  });

  it('refuses an answer that says to go on at what is no place, and goes on when it is one again', async () => {
    for (const next of ['x'.repeat(201), 'a b', 'é', '\n']) {
      fresh();
      store.add();
      let isSound = false;
      const poller = open([BY_NEXT], {
        ask: async (question, from) => ({ ...(store.answer(question, from) as object), ...(!isSound && { next }) }),
      });
      await turn(poller);
      assert.deepEqual([texts(), poller.counters.failures, store.asked], [[], 1, ['1']]);
      isSound = true;
      await turn(poller);
      assert.deepEqual(texts(), ['text 1']);
      await poller.close();
    }
  });

  /** Of which there was nothing when it was first asked. */
  async function openForReports(told: () => readonly object[], question = REPORTS): Promise<MessagePoller> {
    let hasAsked = false;
    const ask = async () => {
      const answer = hasAsked ? told() : [];
      hasAsked = true;
      return answer;
    };
    const poller = open([question], { ask });
    await turn(poller);
    return poller;
  }

  it('tells each report once, though all are told each time, and what changed', async () => {
    const first = { to: '010', port: '1', status: '32', time: 't1' };
    let told: object[] = [first, { ...first, to: '011', status: '0' }, { ...first, to: '011', status: '0' }];
    const poller = await openForReports(() => told);
    await turn(poller);
    assert.deepEqual(
      reports.map(({ number, status }) => [number, status]),
      [['011', 'delivered']],
    );
    told = [{ ...first, status: '0' }, ...told.slice(1)];
    await turn(poller);
    await poller.close();
    await turn(open([REPORTS], { ask: async () => told }));
    assert.deepEqual(
      reports.map(({ number }) => number),
      ['011', '010'],
    );
    assert.equal(new Set(reports.map(({ key }) => key)).size, 2);
  });

  it('takes a report that its gateway tells without a value of its time once, whatever changes beside it', async () => {
    const delivered = { to: '010', port: '1', status: '0' };
    // In a list of its own, and among messages.
    for (const message of [null, MESSAGE]) {
      await Promise.all(pollers.map((poller) => poller.close()));
      fresh();
      let age = 0;
      const told = () => [null, ''].map((time, place) => ({ ...delivered, to: `01${place}`, time, age: ++age }));
      const poller = await openForReports(told, { ...REPORTS, message });
      for (let round = 0; round < 3; round++) await turn(poller);
      const { counters } = poller;
      assert.deepEqual(
        [reports.map(({ number }) => number), counters.reports, counters.messages],
        [['010', '011'], 2, 0],
      );
    }
  });

  it('gives none of the reports that were there before it was first asked to messages by their number', async () => {
    const old = { to: '010', port: '1', status: '0', time: 't1' };
    const told: object[] = [old, { ...old, our: 'id of a message' }];
    const question = { ...REPORTS, report: { ...REPORT, id: 'our' } };
    const poller = open([question], { ask: async () => told });
    await turn(poller);
    const { counters } = poller;
    assert.deepEqual(
      reports.map(({ messageId }) => messageId),
      ['id of a message'],
    );
    assert.deepEqual([counters.passedOver, counters.reports], [1, 1]);
    told.push({ ...old, time: 't2' });
    await poller.close();
    // Asked before, though by another process.
    await turn(open([question], { ask: async () => told }));
    assert.deepEqual(
      reports.map(({ number, messageId }) => [number, messageId !== null]),
      [
        ['010', true],
        ['010', false],
      ],
    );
  });

  it('says when a report was, so that an old one is of no new message, unless the gateway’s clock is ahead', async () => {
    const nowMs = world.clock.wallMs();
    const told = [nowMs - 86_400_000, nowMs + 86_400_000].map((wallMs) => {
      const time = String(Math.floor(wallMs / 1_000));
      return { to: '010', port: '1', status: '0', time };
    });
    const question = { ...REPORTS, report: { ...REPORT, timeZone: 'Asia/Seoul' } };
    await turn(open([question], { ask: async () => told }));
    assert.deepEqual(
      reports.map(({ atMs }) => atMs),
      [Math.floor((nowMs - 86_400_000) / 1_000) * 1_000],
    );
    await Promise.all(pollers.map((poller) => poller.close()));
    fresh();
    const poller = await openForReports(() => told, question);
    await turn(poller);
    assert.deepEqual(
      reports.map(({ atMs }) => atMs === null),
      [false, true],
    );
  });

  it('asks each question as often as it is to be asked, never two at a time', async () => {
    let underWay = 0;
    const asked: string[] = [];
    const slow = { ...REPORTS, everyMs: 3 * EVERY_MS };
    const poller = open([BY_ID, slow], {
      ask: async ({ name }) => {
        asked.push(name);
        assert.equal(++underWay, 1);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return name === slow.name ? [] : { code: 200, sms: [] };
      },
    });
    for (let elapsedMs = 0; elapsedMs < 65_000; elapsedMs += 1_000) {
      world.clock.advance(1_000);
      await poller.whenIdle();
    }
    assert.deepEqual(
      [BY_ID, slow].map(({ name }) => asked.filter((one) => one === name).length),
      [7, 3],
    );
  });

  it('does not ask for ever a gateway whose store begins anew with each answer', async () => {
    let next = 100;
    const poller = open([BY_NEXT], { ask: async () => ({ code: 200, next: next--, epoch: String(next), sms: [] }) });
    await turn(poller);
    await turn(poller);
    assert.ok(next > 80, `asked ${100 - next} times`);
    assert.ok(poller.counters.failures > 0);
  });

  it('neither loses nor takes twice, whatever happens between', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('add') },
      { weight: 3, arbitrary: fc.constant('turn') },
      { weight: 1, arbitrary: fc.constant('gateway forgets') },
      { weight: 1, arbitrary: fc.constant('gateway restarts') },
      { weight: 1, arbitrary: fc.constant('newest is deleted') },
      { weight: 2, arbitrary: fc.constant('killed') },
      { weight: 1, arbitrary: fc.constant('answer is lost') },
    );
    const histories = fc.record({
      question: fc.constantFrom(BY_ID, BY_NEXT),
      steps: fc.array(fc.tuple(step, fc.nat({ max: 4 })), { minLength: 5, maxLength: 25 }),
    });
    const property = fc.asyncProperty(histories, async ({ question, steps }) => {
      fresh();
      const times = new Map<string, number>();
      let isLost = false;
      let untilKilled = Number.POSITIVE_INFINITY;
      const start = () =>
        open([question], {
          ask: async (asked, from) => {
            const answer = store.answer(asked, from);
            if (isLost) throw new Error('lost');
            return answer;
          },
          receive: async (message) => {
            if (untilKilled-- <= 0) throw new Error('killed before it was kept');
            if (!received.has(message.key)) times.set(message.text, (times.get(message.text) ?? 0) + 1);
            received.set(message.key, message);
            if (untilKilled-- <= 0) throw new Error('killed before its place was kept');
          },
        });
      let poller = start();
      for (const [what, count] of steps) {
        if (what === 'add') for (let n = 0; n <= count; n++) store.add();
        if (what === 'gateway forgets') store.restart(false);
        // Numbers go on, or begin anew, with what is there.
        if (what === 'gateway restarts' && question === BY_NEXT) store.restart(true);
        if (what === 'newest is deleted') store.entries.pop();
        isLost = what === 'answer is lost';
        untilKilled = what === 'killed' ? count : Number.POSITIVE_INFINITY;
        if (!['turn', 'killed', 'answer is lost'].includes(what)) continue;
        await turn(poller);
        if (what !== 'killed') continue;
        await poller.close();
        poller = start();
      }
      [isLost, untilKilled] = [false, Number.POSITIVE_INFINITY];
      await turn(poller);
      for (const { text } of store.entries) assert.equal(times.get(text), 1, `${text} came ${times.get(text)} times`);
      for (const [text, count] of times) assert.equal(count, 1, `${text} came ${count} times`);
      await poller.close();
    });
    await fc.assert(property, { numRuns: 150 });
  }).timeout(20_000);
});
