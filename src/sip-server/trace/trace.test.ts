import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.js';
import { captured, PBX } from '../testing/captured.js';
import type { Flow } from '../transport/flow.js';
import { MessageTap } from './message-tap.js';
import { Trace } from './trace.js';

describe('Trace', () => {
  it('keeps the last messages in order, and says how many it forgot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat({ max: 40 }), (maxMessages, sent) => {
        const trace = new Trace('1', { match: { kind: 'all' }, maxMessages }, 0);
        for (let count = 0; count < sent; count++) trace.add(captured(true, PBX, String(count)));
        const kept = Math.min(sent, maxMessages);
        assert.deepEqual(
          trace.messages().map(({ bytes }) => Number(bytes.toString())),
          Array.from({ length: kept }, (_, index) => sent - kept + index),
        );
        assert.equal(trace.forgotten, sent - kept);
      }),
    );
  });

  it('is bounded in bytes, too', () => {
    const trace = new Trace('1', { match: { kind: 'all' }, maxMessages: 10_000 }, 0);
    const large = Buffer.alloc(60_000);
    for (let count = 0; count < 400; count++) trace.add(captured(true, PBX, large));
    const { messages, bytes, forgotten } = trace.state(0);
    assert.ok(bytes <= 16 * 1024 * 1024);
    assert.equal(messages + forgotten, 400);
    assert.equal(trace.messages().length, messages);
  });
});

describe('MessageTap', () => {
  const flow: Flow = {
    listener: {
      protocol: 'udp',
      address: '0.0.0.0',
      port: 5060,
      network: '',
      advertise: '10.0.0.1',
      family: 4,
      sentBy: '10.0.0.1',
      contactUri: 'sip:10.0.0.1:5060',
      send: () => undefined,
    },
    address: '10.0.0.5',
    port: 5070,
    connection: null,
  };
  const message = Buffer.from('OPTIONS sip:x SIP/2.0\r\nCall-ID: one\r\n\r\n');

  it('is off until a trace runs or a mirror is set, and after the last of them has ended', () => {
    const tap = new MessageTap(new ManualClock());
    assert.equal(tap.isOn, false);
    const started = tap.start({ match: { kind: 'all' } });
    assert.ok(started.ok);
    assert.equal(tap.isOn, true);
    tap.setMirror({ send: () => undefined });
    tap.stop(started.id);
    assert.equal(tap.isOn, true);
    tap.setMirror(null);
    assert.equal(tap.isOn, false);
    assert.equal(tap.stop('99'), false);
  });

  it('ends a trace when its time is up, and keeps what it has', () => {
    const clock = new ManualClock();
    const tap = new MessageTap(clock);
    tap.start({ match: { kind: 'all' }, forSeconds: 10 });
    tap.see(true, message, flow);
    clock.advance(10_000);
    tap.see(true, message, flow);
    assert.equal(tap.isOn, false);
    assert.deepEqual(
      tap.states().map(({ isRunning, messages }) => [isRunning, messages]),
      [[false, 1]],
    );
  });

  it('keeps eight traces: an ended one makes room, running ones do not', () => {
    const tap = new MessageTap(new ManualClock());
    for (let count = 0; count < 8; count++) assert.ok(tap.start({ match: { kind: 'all' } }).ok);
    assert.deepEqual(tap.start({ match: { kind: 'all' } }), { ok: false, reason: 'too-many-traces' });
    tap.stop('3');
    assert.ok(tap.start({ match: { kind: 'all' } }).ok);
    assert.deepEqual(
      tap.states().map(({ id }) => id),
      ['1', '2', '4', '5', '6', '7', '8', '9'],
    );
  });

  it('shares a message among traces, copies its bytes, and names what a wildcard listener advertises', () => {
    const clock = new ManualClock();
    const tap = new MessageTap(clock);
    tap.start({ match: { kind: 'all' } });
    tap.start({ match: { kind: 'call-id', callId: 'one' } });
    tap.start({ match: { kind: 'call-id', callId: 'two' } });
    const bytes = Buffer.from(message);
    tap.see(true, bytes, flow);
    bytes.fill(0);
    const [all, one, two] = ['1', '2', '3'].map((id) => tap.find(id)?.messages() ?? []);
    assert.equal(all?.[0], one?.[0]);
    assert.equal(two?.length, 0);
    assert.deepEqual(all?.[0]?.bytes, message);
    assert.deepEqual(all?.[0]?.local, { address: '10.0.0.1', port: 5060 });
    assert.deepEqual(all?.[0]?.source, { address: '10.0.0.5', port: 5070 });
    assert.equal(all?.[0]?.wallMs, clock.wallMs());
  });

  it('follows the wall clock when it is set, and is finer than it between', () => {
    const clock = new ManualClock(1_000_000);
    const tap = new MessageTap(clock);
    tap.start({ match: { kind: 'all' } });
    for (const step of [0, 0.25, 0.25]) {
      clock.advance(step);
      tap.see(false, message, flow);
    }
    clock.jumpWallTo(5_000_000);
    tap.see(false, message, flow);
    assert.deepEqual(
      tap
        .find('1')
        ?.messages()
        .map(({ wallMs }) => wallMs),
      [1_000_000, 1_000_000.25, 1_000_000.5, 5_000_000],
    );
  });
});
