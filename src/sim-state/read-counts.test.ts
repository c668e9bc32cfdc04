import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SIM_COUNTER_PRESETS } from '../config/sim-status-presets.js';
import { readCounts } from './read-counts.js';

describe('readCounts', () => {
  it('reads running totals of each port, as an Ejoin has them', () => {
    const stats = [
      { port: 1, slot: 1, calls: 100, alerted: 90, connected: 80, con_failed: 20, tcd: 160, act_tcd: 9_600 },
      { port: 2, slot: 1, calls: 3, connected: '2' },
    ];
    const counts = readCounts({ code: 200, stats }, SIM_COUNTER_PRESETS.ejoin);
    assert.deepEqual(
      [...(counts ?? [])],
      [
        ['1', { calls: 80, seconds: 9_600 }],
        ['2', { calls: 2, seconds: null }],
      ],
    );
  });

  it('counts the answered calls to mobiles of each port, as a Dinstar lists them', () => {
    const call = (port: number, direction: string, duration: number) => {
      return { port, start_date: '2026-11-21 16:35:20', answer_date: '2026-11-21 16:35:31', duration, direction };
    };
    const cdr = [
      call(2, 'ip->gsm', 3),
      call(2, 'ip->gsm', 60),
      call(2, 'ip->gsm', 0),
      call(2, 'gsm->ip', 9),
      call(3, 'ip->gsm', 7),
    ];
    const counts = readCounts({ error_code: 200, cdr }, SIM_COUNTER_PRESETS.dinstar);
    assert.deepEqual(
      [...(counts ?? [])],
      [
        ['2', { calls: 2, seconds: 63 }],
        ['3', { calls: 1, seconds: 7 }],
      ],
    );
  });

  it('takes what is no number of calls for none', () => {
    const template = { list: '', port: 'p', counts: 'totals' as const, calls: 'c' };
    for (const c of [-1, 'many', '', null, {}, undefined]) {
      assert.equal(readCounts([{ p: 1, c }], template)?.get('1')?.calls, null, String(c));
    }
    assert.equal(readCounts({ error: 'x' }, SIM_COUNTER_PRESETS.dinstar), null);
  });

  it('says something or nothing of any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('totals' as const, 'calls' as const), (answer, counts) => {
        readCounts(answer, { list: '', port: 'a', counts, calls: 'b', seconds: 'c' });
      }),
    );
  });
});
