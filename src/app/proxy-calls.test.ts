// A PBX whose outbound proxy, a Kamailio or an OpenSIPS, stays in the route: requests that come in fragments, TCP, and what we send
// into the dialog. Each part is in a network namespace, where packets are small.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cdr, cdrSchema } from '../cdr/cdr.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../lab/sip-tests/case-config.js';
import { readCdrLines } from '../lab/sip-tests/read-cdrs.js';
import { isInstalled } from '../lib/end-with-us.js';
import { type LabMember, NetworkLab, whyNoNetworkLab } from '../lib/testing/network-lab.js';
import { until } from './testing/arena.js';
import type { PhoneState } from './testing/phone-lab-member.js';
import { Listening, Voice } from './testing/understood.js';

const CALL_MEMBER = new URL('./testing/call-lab-member.js', import.meta.url);
const PHONE_MEMBER = new URL('./testing/phone-lab-member.js', import.meta.url);
const SIMTRUNK = '192.0.2.1';
const PBX = '192.0.2.20';
const GATEWAY = '192.0.2.30';
const SIP_PORT = 5_060;
const PHONE_PORT = 5_070;
/** The smallest packet that every IPv4 host takes whole (RFC 791), so nearly every message with SDP comes in pieces. */
const PACKET_BYTES = 576;

const OVER_UDP = '01055550001';
const OVER_TCP = '01055550002';

const PROXIES = [
  { name: 'Kamailio', command: 'kamailio', whence: 'Debian: baresip-core, kamailio' },
  { name: 'OpenSIPS', command: 'opensips', whence: 'Debian: baresip-core; OpenSIPS is not in Debian 12' },
] as const;

const FILLER = `X-Filler: ${'0123456789'.repeat(200)}`;
const FORWARD = `append_hf("${FILLER}\\r\\n");
  $du = "sip:${SIMTRUNK}:${SIP_PORT};transport=udp";
  if ($rU == "${OVER_TCP}") $du = "sip:${SIMTRUNK}:${SIP_PORT};transport=tcp";`;

function config(folder: string): object {
  const listener = (transport: string) => ({ transport, port: SIP_PORT });
  return {
    dataDir: join(folder, 'var'),
    networks: [{ name: 'lan', bind: SIMTRUNK, sip: [listener('udp'), listener('tcp')] }],
    trunks: [{ name: 'pbx', network: 'lan', sources: [PBX] }],
    gateways: [{ name: 'gw1', network: 'lan', address: `${GATEWAY}:${SIP_PORT}`, gapMs: 0, probe: false }],
    plans: [BASE_PLAN],
    sims: [{ iccid: iccidOf(1), number: simNumberOf(1), plan: BASE_PLAN.name }],
    channels: [{ gateway: 'gw1', port: 1, sim: iccidOf(1) }],
    recording: { minFreeBytes: 0 },
    log: { level: process.env.SIMTRUNK_TEST_LOG ?? 'silent' },
  };
}

/** Datagrams that were put together again from fragments in this member's namespace. */
function reassembled(member: LabMember): number {
  const [names, values] = member
    .run('cat', '/proc/net/snmp')
    .split('\n')
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('ReasmOKs') ?? -1]);
}

for (const { name, command, whence } of PROXIES)
  describe(`a PBX behind ${name}`, () => {
    it('calls over UDP in fragments and over TCP: voices, hold, and the BYE of either side by the recorded route', async function () {
      const missing = isInstalled('baresip') && isInstalled(command) ? whyNoNetworkLab() : 'not installed';
      if (missing !== null) {
        console.log(`      skipped: baresip and ${command} in network namespaces (${whence}): ${missing}`);
        this.skip();
      }
      this.timeout(60_000);
      const folder = mkdtempSync(join(tmpdir(), 'simtrunk-proxy-'));
      const lab = await NetworkLab.open();
      const [callerVoice, calleeVoice] = [new Voice(3), new Voice(4)];
      try {
        const [simtrunk, gateway, pbx] = await Promise.all([
          lab.outside(CALL_MEMBER, SIMTRUNK),
          lab.outside(CALL_MEMBER, GATEWAY),
          lab.outside(PHONE_MEMBER, PBX),
        ]);
        for (const member of [simtrunk, pbx])
          member.run('ip', 'route', 'change', '192.0.2.0/24', 'dev', 'eth0', 'mtu', String(PACKET_BYTES));
        await Promise.all([
          gateway.ask('gateway', GATEWAY, SIP_PORT, calleeVoice.says),
          simtrunk.ask('simtrunk', config(folder), join(folder, 'simtrunk.yaml')),
          pbx.ask(command, { folder, address: PBX, port: SIP_PORT, forward: FORWARD }),
        ]);
        await pbx.ask('baresip', {
          folder,
          user: 'agent',
          says: callerVoice.says,
          address: PBX,
          sipPort: PHONE_PORT,
          account: ['regint=0', `outbound="sip:${PBX}:${SIP_PORT};transport=udp"`],
        });
        const state = () => pbx.ask<PhoneState>('state');
        const cdrs = (): Cdr[] => readCdrLines(join(folder, 'var', 'cdr')).map((line) => cdrSchema.parse(line));
        const proxied = async (what: string) =>
          until(`the proxy saw ${what}`, async () => (await pbx.ask<string>('proxyLog')).includes(what));
        const dial = async (number: string) => {
          await until('nothing is left of the last call', async () => !(await state()).isTalking);
          await pbx.ask('dial', `sip:${number}@${SIMTRUNK}`);
          await until('they talk', async () => (await state()).isTalking);
        };

        await dial(OVER_UDP);
        const listening = new Listening(calleeVoice);
        await until('the PBX hears', async () => listening.halfSecondsOf((await state()).heard) > 0);
        await gateway.ask('hangUp');
        await until('the CDR is published', () => cdrs().length === 1);
        await proxied(`BYE from ${SIMTRUNK} over udp`);
        assert.ok(callerVoice.halfSecondsIn(await gateway.ask<Int16Array>('calleeHeard')) > 0);
        assert.ok(reassembled(simtrunk) > 0);

        await dial(OVER_TCP);
        await pbx.ask('hold');
        await until('it holds', async () => (await state()).isHolding);
        await pbx.ask('resume');
        await until('it holds no more', async () => !(await state()).isHolding);
        await gateway.ask('hangUp');
        await until('the CDR is published', () => cdrs().length === 2);
        await proxied(`200 to INVITE from ${SIMTRUNK} over tcp`);
        await proxied(`BYE from ${SIMTRUNK} over tcp`);

        await dial(OVER_TCP);
        await pbx.ask('hangUp');
        await until('the CDR is published', () => cdrs().length === 3);

        assert.deepEqual(
          cdrs().map(({ dialled, endedBy, endReason, attempts }) => [dialled, endedBy, endReason, attempts.length]),
          [
            [OVER_UDP, 'callee', 'normal', 1],
            [OVER_TCP, 'callee', 'normal', 1],
            [OVER_TCP, 'caller', 'normal', 1],
          ],
        );
        for (const member of [pbx, gateway, simtrunk]) await member.ask('close');
      } finally {
        await lab.close();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
