// Whole calls through NATs, each part in a network namespace: SIP, voices, recording and record. First with a stranger who sends
// RTP to every media port all the while; then between phones that we have not written, each behind a NAT of its own.
import { strict as assert } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cdrSchema } from '../cdr/cdr.js';
import { correlate } from '../lab/correlate.js';
import { readWav } from '../lab/read-wav.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../lab/sip-tests/case-config.js';
import { readCdrLines } from '../lab/sip-tests/read-cdrs.js';
import { speak } from '../lab/speech.js';
import { isInstalled } from '../lib/end-with-us.js';
import { type LabMember, NetworkLab, whyNoNetworkLab } from '../lib/testing/network-lab.js';
import { until } from './testing/arena.js';
import type { LabCallOutcome } from './testing/call-lab-member.js';
import type { PhoneState } from './testing/phone-lab-member.js';
import { Listening, Voice } from './testing/understood.js';

const MEMBER = new URL('./testing/call-lab-member.js', import.meta.url);
const PHONE_MEMBER = new URL('./testing/phone-lab-member.js', import.meta.url);
const SIMTRUNK = '192.0.2.1';
const GATEWAY = '192.0.2.20';
const NAT = '192.0.2.254';
const PBX = '10.9.0.2';
const STRANGER = '192.0.2.66';
const MEDIA_PORTS = { from: 20_000, to: 20_007 };
const SIP_PORT = 5_060;
const TALK_MS = 1_500;

/** The PBX is known by its NAT's address, and says its own in SIP and SDP. */
function config(folder: string): object {
  const udp = { transport: 'udp', port: SIP_PORT };
  return {
    dataDir: join(folder, 'var'),
    networks: [{ name: 'wan', bind: SIMTRUNK, mediaPorts: MEDIA_PORTS, sip: [udp] }],
    trunks: [{ name: 'pbx', network: 'wan', sources: [NAT] }],
    gateways: [{ name: 'gw1', network: 'wan', address: `${GATEWAY}:${SIP_PORT}`, gapMs: 0, probe: false }],
    plans: [BASE_PLAN],
    sims: [{ iccid: iccidOf(1), number: simNumberOf(1), plan: BASE_PLAN.name }],
    channels: [{ gateway: 'gw1', port: 1, sim: iccidOf(1) }],
    recording: { minFreeBytes: 0 },
    log: { level: process.env.SIMTRUNK_TEST_LOG ?? 'silent' },
  };
}

const GATEWAY_NAT = '192.0.2.250';
const INNER_GATEWAY = '10.9.1.2';
const LINE = { user: 'line1', password: 'sesame' };

/** The gateway is known by what its line registers with, and is wherever that came from. */
function configOfBothBehindNats(folder: string): object {
  const digest = { username: LINE.user, password: LINE.password };
  return {
    ...config(folder),
    gateways: [{ name: 'gw1', network: 'wan', dial: '{number}', gapMs: 0, probe: false, registers: {} }],
    channels: [{ gateway: 'gw1', port: 1, sim: iccidOf(1), digest }],
  };
}

describe('a PBX behind a NAT', () => {
  it('calls through simtrunk: both hear each other, the recording has both, and nobody hears a stranger', async function () {
    const missing = whyNoNetworkLab();
    if (missing !== null) {
      console.log(`      skipped: ${missing}`);
      this.skip();
    }
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-nat-'));
    const lab = await NetworkLab.open();
    try {
      const [simtrunk, gateway, pbx, stranger] = await Promise.all([
        lab.outside(MEMBER, SIMTRUNK),
        lab.outside(MEMBER, GATEWAY),
        lab.behindNat(MEMBER, PBX),
        lab.outside(MEMBER, STRANGER),
      ]);
      const [callerSays, calleeSays] = [speak(8, 3), speak(7, 3)];
      await gateway.ask('gateway', GATEWAY, SIP_PORT, calleeSays, TALK_MS);
      await simtrunk.ask('simtrunk', config(folder), join(folder, 'simtrunk.yaml'));
      const spraying = stranger.ask<number>('spray', STRANGER, SIMTRUNK, MEDIA_PORTS);
      const outcome = await pbx.ask<LabCallOutcome>(
        'call',
        PBX,
        { address: SIMTRUNK, port: SIP_PORT },
        '01055550001',
        callerSays,
      );
      assert.ok(outcome.answered);
      await stranger.ask('stopSpraying');
      assert.equal(await spraying, 0);
      const calleeHeard = await gateway.ask<Int16Array>('calleeHeard');
      const talkSamples = (TALK_MS - 300) * 8;
      assert.ok(correlate(calleeSays.subarray(0, talkSamples), outcome.heard).coefficient > 0.95, 'the caller hears');
      assert.ok(correlate(callerSays.subarray(0, talkSamples), calleeHeard).coefficient > 0.95, 'the callee hears');

      const cdrs = () => readCdrLines(join(folder, 'var', 'cdr')).map((line) => cdrSchema.parse(line));
      await until('the CDR is published', () => cdrs().length > 0);
      const [cdr] = cdrs();
      assert.ok(cdr);
      assert.equal(cdr.sipCallId, outcome.sipCallId);
      for (const stream of [cdr.media?.caller, cdr.media?.callee]) assert.ok((stream?.dropped.source ?? 0) > 50);
      assert.match(cdr.media?.caller.source ?? '', /^192\.0\.2\.254:30[01]\d\d$/);
      const [left, right] = readWav(readFileSync(cdr.recording?.path ?? '')).channels;
      assert.ok(left && right);
      assert.ok(correlate(callerSays.subarray(0, talkSamples), left).coefficient > 0.95);
      assert.ok(correlate(calleeSays.subarray(0, talkSamples), right).coefficient > 0.95);
      for (const member of [pbx, gateway, simtrunk]) await member.ask('close');
    } finally {
      await lab.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('calls a gateway behind another NAT by the line that registered: voices, hold, and the BYE of either side', async function () {
    const missing = isInstalled('baresip') && isInstalled('linphonec') ? whyNoNetworkLab() : 'not installed';
    if (missing !== null) {
      console.log(`      skipped: baresip and linphone in network namespaces (baresip-core, linphone-cli): ${missing}`);
      this.skip();
    }
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-nat-'));
    const lab = await NetworkLab.open();
    try {
      const [simtrunk, gateway, pbx] = await Promise.all([
        lab.outside(MEMBER, SIMTRUNK),
        lab.behindOwnNat(PHONE_MEMBER, GATEWAY_NAT, INNER_GATEWAY),
        lab.behindNat(PHONE_MEMBER, PBX),
      ]);
      const [callerVoice, calleeVoice] = [new Voice(5), new Voice(6)];
      await simtrunk.ask('simtrunk', configOfBothBehindNats(folder), join(folder, 'simtrunk.yaml'));
      await Promise.all([
        pbx.ask('baresip', { folder, user: 'agent', says: callerVoice.says, address: PBX, sipPort: SIP_PORT }),
        gateway.ask('linphone', {
          folder,
          says: calleeVoice.says,
          address: INNER_GATEWAY,
          sipPort: SIP_PORT,
          rtpPort: 7_078,
          registers: { ...LINE, registrar: `${SIMTRUNK}:${SIP_PORT}` },
        }),
      ]);
      await until('the line is registered', async () => (await simtrunk.ask<number>('linesRegistered')) === 1);
      const stateOf = (member: LabMember) => member.ask<PhoneState>('state');
      const hears = async (member: LabMember, voice: Voice) => {
        const listening = new Listening(voice, (await stateOf(member)).heard);
        await until('it hears the other', async () => listening.halfSecondsOf((await stateOf(member)).heard) > 0);
      };
      const cdrs = () => readCdrLines(join(folder, 'var', 'cdr')).map((line) => cdrSchema.parse(line));
      const dial = async () => {
        await pbx.ask('dial', `sip:01055550001@${SIMTRUNK}`);
        await until('they talk', async () => (await stateOf(pbx)).isTalking && (await stateOf(gateway)).isTalking);
      };

      await dial();
      await Promise.all([hears(pbx, calleeVoice), hears(gateway, callerVoice)]);
      await gateway.ask('hold');
      await until('it holds', async () => (await stateOf(gateway)).isHolding);
      await gateway.ask('resume');
      await hears(pbx, calleeVoice);
      await gateway.ask('hangUp');
      await until('the PBX was told', async () => !(await stateOf(pbx)).isTalking);
      await until('the CDR is published', () => cdrs().length === 1);

      await dial();
      await pbx.ask('hangUp');
      await until('the gateway was told', async () => !(await stateOf(gateway)).isTalking);
      await until('the CDR is published', () => cdrs().length === 2);

      const [cdr, ...further] = cdrs();
      assert.ok(cdr);
      assert.deepEqual(
        [cdr, ...further].map(({ endedBy, endReason }) => ({ endedBy, endReason })),
        [
          { endedBy: 'callee', endReason: 'normal' },
          { endedBy: 'caller', endReason: 'normal' },
        ],
      );
      assert.match(cdr.media?.caller.source ?? '', /^192\.0\.2\.254:30[01]\d\d$/);
      assert.match(cdr.media?.callee.source ?? '', /^192\.0\.2\.250:30[01]\d\d$/);
      const [left, right] = readWav(readFileSync(cdr.recording?.path ?? '')).channels;
      assert.ok(left && right);
      assert.ok(callerVoice.halfSecondsIn(left.subarray(0, 16_000)) > 0);
      assert.ok(calleeVoice.halfSecondsIn(right.subarray(0, 16_000)) > 0);
      for (const member of [pbx, gateway, simtrunk]) await member.ask('close');
    } finally {
      await lab.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
