// A whole call from a PBX behind a NAT to a gateway outside, each in a network namespace, with a stranger who sends RTP to every
// media port all the while: SIP, voices, recording and record.
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
import { NetworkLab, whyNoNetworkLab } from '../lib/testing/network-lab.js';
import { until } from './testing/arena.js';
import type { LabCallOutcome } from './testing/call-lab-member.js';

const MEMBER = new URL('./testing/call-lab-member.js', import.meta.url);
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
});
