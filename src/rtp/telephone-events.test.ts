import assert from 'node:assert/strict';
import fc from 'fast-check';
import { writeRtpHeader } from './rtp-header.js';
import { TelephoneEvents } from './telephone-events.js';

interface EventPacket {
  readonly event: number;
  readonly timestamp: number;
  readonly duration: number;
  readonly isEnd?: boolean;
  readonly marker?: boolean;
  readonly ssrc?: number;
}

function packet({ event, timestamp, duration, isEnd = false, marker = false, ssrc = 7 }: EventPacket): Uint8Array {
  const bytes = new Uint8Array(16);
  writeRtpHeader(bytes, { payloadType: 101, marker, sequence: 1, timestamp: timestamp >>> 0, ssrc });
  bytes.set([event, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 0xff], 12);
  return bytes;
}

/** A key held for so many packets of 20 ms, its end sent three times (RFC 4733 §2.5.1.4). */
function keyed(event: number, timestamp: number, packets = 5): EventPacket[] {
  const updates = Array.from({ length: packets }, (_, index) => ({
    event,
    timestamp,
    duration: 160 * (index + 1),
    marker: index === 0,
  }));
  const end = { event, timestamp, duration: 160 * (packets + 1), isEnd: true };
  return [...updates, end, end, end];
}

describe('TelephoneEvents', () => {
  let told: { digit: string; durationMs: number }[];
  let events: TelephoneEvents;
  let nowMs: number;

  beforeEach(() => {
    told = [];
    nowMs = 0;
    events = new TelephoneEvents((digit, durationMs) => told.push({ digit, durationMs }));
  });

  function receive(packets: readonly EventPacket[], clockRateHz = 8_000): void {
    for (const each of packets) {
      nowMs += 20;
      events.tick(nowMs);
      events.receive(packet(each), clockRateHz, nowMs);
    }
  }

  const digits = () => told.map(({ digit }) => digit).join('');

  it('tells each event once, with its duration, however often its end was sent', () => {
    receive([...keyed(1, 1_000), ...keyed(11, 9_000), ...keyed(12, 17_000, 9)]);
    assert.deepEqual(told, [
      { digit: '1', durationMs: 120 },
      { digit: '#', durationMs: 120 },
      { digit: 'A', durationMs: 200 },
    ]);
    assert.equal(events.count, 3);
  });

  it('tells the same key twice when it was pressed twice', () => {
    receive([...keyed(5, 1_000), ...keyed(5, 3_000)]);
    assert.equal(digits(), '55');
  });

  it('tells an event whose end packets are all lost when the next one begins, or soon after its last packet', () => {
    receive([...keyed(1, 1_000).slice(0, 5), ...keyed(2, 9_000).slice(0, 5)]);
    assert.deepEqual(told, [{ digit: '1', durationMs: 100 }]);
    events.tick(nowMs + 200);
    assert.equal(digits(), '1');
    events.tick(nowMs + 250);
    assert.deepEqual(told[1], { digit: '2', durationMs: 100 });
    events.tick(nowMs + 10_000);
    assert.equal(digits(), '12');
  });

  it('tells an event of which the end packets alone came', () => {
    receive(keyed(9, 1_000).slice(-2));
    assert.deepEqual(told, [{ digit: '9', durationMs: 120 }]);
  });

  it('does not take packets that come late, after the end or after the next event began, for another event', () => {
    const [first, second] = [keyed(1, 1_000), keyed(2, 9_000)];
    receive([...first.slice(0, 6), ...first.slice(1, 3), ...second.slice(0, 2), ...first.slice(5), ...second.slice(2)]);
    assert.equal(digits(), '12');
  });

  it('adds up the segments of a key that is held longer than a segment', () => {
    const segment = 0xffff;
    receive([
      { event: 3, timestamp: 1_000, duration: 160, marker: true },
      { event: 3, timestamp: 1_000, duration: segment },
      { event: 3, timestamp: 1_000 + segment, duration: 160 },
      { event: 3, timestamp: 1_000 + segment, duration: 8_000, isEnd: true },
    ]);
    assert.deepEqual(told, [{ digit: '3', durationMs: Math.round((segment + 8_000) / 8) }]);
  });

  it('takes an event whose timestamp moves with every packet, as some gateways send it, for one', () => {
    const moving = Array.from({ length: 6 }, (_, index) => ({
      event: 4,
      timestamp: 1_000 + 160 * index,
      duration: 160 * (index + 1),
      marker: index === 0,
      isEnd: index === 5,
    }));
    const fromNothing = moving.map((each, index) => ({ ...each, event: 6, duration: 160 * index }));
    receive([...moving, { event: 4, timestamp: 1_960, duration: 960, isEnd: true }]);
    assert.deepEqual(told, [{ digit: '4', durationMs: 120 }]);
    receive(fromNothing.map((each) => ({ ...each, timestamp: each.timestamp + 8_000 })));
    assert.deepEqual(told[1], { digit: '6', durationMs: 100 });
    assert.equal(told.length, 2);
  });

  it('takes the same key, pressed again at once and longer, for another event though its first packets are lost', () => {
    receive([...keyed(8, 1_000, 1), ...keyed(8, 1_480, 2).slice(1)]);
    assert.equal(digits(), '88');
  });

  it('goes on over the wrap of the timestamp, with another SSRC, and with a clock that begins anew', () => {
    receive([...keyed(1, 2 ** 32 - 400), ...keyed(2, 4_000)]);
    receive(keyed(3, 1).map((each) => ({ ...each, ssrc: 8 })));
    receive(keyed(4, 2_000_000_000).map((each) => ({ ...each, ssrc: 8 })));
    receive(keyed(5, 500).map((each) => ({ ...each, ssrc: 8 })));
    assert.equal(digits(), '12345');
  });

  it('measures by the clock rate of its codec', () => {
    receive(keyed(1, 1_000), 48_000);
    assert.deepEqual(told, [{ digit: '1', durationMs: 20 }]);
  });

  it('tells no event that is no digit, and nothing of a packet that is cut short', () => {
    receive(keyed(16, 1_000));
    receive(keyed(200, 9_000));
    events.receive(packet({ event: 1, timestamp: 20_000, duration: 160, isEnd: true }).subarray(0, 15), 8_000, nowMs);
    assert.deepEqual(told, []);
  });

  it('tells the event under way when the stream is over', () => {
    receive(keyed(7, 1_000).slice(0, 2));
    events.end();
    events.end();
    assert.equal(digits(), '7');
  });

  it('tells every digit once and in order, whatever is lost, repeated or late, as long as one packet of each comes', () => {
    const key = fc.record({
      event: fc.nat(15),
      packets: fc.integer({ min: 1, max: 12 }),
      gap: fc.integer({ min: 1, max: 9 }),
    });
    const chances = fc.array(fc.nat(99), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(key, { maxLength: 12 }), chances, fc.nat(0xffff_ffff), (keys, chance, start) => {
        told.length = 0;
        events = new TelephoneEvents((digit, durationMs) => told.push({ digit, durationMs }));
        let timestamp = start;
        let at = 0;
        for (const { event, packets, gap } of keys) {
          const whole = keyed(event, timestamp, packets);
          const kept = whole.filter(() => (chance[at++ % chance.length] ?? 0) < 60);
          const arrived = kept.length === 0 ? whole.slice(-1) : kept;
          // Neighbours change places, and some packets come twice.
          for (let index = 0; index + 1 < arrived.length; index += 2) {
            if ((chance[at++ % chance.length] ?? 0) < 40)
              arrived.splice(index, 2, ...arrived.slice(index, index + 2).reverse());
          }
          receive(arrived.flatMap((each) => ((chance[at++ % chance.length] ?? 0) < 20 ? [each, each] : [each])));
          timestamp += 160 * (packets + 1 + gap);
        }
        events.end();
        assert.equal(digits(), keys.map(({ event }) => '0123456789*#ABCD'[event]).join(''));
      }),
    );
  });
});
