import assert from 'node:assert/strict';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import type { SimState } from '../routing/indexed-channel.js';
import type { SimReport } from './sim-report.js';
import { SimStates, type WatchedChannel } from './sim-states.js';

const ICCID = '89820500000000000017';
const CHANNEL: WatchedChannel = { channelId: 'gw1/1', iccid: ICCID, maxAgeMs: 60_000, weakSignalBelow: 8 };
const SOUND: SimReport = { present: true, registered: true, signal: 20, balance: '10.00', inCall: false, iccid: ICCID };

describe('SimStates', () => {
  let clock: ManualClock;
  let states: SimStates;
  let told: [string, SimState | null][];
  let lines: string[];

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    lines = [];
    const write = (text: string) => {
      const { alarm, trouble, msg } = JSON.parse(text) as Record<string, string>;
      lines.push(`${alarm ?? '-'} ${trouble ?? '-'}: ${msg}`);
    };
    states = new SimStates([CHANNEL, { ...CHANNEL, channelId: 'gw1/2', iccid: undefined }], {
      clock,
      log: pino({ level: 'info' }, { write }),
      onChange: (channelId, state) => told.push([channelId, state]),
    });
  });

  afterEach(() => states.close());

  /** What routing is told of a report, and that it is told no more when it is sound again. */
  function judged(report: Partial<SimReport>): SimState | null | undefined {
    told = [];
    states.reported('gw1/1', { ...SOUND, ...report });
    const [[, state] = []] = told;
    states.reported('gw1/1', SOUND);
    assert.equal(told.at(-1)?.[1] ?? null, null);
    return state;
  }

  it('tells routing what stands against a channel, and when nothing does any more', () => {
    assert.equal(judged({}), undefined);
    assert.deepEqual(judged({ present: false, registered: false }), {
      present: false,
      registered: false,
      isWeak: false,
    });
    assert.deepEqual(judged({ registered: false }), { present: true, registered: false, isWeak: false });
    assert.deepEqual(judged({ signal: 7 }), { present: true, registered: true, isWeak: true });
    assert.equal(judged({ signal: 8 }), undefined);
    states.reconfigure([{ ...CHANNEL, weakSignalBelow: null }]);
    assert.equal(judged({ signal: -90 }), undefined);
  });

  it('holds nothing against a channel for what is not told', () => {
    assert.equal(
      judged({ present: null, registered: null, signal: null, inCall: null, balance: null, iccid: null }),
      undefined,
    );
  });

  it('takes a SIM for absent when another card is in its port, and compares no check digits', () => {
    assert.deepEqual(judged({ iccid: '89820500000000000028' }), { present: false, registered: false, isWeak: false });
    assert.match(lines.find((line) => line.includes('other-sim')) ?? '', /^sim other-sim: port holds another SIM/);
    assert.equal(judged({ iccid: ICCID.slice(0, -1) }), undefined);
    told = [];
    states.reported('gw1/2', { ...SOUND, iccid: '89820500000000000028' });
    assert.deepEqual(told, []);
  });

  it('forgets what a status port said when it is too old: unknown stands against nothing', () => {
    states.reported('gw1/1', { ...SOUND, registered: false });
    clock.advance(59_000);
    assert.equal(told.length, 1);
    assert.deepEqual(states.status('gw1/1').ageMs, 59_000);
    clock.advance(1_000);
    assert.deepEqual(told.at(-1), ['gw1/1', null]);
    assert.deepEqual(states.status('gw1/1'), { channelId: 'gw1/1', report: null, ageMs: null, trouble: null });
    assert.deepEqual(lines.slice(1), ['- -: state of SIMs is too old: it is not known now']);
  });

  it('keeps a report that is repeated', () => {
    for (let turn = 0; turn < 5; turn++) {
      states.reported('gw1/1', { ...SOUND, registered: false });
      clock.advance(40_000);
    }
    assert.equal(told.length, 1);
  });

  it('joins the registration of a line with what its status port says', () => {
    states.lineRegistered('gw1/1', true);
    assert.deepEqual(told, []);
    states.lineRegistered('gw1/1', false);
    assert.deepEqual(told.at(-1), ['gw1/1', { present: true, registered: false, isWeak: false }]);
    states.reported('gw1/1', SOUND);
    assert.equal(told.length, 1);
    states.reported('gw1/1', { ...SOUND, present: false });
    assert.deepEqual(told.at(-1), ['gw1/1', { present: false, registered: false, isWeak: false }]);
    states.lineRegistered('gw1/1', true);
    assert.equal(states.status('gw1/1').trouble, 'sim-absent');
    states.reported('gw1/1', SOUND);
    assert.deepEqual(told.at(-1), ['gw1/1', null]);
    // The registrar's own alarm is enough.
    assert.equal(lines.filter((line) => line.startsWith('sim ')).length, 1);
  });

  it('raises one alarm for each trouble, and says when it is over', () => {
    for (let turn = 0; turn < 3; turn++) states.reported('gw1/1', { ...SOUND, registered: false });
    states.reported('gw1/1', SOUND);
    assert.deepEqual(lines, [
      'sim not-registered: SIM is not in its mobile network: no calls to the channel',
      '- not-registered: SIM can be used again',
    ]);
  });

  it('takes no word of a channel that it does not know, and drops those that a new config has not', () => {
    states.reported('gw9/1', { ...SOUND, present: false });
    assert.deepEqual(told, []);
    states.reported('gw1/1', { ...SOUND, signal: 5 });
    states.reconfigure([{ ...CHANNEL, weakSignalBelow: null }]);
    assert.deepEqual(told.at(-1), ['gw1/1', null]);
    states.reconfigure([]);
    assert.equal(states.status('gw1/1').report, null);
  });
});
