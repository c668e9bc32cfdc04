import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answers, type BehaviourPlan, type CalleeBehaviour, refuses } from './callee-behaviour.js';
import { correlate } from './correlate.js';
import { type GatewaySettings, SimulatedGateway } from './gateway.js';
import { Softphone } from './softphone.js';
import { ringback, speak, tone, toneShare } from './speech.js';

/** Fast clocks: 64·T1 is 1.3 s. */
const timing = { t1Ms: 20, t2Ms: 80 };

describe('the simulated gateway and the softphone', () => {
  let gateway: SimulatedGateway;
  let phone: Softphone;

  async function lab(plan: BehaviourPlan | CalleeBehaviour, settings: GatewaySettings = {}): Promise<void> {
    gateway = await SimulatedGateway.open({
      timing,
      plan: typeof plan === 'function' ? plan : () => plan,
      ...settings,
    });
    phone = await Softphone.open({ trunk: gateway, timing });
  }

  afterEach(async () => {
    await phone.close(200);
    await gateway.close();
  });

  it('hear each other without losing or shifting a sample', async () => {
    const [said, answered] = [speak(1, 1.2), speak(2, 0.8)];
    await lab(answers({ afterMs: 40, says: answered, hangsUpAfterMs: 1500 }));
    const call = await phone.call({ number: '3#01012345678', says: said });
    const outcome = await call.ended;
    assert.equal(outcome.endedBy, 'callee');
    const atCallee = gateway.heardIn(outcome.sipCallId);
    assert.ok(correlate(said, atCallee).coefficient > 0.98);
    assert.ok(correlate(answered, call.heard()).coefficient > 0.98);
    assert.ok(correlate(said, call.heard()).coefficient < 0.3);
    assert.ok(correlate(answered, atCallee).coefficient < 0.3);
  });

  it('send a packet every 20 ms over the whole call, without drifting', async () => {
    await lab(answers({ afterMs: 10, says: tone(440, 1), hangsUpAfterMs: 2000 }));
    const call = await phone.call({ number: '1#010', says: tone(1000, 1), saysRepeatedly: true });
    const { talkedMs } = await call.ended;
    assert.ok(Math.abs(call.packetsSent - talkedMs / 20) <= 4, `${call.packetsSent} packets in ${talkedMs} ms`);
    assert.ok(toneShare(call.heard(), 440) > 0.95);
  });

  it('speak µ-law where the caller offers only that', async () => {
    await lab(answers({ afterMs: 10, says: tone(440, 1), hangsUpAfterMs: 300 }));
    const call = await phone.call({ number: '1#010', says: tone(1000, 1), codecs: ['PCMU'] });
    await call.ended;
    assert.ok(toneShare(call.heard(), 440) > 0.95);
  });

  it('play ringback as early media before the answer', async () => {
    await lab({ ...answers({ afterMs: 600, says: speak(9, 1) }), ringsAfterMs: 20, earlyMedia: ringback(3) });
    const call = await phone.call({ number: '1#010', says: speak(4, 1) });
    await call.answered;
    call.hangUp();
    const outcome = await call.ended;
    const events = outcome.timeline.map(({ event }) => event);
    // On a machine that stands still for T1 the INVITE is sent again, and so is what it was told.
    assert.deepEqual(
      events.filter((event, index) => !event.startsWith('1') || events.indexOf(event) === index),
      ['INVITE', '100', '183', '200', 'BYE'],
    );
    const early = call.heard().subarray(0, 4000);
    assert.ok(toneShare(early, 440) > 0.4 && toneShare(early, 480) > 0.4);
  });

  for (const status of [404, 480, 486, 503, 603]) {
    it(`refuses with ${status} when its plan says so`, async () => {
      await lab(refuses(status, 5, 'Q.850;cause=17'));
      const outcome = await (await phone.call({ number: '1#010' })).ended;
      assert.deepEqual([outcome.status, outcome.answered, outcome.reason], [status, false, 'Q.850;cause=17']);
      assert.deepEqual([gateway.calls[0]?.status, gateway.calls[0]?.billedSeconds], [status, 0]);
    });
  }

  it('refuses a second call on a port, notes the violation, and takes one after the first has ended', async () => {
    await lab(answers({ afterMs: 10 }));
    const first = await phone.call({ number: '7#010' });
    assert.equal(await first.answered, true);
    assert.equal((await (await phone.call({ number: '7#011' })).ended).status, 503);
    assert.deepEqual(
      gateway.violations.map(({ kind, user }) => [kind, user]),
      [['port-in-use', '7#011']],
    );
    first.hangUp();
    await first.ended;
    assert.equal(await (await phone.call({ number: '7#012' })).answered, true);
    assert.equal(gateway.violations.length, 1);
  });

  it('answers 503 for a SIM that is busy with something else, which is no violation', async () => {
    await lab(answers({ afterMs: 10 }));
    gateway.occupy(2);
    assert.equal((await (await phone.call({ number: '2#010' })).ended).status, 503);
    gateway.vacate(2);
    assert.equal(await (await phone.call({ number: '2#010' })).answered, true);
    assert.deepEqual(gateway.violations, []);
  });

  it('answers 404 for a port that it does not have', async () => {
    await lab(answers());
    for (const number of ['45#010', '0#010', '01012345678', '1#']) {
      assert.equal((await (await phone.call({ number })).ended).status, 404);
    }
    assert.equal(gateway.violations.filter(({ kind }) => kind === 'no-such-port').length, 4);
  });

  it('stops ringing when the caller cancels', async () => {
    await lab({ tries: true, ringsAfterMs: 10 });
    const call = await phone.call({ number: '1#010' });
    await call.ringing;
    call.hangUp();
    const outcome = await call.ended;
    assert.deepEqual([outcome.status, outcome.endedBy], [487, 'caller']);
    assert.deepEqual([gateway.calls[0]?.status, gateway.calls[0]?.endedBy, gateway.liveCalls], [487, 'peer', 0]);
  });

  it('answers in the face of a CANCEL when its plan says so, and the caller ends that call by BYE', async () => {
    await lab({ tries: true, ringsAfterMs: 10, onCancel: 'answer' });
    const call = await phone.call({ number: '1#010' });
    await call.ringing;
    call.hangUp();
    const outcome = await call.ended;
    assert.deepEqual([outcome.status, outcome.answered, outcome.endedBy], [200, true, 'caller']);
    assert.deepEqual(
      outcome.timeline.map(({ event }) => event),
      ['INVITE', '100', '180', 'CANCEL', '200', 'BYE'],
    );
  });

  it('stays silent when its plan says so: the caller repeats its INVITE and gives up after 64·T1', async () => {
    await lab({ tries: false });
    const outcome = await (await phone.call({ number: '1#010' })).ended;
    assert.deepEqual([outcome.status, outcome.answered], [null, false]);
    assert.equal(gateway.liveCalls, 1);
  });

  it('keeps its own account of each call, in memory and in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-gateway-'));
    const logFile = join(folder, 'gateway.ndjson');
    await lab(answers({ afterMs: 20, hangsUpAfterMs: 50 }), { logFile });
    await (await phone.call({ number: '5#01012345678' })).ended;
    await (await phone.call({ number: '5#01012345678' })).ended;
    await gateway.close();
    const lines = (await readFile(logFile, 'utf8')).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      gateway.calls.map((call) => ({ event: 'call', ...call })),
    );
    const [call] = gateway.calls;
    assert.deepEqual([call?.port, call?.number, call?.billedSeconds, call?.endedBy], [5, '01012345678', 1, 'gateway']);
    assert.ok((call?.talkedMs ?? 0) >= 49);
    assert.deepEqual([...gateway.secondsByPort()], [[5, 2]]);
    await rm(folder, { recursive: true });
  });

  it('notes a 200 that is never acknowledged, and frees the port', async () => {
    await lab(answers({ afterMs: 50, onCancel: 'ignore' }));
    await (await phone.call({ number: '1#010' })).ringing;
    await phone.close(0);
    await gateway.idle();
    assert.deepEqual(
      gateway.violations.map(({ kind }) => kind),
      ['no-ack'],
    );
  });

  it('takes a thousand ports and fifty calls at once', async () => {
    await lab(answers({ afterMs: 10, hangsUpAfterMs: 10 }), { simPorts: 1000 });
    const calls = await Promise.all(Array.from({ length: 50 }, (_, n) => phone.call({ number: `${951 + n}#010${n}` })));
    const outcomes = await Promise.all(calls.map((call) => call.ended));
    assert.ok(outcomes.every(({ answered, endedBy }) => answered && endedBy === 'callee'));
    assert.equal(gateway.calls.length, 50);
    assert.deepEqual(gateway.violations, []);
  });
});
