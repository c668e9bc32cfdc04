import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Logger } from '../lib/logger.js';
import type { Adjustment, AdjustResult, AllowanceUsage, VerifyReport } from '../quota/ledger.js';
import { createControlCommands } from './control-commands.js';
import type { ControlPorts, LedgerPort } from './control-ports.js';
import type { Caller, ControlAnswer } from './control-protocol.js';
import { type AdjustmentsReport, amountText, type LedgerVerification } from './ledger-commands.js';
import type { LiveCallReport } from './live-call-report.js';

const KIM: Caller = { uid: 1000, user: 'kim' };
const NOW_MS = Date.UTC(2026, 10, 21);
const ID = 'b1c2d3e4-0000-4000-8000-000000000001';

const CALL = { callId: 'c1', sipCallId: 'abc@pbx', phase: 'talking' } as LiveCallReport;

function usage(allowanceId: string, counts: AllowanceUsage['counts'], limit: number): AllowanceUsage {
  return { allowanceId, counts, window: 'day', windowStartWallMs: NOW_MS, used: 10, held: 0, limit };
}

/** Ports of a service with one SIM and one payer; each notes what it is asked. */
class FakeService {
  readonly logged: Record<string, unknown>[] = [];
  readonly adjustments: Adjustment[] = [];
  readonly asked: unknown[] = [];
  adjustResult: AdjustResult = { ok: true, used: 70 };
  isAway = false;
  verifications = 0;
  finishVerify: (report: VerifyReport) => void = () => undefined;

  commands(changes: Partial<ControlPorts> = {}) {
    const log: Logger = pino({ base: null }, { write: (line: string) => void this.logged.push(JSON.parse(line)) });
    return createControlCommands({
      status: () => Promise.reject(new Error('not asked for here')),
      route: () => ({ ok: false, message: 'Say which --trunk; there are: a, b' }),
      calls: { list: () => [CALL], hangUp: (callId) => (callId === CALL.callId ? CALL : null) },
      ledger: this.#ledger(),
      engines: {
        engines: () => [{ url: 'udp://10.0.0.9:2223', state: 'up', isDraining: false, sessions: 3 }],
        drain: (url, isDraining) => {
          this.asked.push([url, isDraining]);
          return url === 'udp://10.0.0.9:2223';
        },
      },
      service: {
        reload: async (options) => {
          this.asked.push(options);
          const report = { outcome: 'unchanged', changes: [], certificateTrouble: null } as const;
          return options.dryRun ? { ok: false, message: 'The config has 1 problem.' } : { ok: true, report };
        },
        drain: ({ deadlineSeconds, stops }) => {
          this.asked.push([deadlineSeconds, stops]);
          return { state: 'draining', liveCalls: 1, sinceMs: NOW_MS, deadlineAtMs: null, stops };
        },
        drainState: () => null,
        resume: () => false,
      },
      sip: {
        startTrace: async (request) => {
          this.asked.push(request);
          return this.asked.length > 8 ? { ok: false, reason: 'too-many-traces' } : { ok: true, id: '1' };
        },
        stopTrace: async (id) => id === '1',
        traces: async () => [],
        traceLadder: async (id, options) => (id === '1' ? JSON.stringify(options) : null),
        tracePcap: async (id) => (id === '1' ? new Uint8Array([1, 2]) : null),
        ban: async (source) => (source === 'full' ? { ok: false, reason: 'ban-list-full' } : { ok: true }),
        unban: async () => false,
        bans: async () => [],
      },
      channels: {
        list: () => [],
        comparisons: async (days) => {
          this.asked.push(days);
          return [];
        },
        compare: async (gateway) => {
          if (gateway === 'gw3') throw new Error('it answered 500');
          return gateway === 'gw1' ? [] : undefined;
        },
        probe: (channelId) => channelId === 'gw1/3',
        resume: (channelId) => (channelId === 'gw1/3' ? { streak: 'no-alerting', count: 15, sinceMs: NOW_MS } : null),
      },
      log,
      ...changes,
    });
  }

  #ledger(): LedgerPort {
    const sim = [usage('seconds-day', 'seconds', 1_000), usage('spend-day', 'spend', 5_000_000)];
    return {
      sims: [{ simId: '8982001', number: '+821012340001' }],
      wallMs: () => NOW_MS,
      isAway: () => this.isAway,
      usageOf: (simId) => (simId === '8982001' ? { simId, allowances: sim } : undefined),
      usageOfPayer: (payer) => (payer === 'trunk:pbx' ? [usage('calls-day', 'calls', 100)] : undefined),
      adjust: async (adjustment) => {
        this.adjustments.push(adjustment);
        return this.adjustResult;
      },
      adjustments: async (query) => {
        this.asked.push(query);
        const made = this.adjustments.map((each) => ({ ...each, madeWallMs: NOW_MS }));
        return { adjustments: made, isCut: false, isPartOnly: this.isAway };
      },
      verify: () => {
        this.verifications++;
        return new Promise((resolve) => {
          this.finishVerify = resolve;
        });
      },
    };
  }
}

function resultOf<T>(answer: ControlAnswer): T {
  if (!answer.ok) throw new Error(answer.message);
  return answer.result as T;
}

describe('the commands of the control socket', () => {
  let service: FakeService;

  beforeEach(() => {
    service = new FakeService();
  });

  async function refusal(name: string, given: Record<string, unknown>, changes: Partial<ControlPorts> = {}) {
    const answer = await service.commands(changes).run(name, given, KIM);
    return answer.ok ? null : `${answer.code}: ${answer.message}`;
  }

  it('name themselves to who asks for another', async () => {
    for (const name of ['reboot', 'constructor', '__proto__', '']) {
      assert.match((await refusal(name, {})) ?? '', /^unknown-command: .* it knows status, route, calls, hangup,/);
    }
  });

  for (const [name, given] of [
    ['status', { verbose: true }],
    ['route', {}],
    ['route', { dialled: '' }],
    ['route', { dialled: '1'.repeat(300) }],
    ['route', { dialled: 1 }],
    ['hangup', { callId: ['c1'] }],
    ['trace start', { match: { kind: 'everything' } }],
    ['trace start', { match: { kind: 'all' }, maxMessages: 1e9 }],
    ['trace start', { match: { kind: 'all' }, forSeconds: 0 }],
    ['bans add', { source: '192.0.2.1' }],
    ['bans add', { source: '192.0.2.1', seconds: 1.5 }],
    ['ledger adjust', { adjustmentId: 'x' }],
    ['reload', { dryRun: 'yes' }],
    ['drain', { deadlineSeconds: -1 }],
    ['drain', { deadlineSeconds: 1e9 }],
  ] as const) {
    it(`refuse arguments that are wrong: ${name} ${JSON.stringify(given).slice(0, 60)}`, async () => {
      assert.match((await refusal(name, given)) ?? '', /^bad-arguments: .+\.$/);
    });
  }

  it('log who ended which call', async () => {
    assert.equal(resultOf(await service.commands().run('hangup', { callId: 'c1' }, KIM)), CALL);
    assert.deepEqual([service.logged[0]?.callId, service.logged[0]?.by], ['c1', KIM]);
    assert.equal(await refusal('hangup', { callId: 'c2' }), 'not-found: No call "c2" is live.');
    assert.equal(service.logged.length, 1);
  });

  it('reload and drain the service, and say who has it done', async () => {
    const commands = service.commands();
    assert.deepEqual(resultOf(await commands.run('reload', {}, KIM)), {
      ...{ outcome: 'unchanged', changes: [], certificateTrouble: null },
    });
    assert.equal(await refusal('reload', { dryRun: true }), 'refused: The config has 1 problem.');
    await commands.run('drain', {}, KIM);
    await commands.run('drain', { deadlineSeconds: 60, stops: true }, KIM);
    assert.deepEqual(service.asked, [{ dryRun: false }, { dryRun: true }, [null, false], [60, true]]);
    assert.deepEqual(
      service.logged.map(({ by }) => by),
      // Who only looks is not written down.
      [KIM, KIM, KIM],
    );
    assert.equal(resultOf(await commands.run('drain state', {}, KIM)), null);
    assert.equal(await refusal('resume', {}), 'refused: The service is not draining.');
  });

  it('trace a live call that is named by our id as its caller’s leg', async () => {
    const commands = service.commands();
    for (const callId of ['c1', 'other@pbx']) {
      await commands.run('trace start', { match: { kind: 'call-id', callId }, forSeconds: 60 }, KIM);
    }
    assert.deepEqual(service.asked, [
      { match: { kind: 'call-id', callId: 'abc@pbx' }, forSeconds: 60 },
      { match: { kind: 'call-id', callId: 'other@pbx' }, forSeconds: 60 },
    ]);
  });

  it('mask secrets in a ladder unless asked, and log who saw them', async () => {
    const commands = service.commands();
    const masked = resultOf<{ text: string }>(await commands.run('trace ladder', { id: '1' }, KIM));
    assert.deepEqual(JSON.parse(masked.text), { maskSecrets: true, withMessages: true });
    assert.equal(service.logged.length, 0);
    await commands.run('trace ladder', { id: '1', maskSecrets: false }, KIM);
    const pcap = resultOf<{ base64: string }>(await commands.run('trace pcap', { id: '1' }, KIM));
    assert.deepEqual([...Buffer.from(pcap.base64, 'base64')], [1, 2]);
    assert.deepEqual(
      service.logged.map(({ by }) => by),
      [KIM, KIM],
    );
  });

  it('refuse traces and bans with an external SIP server', async () => {
    assert.match((await refusal('trace list', {}, { sip: null })) ?? '', /^refused: .*external/);
    assert.match((await refusal('bans list', {}, { sip: null })) ?? '', /^refused: .*external/);
    assert.match((await refusal('bans add', { source: 'full', seconds: null })) ?? '', /^refused: .*full/);
  });

  it('drain an rtpengine and take it into service, and say who did', async () => {
    const url = 'udp://10.0.0.9:2223';
    assert.deepEqual(resultOf(await service.commands().run('engines drain', { url }, KIM)), { url, isDraining: true });
    assert.deepEqual(resultOf(await service.commands().run('engines resume', { url }, KIM)), {
      url,
      isDraining: false,
    });
    assert.deepEqual(service.asked, [
      [url, true],
      [url, false],
    ]);
    assert.deepEqual([service.logged[0]?.rtpengine, service.logged[0]?.by], [url, KIM]);
    assert.match((await refusal('engines drain', { url: 'udp://other:1' })) ?? '', /^not-found: /);
    assert.match((await refusal('engines list', {}, { engines: null })) ?? '', /^refused: .*relay/);
  });

  describe('about the ledger', () => {
    const adjustment = {
      adjustmentId: ID,
      holder: { sim: '+821012340001' },
      allowanceId: 'seconds-day',
      amount: '60',
      reason: ' billed twice ',
    };

    it('correct what a SIM has used, by its number or ICCID, and say in history and log who, when and why', async () => {
      const commands = service.commands();
      const made = resultOf(await commands.run('ledger adjust', adjustment, KIM));
      const expected: Adjustment = {
        ...{ adjustmentId: ID, holder: 'sim:8982001', allowanceId: 'seconds-day', amount: 60 },
        ...{ reason: 'billed twice', by: 'kim (uid 1000)', wallMs: NOW_MS },
      };
      assert.deepEqual(made, {
        ...{
          adjustment: expected,
          counts: 'seconds',
          window: 'day',
          windowStartWallMs: NOW_MS,
          used: 70,
          limit: 1_000,
        },
      });
      const wallMs = NOW_MS - 86_400_000;
      const byId = { ...adjustment, adjustmentId: randomUUID(), holder: { sim: '8982001' }, wallMs, amount: '-60' };
      await commands.run('ledger adjust', byId, KIM);
      const second = { ...expected, adjustmentId: byId.adjustmentId, amount: -60, wallMs };
      assert.deepEqual(service.adjustments, [expected, second]);
      const { level: _level, time: _time, msg, ...logged } = service.logged[0] ?? {};
      assert.deepEqual([msg, logged], ['an operator adjusted usage', { ...expected, caller: KIM, used: 70 }]);
    });

    it('refuse an id under which something else was corrected, and log a repetition once', async () => {
      const commands = service.commands();
      await commands.run('ledger adjust', adjustment, KIM);
      const other = /^refused: Adjustment \S+ was made already, and otherwise: /;
      for (const change of [{ amount: '61' }, { allowanceId: 'spend-day' }]) {
        assert.match((await refusal('ledger adjust', { ...adjustment, ...change })) ?? '', other);
      }
      resultOf(await commands.run('ledger adjust', { ...adjustment, wallMs: NOW_MS - 1 }, KIM));
      assert.equal(service.logged.length, 1);
    });

    it('list what was corrected, with who, when and why, of one or of all', async () => {
      const commands = service.commands();
      await commands.run('ledger adjust', adjustment, KIM);
      const listed = resultOf<AdjustmentsReport>(await commands.run('ledger adjustments', {}, KIM));
      assert.deepEqual(listed, {
        adjustments: [{ ...service.adjustments[0], madeWallMs: NOW_MS, simNumber: '+821012340001', counts: 'seconds' }],
        ...{ isCut: false, isPartOnly: false },
      });
      const since = { sinceWallMs: 5 };
      await commands.run('ledger adjustments', { holder: { sim: '+821012340001' }, ...since }, KIM);
      await commands.run('ledger adjustments', { holder: { sim: 'gone' }, ...since }, KIM);
      await commands.run('ledger adjustments', { holder: { payer: 'trunk:pbx' } }, KIM);
      assert.deepEqual(service.asked.slice(1), [
        { holder: null, sinceWallMs: 0, most: 1_000 },
        { holder: 'sim:8982001', sinceWallMs: 5, most: 1_000 },
        { holder: 'sim:gone', sinceWallMs: 5, most: 1_000 },
        { holder: 'trunk:pbx', sinceWallMs: 0, most: 1_000 },
      ]);
      assert.match((await refusal('ledger adjustments', { sinceWallMs: -1 })) ?? '', /^bad-arguments: sinceWallMs/);
    });

    it('count money in decimals, and what a payer has used as what a SIM has', async () => {
      const commands = service.commands();
      for (const [amount, micros] of [
        ['1.98', 1_980_000],
        ['-0.000001', -1],
        ['+12', 12_000_000],
      ] as const) {
        const money = { ...adjustment, adjustmentId: randomUUID(), allowanceId: 'spend-day', amount };
        await commands.run('ledger adjust', money, KIM);
        assert.equal(service.adjustments.at(-1)?.amount, micros);
        assert.equal(Number(amountText(micros, 'spend')), Number(amount));
      }
      const payer = {
        ...adjustment,
        adjustmentId: randomUUID(),
        holder: { payer: 'trunk:pbx' },
        allowanceId: 'calls-day',
        amount: '-3',
      };
      await commands.run('ledger adjust', payer, KIM);
      assert.deepEqual(service.adjustments.at(-1)?.holder, 'trunk:pbx');
    });

    for (const [what, change, words] of [
      [
        'a SIM that is not there',
        { holder: { sim: '1' } },
        /^not-found: The config has no SIM "1": name it by its ICCID, or by its number such as/,
      ],
      [
        'a payer without limits',
        { holder: { payer: 'trunk:x' } },
        /^not-found: The config has no caps for "trunk:x", or nobody of that name: it is trunk:NAME, /,
      ],
      ['an allowance that is not there', { allowanceId: 'sms' }, /^not-found: .* it has seconds-day, spend-day\.$/],
      ['a part of a second', { amount: '1.5' }, /^refused: seconds-day counts whole seconds, not "1\.5"\.$/],
      ['more than can be counted', { allowanceId: 'spend-day', amount: '999999999999999' }, /^refused: spend-day/],
      ['nothing at all', { amount: '-0' }, /^refused: .* changes nothing: say how much/],
      ['a time to come', { wallMs: NOW_MS + 1 }, /^refused: .* yet to come: an adjustment counts in/],
      ['no reason', { reason: '  ' }, /^bad-arguments: reason:/],
      ['words for a number', { amount: 'all' }, /^bad-arguments: amount: is no amount\.$/],
      ['both a SIM and a payer', { holder: { sim: '8982001', payer: 'trunk:pbx' } }, /^bad-arguments: holder:/],
      ['an id of another form', { adjustmentId: '1' }, /^bad-arguments: adjustmentId:/],
    ] as const) {
      it(`refuse to adjust by ${what}`, async () => {
        assert.match((await refusal('ledger adjust', { ...adjustment, ...change })) ?? '', words);
        assert.deepEqual([service.adjustments, service.logged], [[], []]);
      });
    }

    it('log no adjustment that the ledger refused', async () => {
      service.adjustResult = { ok: false, reason: 'ledger-away' };
      assert.match((await refusal('ledger adjust', adjustment)) ?? '', /^refused: The ledger cannot be reached/);
      assert.deepEqual(service.logged, []);
    });

    it('verify nothing while a shared ledger cannot be reached', async () => {
      service.isAway = true;
      assert.match((await refusal('ledger verify', {})) ?? '', /^refused: The ledger cannot be reached/);
      assert.equal(service.verifications, 0);
    });

    it('verify once for all who ask meanwhile, and name each SIM that differs by its number', async () => {
      const commands = service.commands();
      const asked = [1, 2].map(() => commands.run('ledger verify', {}, KIM));
      const difference = { allowanceId: 'seconds-day', windowStartWallMs: NOW_MS, used: 10, recomputed: 70 };
      const differences = ['sim:8982001', 'trunk:pbx'].map((holder) => ({ holder, ...difference }));
      service.finishVerify({ ok: false, settlements: 3, adjustments: 1, differences });
      for (const answer of await Promise.all(asked)) {
        const { differences: named } = resultOf<LedgerVerification>(answer);
        assert.deepEqual(
          named.map(({ simNumber, counts }) => [simNumber, counts]),
          [
            ['+821012340001', 'seconds'],
            [null, null],
          ],
        );
      }
      assert.equal(service.verifications, 1);
      void commands.run('ledger verify', {}, KIM);
      assert.equal(service.verifications, 2);
    });
  });

  it('resume a suspended channel, say in the log who did it, and refuse one that is not suspended', async () => {
    const service = new FakeService();
    const commands = service.commands();
    const resumed = await commands.run('channels resume', { channelId: 'gw1/3' }, KIM);
    assert.deepEqual(resumed, {
      ok: true,
      result: { channelId: 'gw1/3', streak: 'no-alerting', count: 15, sinceMs: NOW_MS },
    });
    assert.deepEqual(service.logged.at(-1)?.by, KIM);
    const refused = await commands.run('channels resume', { channelId: 'gw1/4' }, KIM);
    assert.deepEqual([refused.ok, 'code' in refused && refused.code], [false, 'not-found']);
    assert.deepEqual(await commands.run('channels probe', { channelId: 'gw1/3' }, KIM), {
      ok: true,
      result: { channelId: 'gw1/3' },
    });
    assert.equal((await commands.run('channels probe', { channelId: 'gw1/4' }, KIM)).ok, false);
    assert.deepEqual(await commands.run('channels list', {}, KIM), { ok: true, result: [] });
  });

  it('compare a gateway’s count with the ledger, and say why that cannot be', async () => {
    const service = new FakeService();
    const commands = service.commands();
    const compare = (gateway: string) => commands.run('channels compare', { gateway }, KIM);
    assert.deepEqual(await compare('gw1'), { ok: true, result: [] });
    assert.deepEqual(
      [await compare('gw2'), await compare('gw3')].map((one) => !one.ok && one.code),
      ['not-found', 'refused'],
    );
    assert.deepEqual(await commands.run('channels comparisons', {}, KIM), { ok: true, result: [] });
    assert.deepEqual(service.asked, [7]);
  });
});
