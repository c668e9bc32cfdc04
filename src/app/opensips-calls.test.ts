// A PBX whose outbound proxy is an OpenSIPS that does more than stay in the route: it hides each side from the other, answers the
// trunk's challenge for the PBX, and spreads calls over several nodes.
import assert from 'node:assert/strict';
import { type RunningApp, startApp } from '../app.js';
import { answers, type BehaviourPlan, refuses } from '../lab/callee-behaviour.js';
import { iccidOf } from '../lab/sip-tests/case-config.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { type BaresipOrder, type BaresipPhone, startBaresipPhone } from '../lab/user-agents/baresip.js';
import { type OpensipsOrder, startOpensips } from '../lab/user-agents/opensips.js';
import { needPrograms, type Program } from '../lab/user-agents/program.js';
import { Arena, until } from './testing/arena.js';
import { Listening, Voice } from './testing/understood.js';

const BUSY_EVERYWHERE = '01055550503';

describe('a PBX behind OpenSIPS', function () {
  this.timeout(60_000);
  const callerVoice = new Voice(5);
  const calleeVoice = new Voice(6);
  const plan: BehaviourPlan = ({ number }) =>
    number === BUSY_EVERYWHERE ? refuses(503) : answers({ afterMs: 100, says: calleeVoice.says });
  let arenas: Arena[];
  let nodes: RunningApp[];
  let phones: BaresipPhone[];
  let proxy: Program | undefined;
  let proxyPort: number;

  before(function () {
    needPrograms(this, ['baresip', 'opensips'], 'Debian: baresip-core; OpenSIPS is not in Debian');
  });

  beforeEach(async () => {
    [arenas, nodes, phones] = [[], [], []];
    proxyPort = await freePort();
  });

  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.log([proxy, ...phones].map((program) => program?.log()).join('\n'));
    for (const phone of phones) await phone.close();
    await proxy?.close();
    proxy = undefined;
    for (const node of nodes) await node.close();
    for (const arena of arenas) await arena.close();
  });

  /** simtrunk with a gateway of its own; returns its SIP port. */
  async function startNode(
    trunk: Record<string, unknown> = {},
    sip: Record<string, unknown> = {},
    more: Record<string, unknown> = {},
  ): Promise<number> {
    const arena = await Arena.open(plan);
    arenas.push(arena);
    const trunks = [{ name: 'pbx', network: 'lan', sources: ['127.0.0.1'], ...trunk }];
    // The proxy and the phones have these clocks.
    nodes.push(await startApp(arena.config({ trunks, sip: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000, ...sip }, ...more })));
    return arena.sipPort;
  }

  async function startProxy(order: Pick<OpensipsOrder, 'forward' | 'modules' | 'routes' | 'hidesTopology' | 'tables'>) {
    const folder = arenas[0]?.subfolder('opensips') ?? assert.fail();
    proxy = await startOpensips({ folder, address: '127.0.0.1', port: proxyPort, ...order });
  }

  /** Behind the proxy, unless `more` says otherwise. */
  async function startPhone(user: string, more: Partial<BaresipOrder> = {}): Promise<BaresipPhone> {
    const folder = arenas[0]?.subfolder(`baresip-${user}`) ?? assert.fail();
    const account = ['regint=0', `outbound="sip:127.0.0.1:${proxyPort};transport=udp"`];
    const phone = await startBaresipPhone({ folder, user, says: callerVoice.says, account, ...more });
    phones.push(phone);
    return phone;
  }

  async function talk(phone: BaresipPhone, number: string): Promise<void> {
    await until('nothing is left of the last call', () => !phone.isTalking());
    phone.dial(`sip:${number}@simtrunk.invalid`);
    await until('they talk', () => phone.isTalking());
  }

  async function understands(phone: BaresipPhone): Promise<void> {
    const listening = new Listening(calleeVoice, phone.heard());
    await until('the PBX hears', () => listening.halfSecondsOf(phone.heard()) > 0);
  }

  async function holdAndResume(phone: BaresipPhone): Promise<void> {
    phone.hold();
    await until('it holds', () => phone.isHolding());
    phone.resume();
    await until('it holds no more', () => !phone.isHolding());
  }

  const cdrs = (node = 0) => arenas[node]?.cdrLines() ?? [];
  const ends = (node = 0) => cdrs(node).map(({ dialled, endedBy, endReason }) => [dialled, endedBy, endReason]);
  const published = (count: number, node = 0) => until('the CDR is published', () => cdrs(node).length === count);

  for (const transport of ['udp', 'tcp'] as const) {
    it(`that hides the topology calls over ${transport}: voices, hold, and the BYE of either side`, async () => {
      const port = await startNode();
      const forward = `$du = "sip:127.0.0.1:${port};transport=${transport}";`;
      await startProxy({ forward, hidesTopology: true });
      const phone = await startPhone('agent');
      await talk(phone, '01055550001');
      await understands(phone);
      await holdAndResume(phone);
      await arenas[0]?.gateway.hangUpAll();
      await published(1);
      await talk(phone, '01055550002');
      phone.hangUp();
      await published(2);
      assert.deepEqual(ends(), [
        ['01055550001', 'callee', 'normal'],
        ['01055550002', 'caller', 'normal'],
      ]);
      const seen = cdrs().map(({ sipCallId }) => sipCallId);
      assert.ok(
        seen.every((callId) => callId?.startsWith('DLGCH_')),
        `Call-IDs of the proxy: ${seen}`,
      );
    });
  }

  for (const hidesTopology of [false, true]) {
    const how = hidesTopology ? 'that hides the topology' : 'that stays in the route';
    it(`${how} brings a mobile to a phone over tcp, and to another one when that phone asks for it`, async () => {
      const [sipPort, one, two] = [await freePort(), await freePort(), await freePort()];
      const inbound = { address: `127.0.0.1:${proxyPort}`, transport: 'tcp', default: '701' };
      const gateway = {
        name: 'gw1',
        network: 'lan',
        address: `127.0.0.1:${sipPort}`,
        gapMs: 0,
        probe: false,
        inbound: {},
      };
      const channels = [{ gateway: 'gw1', port: 1, line: 'line-1', sim: iccidOf(1) }];
      await startNode({ inbound }, {}, { gateways: [gateway], channels });
      const forward = `$du = "sip:127.0.0.1:${one}";
  if ($rU == "702") $du = "sip:127.0.0.1:${two}";`;
      await startProxy({ forward, hidesTopology });
      const [phone, other] = [await startPhone('701', { sipPort: one }), await startPhone('702', { sipPort: two })];
      const mobile = await startPhone('01012345678', { sipPort, says: calleeVoice.says, account: ['regint=0'] });
      mobile.dial(`sip:line-1@127.0.0.1:${arenas[0]?.sipPort}`);
      await until('they talk', () => phone.isTalking() && mobile.isTalking());
      await understands(phone);
      await holdAndResume(phone);
      phone.transfer(`sip:702@127.0.0.1:${proxyPort}`);
      await until('the other one talks', () => other.isTalking() && !phone.isTalking());
      await understands(other);
      other.hangUp();
      await published(1);
      assert.deepEqual(
        cdrs().map(({ endedBy, transfers }) => [
          endedBy,
          transfers.map(({ target, sipStatus }) => [target, sipStatus]),
        ]),
        [['callee', [['702', 200]]]],
      );
    });
  }

  it('that answers the challenge of the trunk for the PBX calls, by SHA-256 where that comes first', async () => {
    const digest = { username: 'pbx', password: 'geheim' };
    const port = await startNode({ digest }, { digest: { algorithms: ['SHA-256', 'MD5'] } });
    await startProxy({
      modules: `loadmodule "dialog.so"
loadmodule "auth.so"
loadmodule "uac_auth.so"
loadmodule "uac.so"
modparam("uac_auth", "credential", "pbx:simtrunk:${digest.password}")`,
      forward: `$rd = "127.0.0.1";
  $rp = ${port};
  if (is_method("INVITE")) create_dialog();
  t_on_failure("CHALLENGED");`,
      routes: `failure_route[CHALLENGED] {
  if (t_check_status("401") && uac_auth()) t_relay();
}`,
    });
    const phone = await startPhone('agent');
    await talk(phone, '01055550001');
    await holdAndResume(phone);
    phone.hangUp();
    await published(1);
    assert.deepEqual(ends(), [['01055550001', 'caller', 'normal']]);
  });

  it('that balances the load gives each node a call, passes over one that drains, and says 503 when every SIM is busy', async () => {
    const ports = [await startNode(), await startNode()];
    const rows = ports.map((port, index) => `${index + 1}:1:sip\\:127.0.0.1\\:${port}:calls=1:2::`);
    await startProxy({
      tables: {
        version: 'table_name(string) table_version(int)\nload_balancer:3\n',
        load_balancer: `id(int,auto) group_id(int) dst_uri(string) resources(string) probe_mode(int) attrs(string,null) description(string,null)\n${rows.join('\n')}\n`,
      },
      modules: `disable_503_translation=yes
loadmodule "db_text.so"
loadmodule "dialog.so"
loadmodule "load_balancer.so"
modparam("load_balancer", "db_url", "text://FOLDER")
modparam("load_balancer", "probing_interval", 1)
modparam("load_balancer", "probing_verbose", 1)`,
      forward: `if (is_method("INVITE")) {
    create_dialog();
    if (!lb_start(1, "calls")) { send_reply(503, "No Trunk"); exit; }
  }`,
    });
    const [first, second] = [await startPhone('one'), await startPhone('two')];
    await Promise.all([talk(first, '01055550001'), talk(second, '01055550002')]);
    for (const phone of phones) phone.hangUp();
    await Promise.all([published(1, 0), published(1, 1)]);

    nodes[0]?.drain.begin({ deadlineSeconds: 60, stops: false });
    await proxy?.printed(/disable/i);
    await talk(first, '01055550003');
    first.hangUp();
    await published(2, 1);
    assert.equal(cdrs(0).length, 1);

    second.dial(`sip:${BUSY_EVERYWHERE}@simtrunk.invalid`);
    await until('it is refused', () => /503 Service Unavailable/.test(second.log()));
    await published(3, 1);
    assert.equal(cdrs(1).at(-1)?.endReason, 'no-channel');
  });
});
