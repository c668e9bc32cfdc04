import assert from 'node:assert/strict';
import type { DeliveryReport, Message, MessageRequest } from './message.js';
import type { SendOutcome } from './message-ports.js';
import { BUSY, GAP_MS, MessageWorld, SENT, SILENT } from './testing/message-kit.js';

const GATEWAY = 'gw1';
const CALLEE = '+821012345678';

describe('what gateways tell of messages', () => {
  let world: MessageWorld;

  beforeEach(async () => {
    world = await MessageWorld.open({ settings: { defaultTrunk: null } });
    world.gateway.answerAllBy(() => SENT);
  });
  afterEach(() => world.close());

  const channel = (port: number) => ({
    channelId: `gw1/${port}`,
    simId: `sim${port}`,
    simNumber: `+82104000000${port}`,
  });

  async function arrive(from = '01012345678', key = 'k1', port = 1): Promise<Message | undefined> {
    const before = world.records.length;
    await world.inbox.receive({ gateway: GATEWAY, channel: channel(port), from, text: 'yes', key });
    return world.records.slice(before).at(-1);
  }

  async function sent(agent: string | null = '701'): Promise<Message> {
    const { message } = await world.service.submit(world.request({ agent }));
    await world.settled();
    world.clock.advance(GAP_MS);
    await world.settled();
    const kept = await world.store.find(message.messageId);
    assert.equal(kept?.state, 'sent');
    return kept;
  }

  async function report(changes: Partial<DeliveryReport>): Promise<boolean> {
    const unsaid = { messageId: null, reference: null, number: null, channelId: null, detail: null };
    const nothing = { ...unsaid, atMs: null, key: null };
    return world.inbox.report({ gateway: GATEWAY, status: 'delivered', ...nothing, ...changes });
  }

  it('goes to who wrote to that number over that SIM last, for a time', async () => {
    await sent();
    const answer = await arrive();
    assert.deepEqual([answer?.trunk, answer?.agent, answer?.calling], ['pbx', '701', CALLEE]);
    assert.equal((await arrive('01012345678', 'k2', 2))?.trunk, null, 'another SIM was not written from');
    world.clock.advance(world.settings.affinityMs + 1);
    assert.equal((await arrive('01012345678', 'k3'))?.trunk, null);
  });

  it('goes to who called later than anybody wrote', async () => {
    await sent();
    world.clock.advance(10_000);
    const request = { reservationId: 'call', callId: 'call', trunk: 'pbx', direction: 'out' as const };
    await world.ledger.reserve({
      ...{ ...request, payers: ['trunk:pbx', 'agent:pbx/702'], channelId: 'gw1/1', simId: 'sim1', callee: CALLEE },
      ...{ numberClass: 'mobile', wallMs: world.clock.wallMs() },
    });
    await world.ledger.release('call', { invited: true });
    assert.equal((await arrive())?.agent, '702');
  });

  it('goes to the default trunk, else is only kept', async () => {
    assert.equal((await arrive())?.trunk, null);
    assert.equal(world.news.length, 0);
    assert.equal(world.inbox.counters.unclaimed, 1);
    world.inbox.reconfigure({ ...world.settings, defaultTrunk: 'pbx' });
    assert.deepEqual([(await arrive('01012345678', 'k2'))?.trunk, world.news.length], ['pbx', 1]);
  });

  it('may come from a name that is no number', async () => {
    assert.equal((await arrive('MyBank'))?.calling, 'MyBank');
    const cut = await arrive(`${'x'.repeat(63)}😀`, 'k2');
    assert.equal(encodeURIComponent(cut?.calling ?? ''), `${'x'.repeat(63)}%EF%BF%BD`);
  });

  it('is one when it comes again, at once or after a restart', async () => {
    await Promise.all([arrive(), arrive(), arrive()]);
    await world.crash();
    await arrive();
    assert.equal(world.records.length, 1);
    assert.equal(world.inbox.counters.repeated, 1);
  });

  it('is another one with the same key when its gateway counts anew', async () => {
    const again = { gateway: GATEWAY, channel: channel(1), from: '100', text: 'yes', key: 'k', repeatedForMs: 60_000 };
    const rounds = [0, 59_000, 1_000, 1_000, 60_000];
    for (const pauseMs of rounds) {
      world.clock.advance(pauseMs);
      await world.inbox.receive(again);
    }
    assert.equal(world.records.length, 3);
    assert.equal(world.inbox.counters.repeated, 2);
  });

  it('of ours is found by our id, the gateway’s reference, or number and channel', async () => {
    world.gateway.answerAllBy(({ messageId }) => ({ kind: 'sent', status: 200, reference: `ref-${messageId}` }));
    const [first, second, third] = [await sent(), await sent(), await sent()];
    assert.ok(await report({ messageId: first.messageId }));
    assert.ok(await report({ reference: second.gatewayReference, status: 'undelivered', detail: '64' }));
    assert.ok(await report({ number: '8210-1234-5678', channelId: third.attempts[0]?.channelId ?? null }));
    const states = await Promise.all(
      [first, second, third].map(async ({ messageId }) => (await world.store.find(messageId))?.state),
    );
    assert.deepEqual(states, ['delivered', 'undelivered', 'delivered']);
    assert.equal(world.records.at(-1)?.revision, 2);
  });

  it('that has a time is of no message that was taken after it, but for what clocks may differ by', async () => {
    const first = await sent();
    const between = world.clock.wallMs();
    world.clock.advance(3_600_000);
    const second = await sent();
    const told = { number: '01012345678' };
    assert.equal(await report({ ...told, atMs: first.takenAtMs - 3_600_000 }), false);
    assert.ok(await report({ ...told, atMs: between }));
    const state = async ({ messageId }: Message) => (await world.store.find(messageId))?.state;
    assert.deepEqual([await state(first), await state(second)], ['delivered', 'sent']);
    assert.ok(await report({ ...told, atMs: second.takenAtMs - 60_000 }));
    assert.equal(await state(second), 'delivered');
  });

  it('of another gateway’s message, or of none, is counted', async () => {
    const { messageId } = await sent();
    assert.equal(await report({ messageId, gateway: 'gw2' }), false);
    assert.equal(await report({ messageId: 'no-such' }), false);
    assert.equal(await report({}), false);
    assert.equal(world.inbox.counters.unknownReports, 3);
  });

  it('says twice what it says once, and takes no arrival back', async () => {
    const { messageId } = await sent();
    await report({ messageId });
    await report({ messageId });
    await report({ messageId, status: 'undelivered' });
    const kept = await world.store.find(messageId);
    assert.deepEqual([kept?.state, kept?.revision], ['delivered', 2]);
  });

  it('is one report when it comes again with its key, also after a restart', async () => {
    const ids = [(await sent()).messageId, (await sent()).messageId, (await sent()).messageId];
    const arrived = async () => {
      const found = await Promise.all(ids.map((messageId) => world.store.find(messageId)));
      return found.filter((message) => message?.state === 'delivered').length;
    };
    const first = { number: '01012345678', key: 'first' };
    await Promise.all([report(first), report(first)]);
    await world.crash();
    assert.ok(await report(first));
    assert.equal(await arrived(), 1);
    // Two at a time are of two messages.
    await Promise.all([report({ ...first, key: 'second' }), report({ ...first, key: 'third' })]);
    assert.equal(await arrived(), 3);
    assert.equal(await report({ ...first, key: 'fourth' }), false);
  });

  it('may be there before the gateway’s answer is', async () => {
    for (const known of ['id', 'number'] as const) {
      const answered: ((outcome: SendOutcome) => void)[] = [];
      world.gateway.send = () => new Promise((resolve) => answered.push(resolve));
      const { message } = await world.service.submit(world.request());
      const { messageId } = message;
      const said = known === 'id' ? { messageId } : { number: '01012345678' };
      assert.ok(await report({ ...said, key: known }));
      assert.equal((await world.store.find(messageId))?.state, 'sending');
      answered[0]?.(SENT);
      await world.settled();
      await world.settled();
      const kept = await world.store.find(messageId);
      assert.deepEqual([kept?.state, kept?.revision], ['delivered', 2]);
      assert.ok(await report({ ...said, key: known }), 'again');
      world.clock.advance(GAP_MS);
      await world.settled();
    }
  });

  /** Takes one whose gateway does not answer yet. */
  async function beingSent(changes: Partial<MessageRequest> = {}) {
    let answer: (outcome: SendOutcome) => void = () => {};
    world.gateway.send = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const { message } = await world.service.submit(world.request(changes));
    return { messageId: message.messageId, answer: () => answer(SENT) };
  }

  it('is kept over a crash when its message was not over', async () => {
    const { messageId } = await beingSent();
    assert.ok(await report({ number: '01012345678', key: 'early' }));
    await world.crash();
    await world.settled();
    await world.settled();
    const kept = await world.store.find(messageId);
    assert.equal(kept?.state, 'delivered', 'which the crash had left unknown');
    assert.ok(await report({ number: '01012345678', key: 'early' }));
    assert.equal(world.inbox.counters.repeated, 1);
    await world.crash();
    assert.equal((await world.store.earlyReports()).size, 0);
  });

  it('of a message that is not over stays of that one, whatever else is sent to its number meanwhile', async () => {
    const first = await beingSent();
    assert.ok(await report({ number: '01012345678', status: 'undelivered' }));
    const second = await beingSent();
    second.answer();
    await world.settled();
    first.answer();
    await world.settled();
    await world.settled();
    const states = await Promise.all(
      [first, second].map(async ({ messageId }) => (await world.store.find(messageId))?.state),
    );
    assert.deepEqual(states, ['undelivered', 'sent']);
  });

  /** Takes one whose attempts are answered one by one. */
  async function tried() {
    const answers: ((outcome: SendOutcome) => void)[] = [];
    world.gateway.send = () => new Promise((resolve) => answers.push(resolve));
    const { message } = await world.service.submit(world.request());
    const answer = async (attempt: number, outcome: SendOutcome) => {
      const give = answers[attempt] ?? assert.fail(`attempt ${attempt} was not made`);
      give(outcome);
      for (let turn = 0; turn < 3; turn++) await world.settled();
      return world.store.find(message.messageId);
    };
    return { messageId: message.messageId, answer };
  }

  it('of an attempt that is refused is not of the one that follows it, nor when it is told again', async () => {
    for (const known of ['id', 'number', 'channel'] as const) {
      const { messageId, answer } = await tried();
      const channelId =
        known === 'channel' ? ((await world.store.find(messageId))?.attempts[0]?.channelId ?? '') : null;
      const said = known === 'id' ? { messageId } : { number: '01012345678', channelId };
      const told = { ...said, status: 'undelivered', key: known } as const;
      assert.ok(await report(told));
      await answer(0, BUSY);
      const kept = await answer(1, SENT);
      assert.deepEqual([kept?.attempts.length, kept?.state, kept?.report], [2, 'sent', null]);
      assert.ok(await report(told), 'again');
      assert.equal((await world.store.find(messageId))?.state, 'sent');
      assert.equal((await world.store.earlyReports()).size, 0);
      assert.ok(await report({ messageId }), 'what becomes of the last attempt is told of it');
      assert.equal((await world.store.find(messageId))?.state, 'delivered');
      world.clock.advance(GAP_MS);
      await world.settled();
    }
  });

  it('that it was delivered stands, though its attempt was given up as silent and another one was made', async () => {
    await world.close();
    world = await MessageWorld.open({ gateway: { onSilence: 'next' } });
    for (const status of ['delivered', 'undelivered'] as const) {
      const { messageId, answer } = await tried();
      assert.ok(await report({ messageId, status }));
      await answer(0, SILENT);
      assert.equal((await answer(1, SENT))?.state, status === 'delivered' ? 'delivered' : 'sent');
      world.clock.advance(GAP_MS);
      await world.settled();
    }
  });

  it('that an older version kept is of its message when the last attempt was by the channel that it names', async () => {
    for (const [port, state] of [
      ['1', 'delivered'],
      ['9', 'unknown'],
    ] as const) {
      const { messageId } = await beingSent();
      const { channelId } = (await world.store.find(messageId))?.attempts[0] ?? {};
      const early = {
        gateway: GATEWAY,
        status: 'delivered',
        channelId: port === '1' ? (channelId ?? '') : `gw1/${port}`,
      };
      const unsaid = { messageId: null, reference: null, number: '010', detail: null, atMs: null, key: null };
      await world.store.commit(world.store.keepEarly(messageId, { ...(early as DeliveryReport), ...unsaid }, null));
      await world.crash();
      for (let turn = 0; turn < 3; turn++) await world.settled();
      assert.equal((await world.store.find(messageId))?.state, state);
    }
  });

  it('of parts that come before the gateway’s answer are counted, and what comes for a later message is its own', async () => {
    const told = { number: '01012345678' };
    const first = await beingSent({ text: 'a'.repeat(400) });
    for (const key of ['1', '2', '2']) assert.ok(await report({ ...told, key }));
    first.answer();
    for (let turn = 0; turn < 3; turn++) await world.settled();
    const kept = await world.store.find(first.messageId);
    assert.deepEqual([kept?.state, kept?.parts, kept?.report?.ofParts?.left], ['delivered', 3, 1]);
    world.gateway.send = async () => SENT;
    world.clock.advance(GAP_MS);
    const second = await sent();
    assert.ok(await report({ ...told, key: '3' }), 'of the last part');
    assert.equal((await world.store.find(second.messageId))?.state, 'sent');
    assert.ok(await report({ ...told, key: '4' }));
    assert.equal((await world.store.find(second.messageId))?.state, 'delivered');
  });

  it('of parts without a key are counted each, early or not: nothing tells a repetition from the next part’s', async () => {
    const told = { number: '01012345678' };
    for (const early of [0, 1, 2]) {
      const { messageId, answer } = await beingSent({ text: 'a'.repeat(400) });
      for (let n = 0; n < early; n++) assert.ok(await report(told));
      answer();
      for (let turn = 0; turn < 3; turn++) await world.settled();
      for (let n = early; n < 2; n++) assert.ok(await report(told));
      const kept = await world.store.find(messageId);
      assert.deepEqual([kept?.state, kept?.report?.ofParts?.left], ['delivered', 1]);
      assert.ok(await report(told), 'of the last part');
      assert.equal(await report(told), false);
      world.clock.advance(GAP_MS);
      await world.settled();
    }
  });

  it('of one part is not of another message to the same number, when each part has its own', async () => {
    const long = 'a'.repeat(400);
    const inParts = async () => {
      const { message } = await world.service.submit(world.request({ text: long }));
      await world.settled();
      world.clock.advance(GAP_MS);
      await world.settled();
      assert.equal((await world.store.find(message.messageId))?.parts, 3);
      return message.messageId;
    };
    const [first, second] = [await inParts(), await inParts()];
    const states = async () =>
      Promise.all([first, second].map(async (messageId) => (await world.store.find(messageId))?.state));
    const told = { number: '01012345678' };
    for (const key of ['1', '2']) assert.ok(await report({ ...told, key }));
    assert.ok(await report({ ...told, key: '2' }), 'again');
    await world.crash();
    world.gateway.answerAllBy(() => SENT);
    assert.ok(await report({ ...told, key: '3' }));
    assert.deepEqual(await states(), ['sent', 'delivered']);
    assert.equal((await world.store.find(second))?.revision, 2, 'told once');
    assert.ok(await report({ ...told, key: '4' }));
    assert.deepEqual(await states(), ['delivered', 'delivered']);
    // What comes later is of no part.
    world.clock.advance(61_000);
    assert.equal(await report({ ...told, key: '5' }), false);
  });

  it('makes known what became of one that nobody knew of', async () => {
    world.gateway.answerAllBy(() => ({ kind: 'silent', detail: 'no answer' }));
    const { message } = await world.service.submit(world.request());
    await world.settled();
    await report({ messageId: message.messageId });
    assert.equal((await world.store.find(message.messageId))?.state, 'delivered');
  });

  it('is forgotten after some days, but for what is not over', async () => {
    const { messageId } = await sent();
    world.clock.advance(9 * 86_400_000);
    await world.settled();
    world.store.start();
    await world.settled();
    assert.equal(await world.store.find(messageId), null);
  });
});
