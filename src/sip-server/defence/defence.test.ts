import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.js';
import type { SipDefenceSettings, SipServerEvents } from '../control.js';
import { Counters } from '../counters.js';
import { Defence } from './defence.js';
import { DEFAULT_DEFENCE } from './defence-settings.js';

const OPTIONS = Buffer.from('OPTIONS sip:x@y SIP/2.0\r\nUser-Agent: Linphone\r\n\r\n');
const SCAN = Buffer.from('OPTIONS sip:x@y SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n');

function setUp(settings: Partial<SipDefenceSettings> = {}) {
  const clock = new ManualClock();
  const counters = new Counters();
  const events: [keyof SipServerEvents, unknown][] = [];
  const defence = new Defence({ ...DEFAULT_DEFENCE, ...settings }, clock, counters, (event, what) => {
    events.push([event, what]);
  });
  const dropped = (): Record<string, number> =>
    Object.fromEntries(Object.entries(counters.dropped).filter(([, count]) => count > 0));
  const send = (source: string, times = 1, bytes = OPTIONS): number => {
    let taken = 0;
    for (let time = 0; time < times; time++) if (!defence.refuses(bytes, source)) taken++;
    return taken;
  };
  return { clock, defence, events, dropped, send };
}

describe('Defence', () => {
  it('lets everybody in until it is given lists', () => {
    const { send, dropped } = setUp();
    assert.equal(send('203.0.113.1'), 1);
    assert.equal(send('2001:db8::1'), 1);
    assert.deepEqual(dropped(), {});
  });

  it('drops who is not allowed, and who is denied although allowed', () => {
    const { defence, send, dropped } = setUp();
    defence.setSources({ allow: ['10.0.0.0/8'], deny: ['10.0.0.66', '10.9.0.0/16'] });
    assert.deepEqual(
      ['10.0.0.1', '10.0.0.66', '10.9.1.1', '192.0.2.1', 'nonsense'].map((source) => send(source)),
      [1, 0, 0, 0, 0],
    );
    assert.deepEqual(dropped(), { 'denied-source': 2, 'unknown-source': 2 });
  });

  it('keeps its lists when one entry of new ones is wrong', () => {
    const { defence, send } = setUp();
    defence.setSources({ allow: ['10.0.0.1'], deny: [] });
    assert.throws(() => defence.setSources({ allow: null, deny: ['10.0.0.1'], known: ['nonsense'] }), /nonsense/);
    assert.equal(send('10.0.0.1'), 1);
    assert.equal(send('10.0.0.2'), 0);
  });

  it('slows each source down to its rate after its burst, and known ones to theirs', () => {
    const { clock, defence, send, dropped } = setUp({
      rate: { messagesPerSecond: 10, burst: 20 },
      knownRate: { messagesPerSecond: 100, burst: 200 },
    });
    defence.setSources({ allow: null, known: ['10.0.0.0/24'] });
    assert.equal(send('192.0.2.1', 100), 20);
    assert.equal(send('192.0.2.2', 10), 10);
    assert.equal(send('10.0.0.1', 1_000), 200);
    clock.advance(1_000);
    assert.equal(send('192.0.2.1', 100), 10);
    assert.equal(send('10.0.0.1', 1_000), 100);
    assert.deepEqual(dropped(), { 'rate-limited': 80 + 800 + 90 + 900 });
    assert.deepEqual(defence.sources(2), [
      { source: '10.0.0.1', malformed: 0, scans: 0, overRate: 1_700 },
      { source: '192.0.2.1', malformed: 0, scans: 0, overRate: 170 },
    ]);
  });

  it('has one bucket for all addresses of an IPv6 network of 64 bits', () => {
    const { send } = setUp({ rate: { messagesPerSecond: 1, burst: 3 } });
    assert.equal(send('2001:db8:0:1::1', 2) + send('2001:db8:0:1::2', 2) + send('2001:db8:0:1:a:b:c:d', 2), 3);
    assert.equal(send('2001:db8:0:2::1', 2), 2);
  });

  it('drops scanners, but not those of a known peer', () => {
    const { defence, send, dropped } = setUp();
    defence.setSources({ allow: null, known: ['10.0.0.1'] });
    assert.equal(send('192.0.2.1', 2, SCAN), 0);
    assert.equal(send('10.0.0.1', 2, SCAN), 2);
    assert.deepEqual(dropped(), { scanner: 2 });
  });

  it('bans after so many offences in a window, for so long, and tells of it', () => {
    const { clock, defence, events, send, dropped } = setUp({
      ban: { offences: 3, windowSeconds: 10, banSeconds: 60 },
    });
    defence.offended('192.0.2.1', 'malformed');
    clock.advance(5_000);
    defence.offended('192.0.2.1', 'too-large');
    assert.equal(send('192.0.2.1'), 1);
    assert.equal(send('192.0.2.1', 1, SCAN), 0);
    assert.deepEqual(events, [['source:banned', { source: '192.0.2.1', offence: 'scanner', banSeconds: 60 }]]);
    assert.equal(send('192.0.2.1', 5), 0);
    assert.equal(send('192.0.2.2'), 1);
    assert.equal(defence.refusesConnection('192.0.2.1'), true);
    assert.deepEqual(defence.bans(), [{ source: '192.0.2.1', by: 'offences', remainingSeconds: 60 }]);
    assert.deepEqual(defence.counts(), { sources: 2, bansMade: 1, bansInForce: 1 });
    clock.advance(60_000);
    assert.equal(send('192.0.2.1'), 1);
    assert.deepEqual(defence.bans(), []);
    assert.deepEqual(dropped(), { scanner: 1, banned: 6 });
    assert.deepEqual(defence.sources(1), [{ source: '192.0.2.1', malformed: 2, scans: 1, overRate: 0 }]);
  });

  it('does not ban for as many offences over a longer time, nor a known peer', () => {
    const { clock, defence, events, send } = setUp({ ban: { offences: 3, windowSeconds: 10, banSeconds: 60 } });
    defence.setSources({ allow: null, known: ['10.0.0.1'] });
    for (let time = 0; time < 50; time++) {
      defence.offended('192.0.2.1', 'malformed');
      defence.offended('10.0.0.1', 'malformed');
      clock.advance(5_001);
    }
    assert.equal(send('192.0.2.1') + send('10.0.0.1'), 2);
    assert.deepEqual(events, []);
    assert.deepEqual(
      defence.sources(9).map(({ source, malformed }) => [source, malformed]),
      [
        ['10.0.0.1', 50],
        ['192.0.2.1', 50],
      ],
    );
  });

  it('bans, lists and lifts what the operator says, a known peer too', () => {
    const { clock, defence, send } = setUp();
    defence.setSources({ allow: null, known: ['10.0.0.1'] });
    assert.deepEqual(defence.ban('10.0.0.1', 30), { ok: true });
    assert.deepEqual(defence.ban('2001:db8:0:1::7', null), { ok: true });
    assert.deepEqual(defence.ban('example.com', 30), { ok: false, reason: 'not-an-address' });
    assert.equal(send('10.0.0.1') + send('2001:db8:0:1::9'), 0);
    assert.deepEqual(defence.bans(), [
      { source: '2001:db8:0:1::/64', by: 'operator', remainingSeconds: null },
      { source: '10.0.0.1', by: 'operator', remainingSeconds: 30 },
    ]);
    clock.advance(30_000);
    assert.equal(send('10.0.0.1'), 1);
    assert.equal(defence.unban('2001:db8:0:1::/64'), true);
    assert.equal(defence.unban('2001:db8:0:1::/64'), false);
    assert.equal(defence.unban('example.com'), false);
    assert.equal(send('2001:db8:0:1::9'), 1);
  });

  it('takes whom we called for known, banned or not, for an hour', () => {
    const { clock, defence, send, dropped } = setUp({
      rate: { messagesPerSecond: 0.001, burst: 2 },
      ban: { offences: 1, windowSeconds: 10, banSeconds: 9_999 },
    });
    defence.offended('192.0.2.1', 'malformed');
    assert.equal(send('192.0.2.1'), 0);
    defence.called('192.0.2.1');
    assert.equal(send('192.0.2.1', 10, SCAN), 10);
    defence.offended('192.0.2.1', 'malformed');
    clock.advance(3_599_000);
    assert.equal(send('192.0.2.1', 10), 10);
    clock.advance(1_000);
    assert.equal(send('192.0.2.1'), 0);
    assert.deepEqual(dropped(), { banned: 2 });
    assert.equal(defence.counts().bansMade, 1);
  });

  it('drops whom we called when the lists say so', () => {
    const { defence, send } = setUp();
    defence.setSources({ allow: ['10.0.0.0/8'], deny: ['10.0.0.1'] });
    defence.called('10.0.0.1');
    defence.called('192.0.2.1');
    assert.equal(send('10.0.0.1') + send('192.0.2.1'), 0);
  });

  it('tells of twenty bans a second at most, and counts them all', () => {
    const { clock, defence, events } = setUp({ ban: { offences: 1, windowSeconds: 10, banSeconds: 60 } });
    for (let host = 0; host < 100; host++) defence.offended(`192.0.2.${host}`, 'malformed');
    assert.equal(events.length, 20);
    clock.advance(1_000);
    defence.offended('192.0.2.200', 'malformed');
    assert.equal(events.length, 21);
    assert.equal(defence.counts().bansMade, 101);
  });

  it('holds a source to its number of connections, and lets it open one for each that closes', () => {
    const { defence, dropped } = setUp({ maxConnectionsPerSource: 2 });
    defence.setSources({ allow: null, known: ['10.0.0.1'] });
    const open = (source: string): boolean => !defence.refusesConnection(source);
    assert.deepEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2'].map(open), [true, true, false, true]);
    defence.connectionClosed('192.0.2.1');
    assert.deepEqual(['192.0.2.1', '192.0.2.1'].map(open), [true, false]);
    assert.deepEqual(['10.0.0.1', '10.0.0.1', '10.0.0.1'].map(open), [true, true, true]);
    assert.deepEqual(dropped(), { 'too-many-connections': 2 });
  });

  it('stays bounded and lets honest peers through, whoever else sends what', () => {
    const packet = fc.record({ host: fc.nat({ max: 2 ** 20 }), isScan: fc.boolean(), waitMs: fc.nat({ max: 30 }) });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 300 }), (packets) => {
        const { clock, defence, send } = setUp({
          rate: { messagesPerSecond: 5, burst: 5 },
          ban: { offences: 2, windowSeconds: 10, banSeconds: 60 },
        });
        defence.setSources({ allow: null, known: ['192.0.2.1'] });
        for (const { host, isScan, waitMs } of packets) {
          send(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, 1, isScan ? SCAN : OPTIONS);
          clock.advance(waitMs);
          assert.equal(send('192.0.2.1'), 1);
        }
        assert.ok(defence.counts().sources <= packets.length + 1);
      }),
    );
  });
});
