// A GoIP's lines tell the state of their SIMs over UDP, and the whole application routes by it.
import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { readLatestMessages } from '../lab/sip-tests/read-cdrs.js';
import { Arena, until } from './testing/arena.js';

describe('keepalives of GoIP lines', () => {
  let arena: Arena;
  let app: RunningApp;
  let port: number;
  const line = () => createSocket('udp4');

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 50 }));
    port = await freePort();
    const simStatus = { kind: 'goip', port, id: 'line{port}', password: 'secret' };
    app = await startApp(arena.config({ gateways: [{ simStatus }] }));
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
  });

  it('decide which channels get calls', async () => {
    const socket = line();
    let count = 0;
    const say = (number: number, fields: string) =>
      socket.send(`req:${++count};id:line${number};pass:secret;num:;${fields}`, port, '127.0.0.1');
    say(1, 'signal:;gsm_status:LOGOUT;voip_state:IDLE;imsi:;iccid:;');
    say(2, 'signal:20;gsm_status:LOGOUT;voip_state:IDLE;imsi:450050000000002;');
    say(3, 'signal:20;gsm_status:LOGIN;voip_state:IDLE;iccid:8982050000000000099;');
    say(4, 'signal:20;gsm_status:LOGIN;voip_state:IDLE;');
    await until('all are heard', async () => (await app.counters()).simState.goip.keepalives === 4);
    const call = await arena.phone.call({ number: '01055550001' });
    assert.equal(await call.answered, true);
    call.hangUp();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.equal(cdr.attempts[0]?.channel, 'gw1/4');
    // Another card than that of the config is not the SIM that is looked for.
    assert.deepEqual(cdr.decision?.refused, { 'sim-absent': 2, 'not-registered': 1 });
    say(4, 'signal:20;gsm_status:LOGOUT;voip_state:IDLE;');
    await until('it is heard', async () => (await app.counters()).simState.goip.keepalives === 5);
    const refused = await (await arena.phone.call({ number: '01055550002' })).ended;
    assert.equal(refused.status, 503);
    socket.close();
  }).timeout(20_000);

  it('come with text messages and reports, which go where those of any gateway go', async () => {
    const socket = line();
    const answers: string[] = [];
    socket.on('message', (bytes) => answers.push(String(bytes)));
    const messages = () => readLatestMessages(join(arena.folder, 'var', 'cdr'));
    const text = 'RECEIVE:441;id:line2;password:secret;srcnum:01055550009;msg:yes; tomorrow';
    const report = 'DELIVER:440;id:line2;password:secret;sms_no:3;state:0;num:01055550009';
    // Its gateway has nothing to do with messages yet: nobody would ever read it.
    socket.send(text, port, '127.0.0.1');
    await until('it is heard', async () => (await app.counters()).simState.goip.unanswered === 1);
    const simStatus = { kind: 'goip', port, id: 'line{port}', password: 'secret' };
    const taking = { gateways: [{ simStatus, messages: {} }], messages: { defaultTrunk: 'pbx' } };
    writeFileSync(join(arena.folder, 'simtrunk.yaml'), JSON.stringify(arena.configValue(taking)));
    assert.ok((await app.reload({ dryRun: false })).ok);
    for (const packet of [text, text, report]) socket.send(packet, port, '127.0.0.1');
    await until('both are acknowledged', () =>
      ['RECEIVE 441 OK', 'DELIVER 440 OK'].every((one) => answers.includes(one)),
    );
    await until('it is recorded', () => messages().length > 0);
    const [message, ...more] = messages();
    assert.equal(more.length, 0);
    const { direction, calling, dialled, channel, trunk } = message ?? {};
    assert.deepEqual([direction, calling, channel, trunk], ['in', '+821055550009', 'gw1/2', 'pbx']);
    assert.deepEqual([dialled, message?.text], ['+821040000002', 'yes; tomorrow']);
    const { inbox } = (await app.counters()).messages;
    assert.deepEqual([inbox.received, inbox.unknownReports], [1, 1]);
    socket.close();
  }).timeout(20_000);

  it('are heard at another port after a reload, and at the old one no more', async () => {
    const socket = line();
    const other = await freePort();
    const simStatus = { kind: 'goip', port: other, id: 'line{port}', password: 'changed' };
    const file = join(arena.folder, 'simtrunk.yaml');
    writeFileSync(file, JSON.stringify(arena.configValue({ gateways: [{ simStatus }] })));
    assert.ok((await app.reload({ dryRun: false })).ok);
    const keepalive = (password: string) => `req:1;id:line1;pass:${password};gsm_status:LOGIN;`;
    socket.send(keepalive('secret'), port, '127.0.0.1');
    socket.send(keepalive('secret'), other, '127.0.0.1');
    socket.send(keepalive('changed'), other, '127.0.0.1');
    await until('it is heard', async () => (await app.counters()).simState.goip.keepalives === 1);
    assert.equal((await app.counters()).simState.goip.refused, 1);
    socket.close();
  }).timeout(20_000);

  it('stay where they are heard when a reload asks for a port that is taken', async () => {
    const taken = line();
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
    const simStatus = { kind: 'goip', port: taken.address().port, id: 'line{port}', password: 'secret' };
    const file = join(arena.folder, 'simtrunk.yaml');
    writeFileSync(file, JSON.stringify(arena.configValue({ gateways: [{ simStatus }] })));
    const refused = await app.reload({ dryRun: false });
    assert.match(refused.ok ? 'reloaded' : refused.message, /Cannot hear GoIP keepalives/);
    taken.send('req:1;id:line1;pass:secret;gsm_status:LOGIN;', port, '127.0.0.1');
    await until('it is heard', async () => (await app.counters()).simState.goip.keepalives === 1);
    taken.close();
  }).timeout(20_000);
});
