import assert from 'node:assert/strict';
import fc from 'fast-check';
import { allowanceOf, capsOf } from '../quota/plan-defaults.js';
import type { Message } from './message.js';
import type { SendOutcome } from './message-ports.js';
import { BUSY, GAP_MS, MessageWorld, SENT, SILENT, type WorldSetup } from './testing/message-kit.js';

describe('text messages', () => {
  let world: MessageWorld;

  afterEach(() => world.close());

  async function open(setup: Partial<WorldSetup> = {}): Promise<void> {
    world = await MessageWorld.open(setup);
  }

  async function take(changes: Parameters<MessageWorld['request']>[0] = {}): Promise<Message> {
    const submission = await world.service.submit(world.request(changes));
    assert.ok(submission.ok, JSON.stringify(submission));
    await world.settled();
    return submission.message;
  }

  async function refusal(changes: Parameters<MessageWorld['request']>[0] = {}): Promise<string> {
    const submission = await world.service.submit(world.request(changes));
    assert.ok(!submission.ok);
    await world.settled();
    return submission.reason;
  }

  async function answer(outcome: SendOutcome): Promise<void> {
    world.gateway.answer(outcome);
    await world.settled();
  }

  const stateOf = async ({ messageId }: Message) => (await world.store.find(messageId))?.state;
  const lastRecord = () => world.records.at(-1) as Message;

  it('are in the journal before their gateway hears of them, and charged when it has them', async () => {
    await open();
    const message = await take();
    assert.equal(await stateOf(message), 'sending');
    assert.equal(world.gateway.sent.length, 1);
    assert.equal(world.ledger.view.channelState('gw1/1'), 'busy');
    assert.equal(world.used(), 0);
    await answer({ ...SENT, reference: 'x-1' } as SendOutcome);
    assert.equal(await stateOf(message), 'sent');
    assert.equal(world.used(), 1);
    assert.equal(world.ledger.view.channelState('gw1/1'), 'resting');
    assert.equal(lastRecord().gatewayReference, 'x-1');
    assert.deepEqual(world.service.counters, {
      ...{ taken: 1, repeated: 0, refused: 0, sent: 1, unknown: 0, failed: 0, queued: 0, sending: 0 },
    });
  });

  it('are one when the same request comes again, at once, later or after a restart', async () => {
    await open();
    const key = 'sip\npbx\ncall-1\n1';
    const submissions = await Promise.all([1, 2, 3].map(() => world.service.submit(world.request({ key }))));
    const ids = new Set(submissions.map(({ message }) => message.messageId));
    assert.equal(ids.size, 1);
    await answer(SENT);
    await take({ key });
    await world.crash();
    const again = await take({ key });
    assert.ok(ids.has(again.messageId));
    assert.equal(again.state, 'sent');
    assert.equal(world.gateway.sent.length, 0);
    assert.equal(world.used(), 1);
  });

  it('are new ones for a key of which the first was refused', async () => {
    await open();
    assert.equal(await refusal({ key: 'k', dialled: '0601234567' }), 'class-not-allowed');
    await take({ key: 'k' });
    assert.equal(world.gateway.sent.length, 1);
  });

  it('go to the next channel for nothing when a SIM refuses, until all that may be were tried', async () => {
    await open({ channels: 4 });
    const message = await take();
    for (let attempt = 0; attempt < 3; attempt++) await answer(BUSY);
    assert.equal(await stateOf(message), 'failed');
    assert.equal(lastRecord().endReason, 'every-attempt-failed');
    assert.deepEqual(
      lastRecord().attempts.map(({ channelId, outcome }) => [channelId, outcome]),
      [1, 2, 3].map((port) => [`gw1/${port}`, 'refused']),
    );
    assert.equal(world.used(), 0);
    assert.equal(world.news.length, 1);
  });

  it('go to no other channel when the gateway refuses the message itself', async () => {
    await open();
    const message = await take();
    await answer({ kind: 'refused', means: 'message', status: 415, detail: null });
    assert.equal(await stateOf(message), 'failed');
    assert.equal(lastRecord().endReason, 'refused-by-gateway');
    assert.equal(world.gateway.sent.length, 1);
  });

  it('are charged and never sent again when nobody says what became of them', async () => {
    await open();
    const message = await take();
    await answer(SILENT);
    assert.equal(await stateOf(message), 'unknown');
    assert.equal(world.used(), 1);
    assert.equal(world.gateway.sent.length, 1);
    assert.deepEqual(
      lastRecord().attempts.map(({ outcome, estimated }) => [outcome, estimated]),
      [['unknown', true]],
    );
  });

  it('go on to another channel then where the gateway says so, and are charged for both', async () => {
    await open({ gateway: { onSilence: 'next' } });
    const message = await take();
    await answer(SILENT);
    await answer(SENT);
    assert.equal(await stateOf(message), 'sent');
    assert.equal(world.used(), 2);
    assert.deepEqual(
      lastRecord().attempts.map(({ channelId, outcome }) => [channelId, outcome]),
      [
        ['gw1/1', 'unknown'],
        ['gw1/2', 'sent'],
      ],
    );
  });

  it('wait for a channel, the first come first, and fail when none comes free in time', async () => {
    await open({ channels: 1 });
    await take({ text: 'one' });
    const waiting = await take({ text: 'two' });
    assert.equal(await stateOf(waiting), 'queued');
    await answer(SENT);
    world.clock.advance(GAP_MS);
    await world.settled();
    assert.equal(world.gateway.sent.at(-1)?.text, 'two');
    const third = await take({ text: 'three' });
    world.clock.advance(60_000);
    await world.settled();
    assert.equal(await stateOf(third), 'failed');
    assert.equal(lastRecord().endReason, 'no-channel');
  });

  it('are refused when too many wait, and at once when waiting would change nothing', async () => {
    await open({
      channels: 1,
      settings: { maxQueued: 1 },
      allowances: [allowanceOf({ id: 'sms-day', counts: 'sms', limit: 2 })],
    });
    await take();
    await take();
    assert.equal(await refusal(), 'queue-full');
    await answer(SENT);
    world.clock.advance(GAP_MS);
    await world.settled();
    await answer(SENT);
    world.clock.advance(GAP_MS);
    await world.settled();
    assert.equal(await refusal(), 'no-channel');
    assert.equal(lastRecord().decision?.refused['quota-exhausted'], 1);
  });

  it('rest a channel from messages for the gateway’s gap, also after one that was refused', async () => {
    await open({ channels: 1, gateway: { gapMs: 10_000 } });
    await take({ text: 'one' });
    await answer(SENT);
    const second = await take({ text: 'two' });
    world.clock.advance(9_000);
    await world.settled();
    assert.equal(await stateOf(second), 'queued');
    world.clock.advance(2_000);
    await world.settled();
    assert.equal(await stateOf(second), 'sending');
  });

  it('are refused with nothing in them, too long, to what is no number, and beyond the trunk’s caps', async () => {
    await open({
      caps: capsOf({ name: 'trunk', allowances: [allowanceOf({ id: 'texts', counts: 'sms', limit: 1 })] }),
    });
    assert.equal(await refusal({ text: '' }), 'empty');
    assert.equal(await refusal({ text: 'a'.repeat(500) }), 'too-long');
    assert.equal(await refusal({ dialled: 'sales' }), 'bad-number');
    await take();
    assert.equal(await refusal(), 'cap-exhausted');
    assert.equal(await refusal({ dialled: '0601234567' }), 'class-not-allowed');
    assert.equal(world.records.filter(({ state }) => state === 'failed').length, 5);
  });

  it('to an emergency number pass quotas and caps', async () => {
    await open({ allowances: [allowanceOf({ id: 'sms-day', counts: 'sms', limit: 0 })] });
    assert.equal(await refusal(), 'no-channel');
    await take({ dialled: '112' });
    assert.equal(world.gateway.sent.length, 1);
  });

  it('that were being sent at a crash are charged once as unknown; those that waited are sent then', async () => {
    await open({ channels: 1 });
    const sending = await take({ text: 'one' });
    const waiting = await take({ text: 'two' });
    await world.crash();
    await world.settled();
    assert.equal(await stateOf(sending), 'unknown');
    assert.equal(world.used(), 1);
    world.clock.advance(GAP_MS);
    await world.settled();
    assert.equal(await stateOf(waiting), 'sending');
    assert.deepEqual(
      world.gateway.sent.map(({ text }) => text),
      ['two'],
    );
    await world.crash();
    assert.equal(await stateOf(waiting), 'unknown');
    assert.equal(world.used(), 2);
    assert.deepEqual((await world.ledger.verify()).differences, []);
  });

  it('are taken no more when the service stops, which waits for the gateways that are being told', async () => {
    await open({ channels: 1 });
    await take();
    const waiting = await take();
    const stopped = world.service.stop();
    assert.equal(await refusal(), 'stopping');
    world.gateway.answer(SENT);
    await stopped;
    assert.equal(await stateOf(waiting), 'queued');
    assert.equal(world.used(), 1);
  });

  it('are charged exactly for what gateways took or may have taken, whatever they say and whenever the process is killed', async function () {
    this.timeout(60_000);
    const outcomes: readonly SendOutcome[] = [SENT, BUSY, SILENT, { kind: 'unsent', detail: 'refused' }];
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ what: fc.constant('submit' as const), key: fc.integer({ min: 1, max: 6 }) }),
      },
      { weight: 5, arbitrary: fc.record({ what: fc.constant('answer' as const), key: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), key: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('crash' as const), key: fc.constant(0) }) },
    );
    await open();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await world.close();
        await open({ channels: 2 });
        const heard = new Map<string, number>();
        const note = () => {
          for (const { messageId } of world.gateway.sent.splice(0))
            heard.set(messageId, (heard.get(messageId) ?? 0) + 1);
        };
        const ids = new Map<number, string>();
        let waiting = 0;
        for (const { what, key } of steps) {
          if (what === 'submit') {
            const { message, ok } = await world.service.submit(world.request({ key: `k${key}` }));
            const known = ids.get(key);
            assert.ok(known === undefined || known === message.messageId, 'one message for one key');
            if (ok) ids.set(key, message.messageId);
          } else if (what === 'answer' && waiting > 0) world.gateway.answer(outcomes[key] as SendOutcome);
          else if (what === 'wait') world.clock.advance(GAP_MS);
          else if (what === 'crash') await world.crash();
          await world.settled();
          note();
          waiting = world.service.counters.sending;
        }
        // Whatever is left is answered, or has waited too long.
        for (let round = 0; round < 40 && world.service.counters.sending + world.service.counters.queued > 0; round++) {
          for (let sending = world.service.counters.sending; sending > 0; sending--) world.gateway.answer(SENT);
          await world.settled();
          note();
          world.clock.advance(GAP_MS);
          await world.settled();
          note();
        }
        const messages = await Promise.all([...ids.values()].map((id) => world.store.find(id)));
        let charged = 0;
        for (const message of messages) {
          assert.ok(message !== null && ['sent', 'unknown', 'failed'].includes(message.state), message?.state);
          const told = message.attempts.filter(({ outcome }) => outcome === 'sent' || outcome === 'unknown').length;
          assert.ok(told <= 1, 'never sent again after it may have been');
          assert.equal(message.state === 'failed' ? 0 : 1, told);
          assert.ok((heard.get(message.messageId) ?? 0) <= message.attempts.length, 'sent by its attempts alone');
          charged += told;
        }
        assert.equal(world.used(), charged);
        assert.deepEqual((await world.ledger.verify()).differences, []);
      }),
      { numRuns: 15 },
    );
  });
});
