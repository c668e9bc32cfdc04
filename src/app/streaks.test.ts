// Channels that the whole application takes out of use for what their calls came to, and takes into service again.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import type { ChannelReport } from '../control/channel-report.js';
import { askService, thisCaller } from '../control/control-client.js';
import { CONTROL_SOCKET_NAME } from '../control/control-protocol.js';
import { answers } from '../lab/callee-behaviour.js';
import { Arena, until } from './testing/arena.js';

const OWN_NUMBER = '01099990000';
const STREAKS = { shortAnswers: { count: 2, underMs: 60_000 }, mostPercent: 25 };

describe('a channel with a streak', () => {
  let arena: Arena;
  let app: RunningApp;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 20 }));
    app = await startApp(arena.config({ routing: { preset: 'fill-first', streaks: STREAKS } }));
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
  });

  async function shortCall(): Promise<string | undefined> {
    const call = await arena.phone.call({ number: '01055550001' });
    assert.equal(await call.answered, true);
    call.hangUp();
    return (await arena.cdrOf(call.sipCallId)).attempts[0]?.channel;
  }

  async function ask(command: string, given: Record<string, unknown> = {}) {
    const socket = join(arena.folder, 'var', CONTROL_SOCKET_NAME);
    return askService(socket, { id: 1, command, arguments: given, by: thisCaller() }, 5_000);
  }

  async function suspended(): Promise<string[]> {
    const answer = await ask('channels list');
    assert.ok(answer.ok);
    return (answer.result as ChannelReport[]).flatMap((one) => (one.suspension === null ? [] : [one.channelId]));
  }

  it('gets no calls, also after a restart, until an operator resumes it', async () => {
    const first = await shortCall();
    assert.equal(await shortCall(), first);
    await until('it is suspended', async () => (await suspended()).length === 1);
    assert.deepEqual(await suspended(), [first]);
    assert.notEqual(await shortCall(), first);
    await app.close();
    app = await startApp(arena.config({ routing: { preset: 'fill-first', streaks: STREAKS } }));
    assert.deepEqual(await suspended(), [first]);
    assert.notEqual(await shortCall(), first);
    const resumed = await ask('channels resume', { channelId: first });
    assert.ok(resumed.ok);
    assert.deepEqual(await suspended(), []);
    assert.equal((await ask('channels resume', { channelId: first })).ok, false);
  }).timeout(20_000);

  it('is tried by a call to the operator’s telephone that has to last, where its answers were too short', async () => {
    await app.close();
    const probe = { trunk: 'pbx', number: OWN_NUMBER, afterSeconds: 3_600 };
    const shortAnswers = { count: 2, underMs: 1_500 };
    app = await startApp(arena.config({ routing: { preset: 'fill-first', streaks: { shortAnswers, probe } } }));
    const first = await shortCall();
    await shortCall();
    await until('it is suspended', async () => (await suspended()).length === 1);
    assert.equal((await ask('channels probe', { channelId: 'gw1/9' })).ok, false);
    assert.ok((await ask('channels probe', { channelId: first })).ok);
    await until('it is in service again', async () => (await suspended()).length === 0);
    await until('the probe has its record', () => arena.cdrLines().some((cdr) => cdr.probe));
    const [cdr] = arena.cdrLines().filter((line) => line.probe);
    assert.deepEqual(
      [cdr?.dialled, cdr?.attempts.map(({ channel }) => channel), cdr?.endReason, cdr?.endedBy],
      [OWN_NUMBER, [first], 'normal', 'caller'],
    );
    assert.ok((cdr?.durationMs ?? 0) >= 2_000, `lasted ${cdr?.durationMs} ms`);
    assert.equal(cdr?.recording?.state, 'complete');
    // It is charged as any other.
    assert.ok((cdr?.billedSeconds ?? 0) >= 2, `charged ${cdr?.billedSeconds} s`);
  }).timeout(20_000);
});
