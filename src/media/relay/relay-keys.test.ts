// Keys that are played into a leg, as the leg gets them, in memory and in the test's own time.
import assert from 'node:assert/strict';
import { A_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { TelephoneEvents } from '../../rtp/telephone-events.js';
import { MemoryCall, PEERS, SESSION } from './memory-call.js';
import type { SentPacket } from './memory-sockets.js';
import { EVENTS, PCMA, rtpPacket } from './relay-test-kit.js';

class Scene extends MemoryCall {
  #sequence = 100;
  #keys = 0;

  press(digit: string, durationMs = 100): string {
    const playId = `key${++this.#keys}`;
    const source = { kind: 'digit', digit, durationMs } as const;
    this.core.play(SESSION, { side: 'callee', playId, source, loop: false, mode: 'replace' });
    return playId;
  }

  /** The caller speaks for so long. */
  talk(ms: number): void {
    for (let passed = 0; passed < ms; passed += 20) {
      this.#sequence += 1;
      this.send(PEERS.caller.sdp, 'caller', 'rtp', rtpPacket({ sequence: this.#sequence, ssrc: 7 }));
      this.advance(20);
    }
  }
}

const typeOf = ({ bytes }: SentPacket) => (bytes[1] ?? 0) & 0x7f;
const isEvent = (packet: SentPacket) => typeOf(packet) === EVENTS.payloadType;

/** Digits and their length as a receiver reads them. */
function keysOf(packets: readonly SentPacket[]): [string, number][] {
  const keys: [string, number][] = [];
  const events = new TelephoneEvents((digit, durationMs) => keys.push([digit, durationMs]));
  for (const packet of packets.filter(isEvent)) events.receive(packet.bytes, 8_000, 0);
  return keys;
}

describe('keys that are played into a leg', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
    scene.remote('caller');
    scene.remote('callee');
  });
  afterEach(() => scene.core.shutdown());

  it('are events with one timestamp, in the one stream, in place of what is said', () => {
    scene.talk(100);
    const playId = scene.press('5', 100);
    scene.talk(300);
    const heard = scene.got('callee');
    const events = heard.filter(isEvent);
    assert.deepEqual(keysOf(heard), [['5', 100]]);
    assert.equal(new Set(events.map(({ bytes }) => bytes.readUInt32BE(4))).size, 1);
    assert.deepEqual(
      events.map(({ bytes }) => (bytes[1] ?? 0) >> 7),
      [1, 0, 0, 0, 0, 0, 0],
      'the first has the marker',
    );
    assert.equal(events.filter(({ bytes }) => ((bytes[13] ?? 0) & 0x80) !== 0).length, 3, 'three end it');
    assert.equal(new Set(heard.map(({ bytes }) => bytes.readUInt32BE(8))).size, 1, 'one SSRC');
    const sequences = heard.map(({ bytes }) => bytes.readUInt16BE(2));
    assert.ok(sequences.every((sequence, at) => at === 0 || sequence === (sequences[at - 1] ?? 0) + 1));
    const from = heard.findIndex(isEvent);
    assert.equal(heard.slice(from, heard.findLastIndex(isEvent)).filter((packet) => !isEvent(packet)).length, 0);
    const times = heard.filter((packet) => !isEvent(packet)).map(({ bytes }) => bytes.readUInt32BE(4));
    assert.ok(
      times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0)),
      'time never goes back',
    );
    assert.deepEqual(scene.events, [{ type: 'played', playId, end: 'finished' }]);
    assert.equal(scene.report().caller.dtmfEvents, 0, 'the caller sent none');
  });

  it('follow one another with a pause, also when nobody speaks', () => {
    for (const digit of '12#') scene.press(digit, 60);
    scene.advance(1_000);
    assert.deepEqual(keysOf(scene.got('callee')), [
      ['1', 60],
      ['2', 60],
      ['#', 60],
    ]);
    assert.equal(scene.events.length, 3);
    scene.press('9', 60);
    scene.advance(300);
    assert.equal(keysOf(scene.got('callee')).length, 4);
  });

  it('are tones where the leg has no events', () => {
    scene.remote('callee', { codecs: [PCMA] });
    scene.press('5', 100);
    scene.advance(200);
    const heard = scene.got('callee');
    assert.deepEqual(heard.map(typeOf), [8, 8, 8, 8, 8]);
    const loudest = Math.max(
      ...heard.flatMap(({ bytes }) => [...bytes.subarray(12)].map((octet) => A_LAW_TO_LINEAR[octet] ?? 0)),
    );
    assert.ok(loudest > 5_000);
  });

  it('that are none, or too many, fail; what is left at the end is stopped', () => {
    scene.press('x');
    assert.deepEqual(scene.events, [{ type: 'played', playId: 'key1', end: 'failed' }]);
    for (let count = 0; count < 100; count += 1) scene.press('1', 5_000);
    assert.equal(scene.events.filter((event) => event.type === 'played' && event.end === 'failed').length, 36);
    scene.core.close(SESSION);
    assert.equal(scene.events.filter((event) => event.type === 'played' && event.end === 'stopped').length, 65);
  });
});
