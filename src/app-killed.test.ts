// kill -9 at the worst moments (semantics.md, "After a crash"): whatever the journal had by then, each call becomes one
// record, the ledger agrees with it, its channel comes free, and the gateway hears a BYE for what was answered.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Arena, until } from './app/testing/arena.js';
import type { AppCounters } from './app.js';
import type { Cdr } from './cdr/cdr.js';
import { iccidOf } from './lab/sip-tests/case-config.js';
import { type SimtrunkProcess, startSimtrunk } from './lab/sip-tests/simtrunk-process.js';
import type { SoftphoneCall } from './lab/softphone.js';
import type { RawMessage } from './sip-server/testing/raw-message.js';
import { UdpPeer } from './sip-server/testing/raw-peer.js';
import { responseText, SDP } from './sip-server/testing/sip-script.js';

const NUMBER = '01055554321';
const HOLD_SECONDS = 1;

describe('a service that is killed', function () {
  this.timeout(30_000);
  let arena: Arena;
  let gateway: UdpPeer;
  let simtrunk: SimtrunkProcess;
  let configFile: string;
  /** Call-IDs of legs that the gateway has heard of. */
  let legs: Set<string | undefined>;

  beforeEach(async () => {
    legs = new Set();
    arena = await Arena.open(() => ({ tries: false }));
    gateway = await UdpPeer.open({ address: '127.0.0.1', port: arena.sipPort });
    configFile = join(arena.folder, 'simtrunk.yaml');
    const off = { enabled: false };
    const config = arena.configValue({
      gateways: [{ address: `127.0.0.1:${gateway.local.port}`, firstResponseTimeoutMs: 10_000 }],
      channels: [{}, off, off, off],
      call: { recoverHoldSeconds: HOLD_SECONDS },
    });
    writeFileSync(configFile, JSON.stringify(config));
    simtrunk = await startSimtrunk(configFile, arena.folder);
  });

  afterEach(async () => {
    await simtrunk.kill();
    gateway.close();
    await arena.close();
  });

  async function killAndStart(): Promise<void> {
    await simtrunk.kill();
    simtrunk = await startSimtrunk(configFile, arena.folder);
  }

  const contact = () => [`Contact: <sip:channel@127.0.0.1:${gateway.local.port}>`];

  /** An INVITE repeated by a process that is gone by now is not the one of the next. */
  async function dialled(): Promise<{ call: SoftphoneCall; invite: RawMessage }> {
    const call = await arena.phone.call({ number: NUMBER });
    const invite = await gateway.request('INVITE');
    legs.add(invite.header('Call-ID'));
    return { call, invite };
  }

  function answer(invite: RawMessage): void {
    gateway.send(responseText(invite, 200, { toTag: 'g1', headers: contact(), body: SDP }));
  }

  async function talking(): Promise<{ call: SoftphoneCall; invite: RawMessage }> {
    const { call, invite } = await dialled();
    answer(invite);
    assert.equal(await call.answered, true);
    await gateway.request('ACK');
    await journalIsAtRest();
    return { call, invite };
  }

  /** The caller's leg is journalled when its 200 has left, a moment after the caller has it. */
  async function journalIsAtRest(): Promise<void> {
    let before = -1;
    await until('the journal is at rest', async () => {
      const { journal } = (await simtrunk.counters()) as AppCounters;
      const isAtRest = journal.records === before;
      before = journal.records;
      return isAtRest;
    });
  }

  /** The only record of the only call, which the ledger agrees with, now and after an orderly end and another start. */
  async function settled(call: SoftphoneCall): Promise<Cdr> {
    const cdr = await arena.cdrOf(call.sipCallId);
    const simId = iccidOf(1);
    for (const restarts of [0, 1]) {
      const usage = (await simtrunk.usage([simId]))[simId];
      assert.equal(usage?.['seconds-day'], cdr.billedSeconds);
      assert.equal(usage?.['callees-day'], cdr.attempts[0]?.answeredAt === null ? 0 : 1);
      if (restarts > 0) continue;
      assert.equal(await simtrunk.stop(), 0);
      simtrunk = await startSimtrunk(configFile, arena.folder);
    }
    assert.equal(arena.cdrLines().length, 1);
    return cdr;
  }

  /** At the latest when the hold is over, which every start begins anew. */
  async function channelIsFree(): Promise<void> {
    // On a stalled machine an INVITE of the call before may have been repeated.
    const invited = gateway.inbox.take('an INVITE of another call', (message) => {
      return message.method === 'INVITE' && !legs.has(message.header('Call-ID'));
    });
    for (;;) {
      const call = await arena.phone.call({ number: NUMBER });
      const invite = await Promise.race([invited, call.ended.then(() => null)]);
      if (invite === null) {
        await delay(50);
        continue;
      }
      gateway.send(responseText(invite, 486, { toTag: 'g2' }));
      assert.equal((await call.ended).status, 486);
      return;
    }
  }

  it('while it rings frees the channel after its hold, and charges nothing', async () => {
    const { call, invite } = await dialled();
    gateway.send(responseText(invite, 180, { toTag: 'g1', headers: contact() }));
    await call.ringing;
    await killAndStart();
    const cdr = await settled(call);
    assert.deepEqual([cdr.endReason, cdr.endedBy, cdr.billedSeconds], ['interrupted', 'simtrunk', 0]);
    assert.deepEqual(
      cdr.attempts.map(({ outcome }) => outcome),
      ['interrupted'],
    );
    await channelIsFree();
  });

  it('while it rings ends and charges an answer that comes after the next start', async () => {
    const { call, invite } = await dialled();
    gateway.send(responseText(invite, 180, { toTag: 'g1', headers: contact() }));
    await call.ringing;
    await killAndStart();
    answer(invite);
    await gateway.request('ACK');
    gateway.send(responseText(await gateway.request('BYE'), 200));
    const cdr = await settled(call);
    const [attempt] = cdr.attempts;
    assert.deepEqual([cdr.endReason, attempt?.outcome, attempt?.answeredLate], ['interrupted', 'answered', true]);
    assert.deepEqual([attempt?.estimated, cdr.billedSeconds], [true, 1]);
    await channelIsFree();
  });

  it('between the 200 of the gateway and its own charges what the journal had', async () => {
    const { call, invite } = await dialled();
    answer(invite);
    await gateway.request('ACK');
    await killAndStart();
    // Whether the answer had been committed is a matter of the millisecond; either way there is one truth.
    const heard = gateway.request('BYE').then((bye) => gateway.send(responseText(bye, 200)));
    const cdr = await settled(call);
    assert.equal(cdr.endReason, 'interrupted');
    const [attempt] = cdr.attempts;
    if (attempt?.outcome === 'answered') {
      await heard;
      assert.deepEqual([attempt.estimated, cdr.billedSeconds > 0], [true, true]);
    } else {
      heard.catch(() => undefined);
      assert.deepEqual([attempt?.outcome, cdr.billedSeconds], ['interrupted', 0]);
    }
    await channelIsFree();
  });

  it('right after the BYE publishes the call once', async () => {
    const { call } = await talking();
    call.hangUp();
    const bye = await gateway.request('BYE');
    await killAndStart();
    gateway.send(responseText(bye, 200));
    // A leg that is not known to have ended gets another BYE.
    void gateway.request('BYE').then(
      (again) => gateway.send(responseText(again, 481)),
      () => undefined,
    );
    const cdr = await settled(call);
    assert.match(cdr.endReason, /^(normal|interrupted)$/);
    assert.deepEqual(
      cdr.attempts.map(({ outcome }) => outcome),
      ['answered'],
    );
    await channelIsFree();
  });

  it('a second time, while it ends the calls of the first, ends them at the third start', async () => {
    const { call, invite } = await talking();
    await killAndStart();
    const first = await gateway.request('BYE');
    assert.equal(first.header('Call-ID'), invite.header('Call-ID'));
    await killAndStart();

    const second = await gateway.inbox.take('another BYE', (message) => {
      return message.method === 'BYE' && message.branch !== first.branch;
    });
    gateway.send(responseText(second, 200));

    const cdr = await settled(call);

    assert.deepEqual([cdr.endReason, cdr.attempts[0]?.estimated], ['interrupted', true]);
    assert.ok(cdr.billedSeconds >= 1);
    assert.equal((await call.ended).endedBy, 'callee');
    await channelIsFree();
  });

  it('in a call settles up to the last slice when the gateway no longer knows the leg', async () => {
    const { call } = await talking();
    await killAndStart();
    gateway.send(responseText(await gateway.request('BYE'), 481));
    const cdr = await settled(call);
    assert.deepEqual([cdr.endReason, cdr.attempts[0]?.estimated], ['interrupted', true]);
    await channelIsFree();
  });

  it('in a call settles up to the last slice when the gateway never answers, and holds the channel so long', async () => {
    const { call } = await talking();
    await killAndStart();
    await gateway.request('BYE');
    const refused = await arena.phone.call({ number: NUMBER });
    assert.equal((await refused.ended).status, 503);
    const held = await arena.cdrOf(refused.sipCallId);
    assert.equal(held.decision?.refused['channel-busy'], 1);
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.attempts[0]?.estimated], ['interrupted', true]);
    await channelIsFree();
  });
});
