// What is played into a leg, as the leg and the fork get it, in memory and in the test's own time.
import assert from 'node:assert/strict';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { Side } from '../../call/reports.js';
import { A_LAW_TO_LINEAR, linearToALaw } from '../../rtp/g711.js';
import { readTapBatch, type TapMessage } from '../../rtp/tap-batch.js';
import { windowsWithTone } from '../../rtp/tone-test-kit.js';
import type { StartPlay } from '../player/session-plays.js';
import { CN, MemoryCall, PEERS, SESSION } from './memory-call.js';
import type { SentPacket } from './memory-sockets.js';
import { DEFAULT_STREAMS, type StreamSettings } from './relay-messages.js';
import { PCMA, PCMU, rtpPacket } from './relay-test-kit.js';

const BEEP = { kind: 'tone', frequenciesHz: [1_400], cadenceMs: [100] } as const;

class Scene extends MemoryCall {
  #sequence = 100;

  play(side: Side, more: Partial<StartPlay> = {}): void {
    this.core.play(SESSION, { side, playId: 'p1', source: BEEP, loop: false, mode: 'replace', ...more });
  }

  /** A side sends a packet of 20 ms; its sequence numbers and timestamps go on. */
  say(side: Side, payload: Uint8Array | number = 0xd5, payloadType = 8): void {
    this.#sequence += 1;
    const octets = typeof payload === 'number' ? new Uint8Array(160).fill(payload) : payload;
    const packet = rtpPacket({ sequence: this.#sequence, payloadType, ssrc: side === 'caller' ? 7 : 9 }, octets);
    this.send(PEERS[side].sdp, side, 'rtp', packet);
  }
}

function sequences(packets: readonly SentPacket[]): number[] {
  return packets.map(({ bytes }) => bytes.readUInt16BE(2));
}

/** Steps from each packet to the next. */
function steps(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] ?? 0));
}

function linear(packets: readonly SentPacket[]): Int16Array {
  return Int16Array.from(
    packets.flatMap(({ bytes }) => [...bytes.subarray(12)]),
    (octet) => A_LAW_TO_LINEAR[octet] ?? 0,
  );
}

describe('playing into a leg', () => {
  let scene: Scene;

  function open(streams: Partial<StreamSettings> = {}): void {
    scene = new Scene(streams);
    scene.remote('caller');
    scene.remote('callee');
  }
  afterEach(() => scene.core.shutdown());

  it('reaches that leg alone, before the other side has said anything, as one stream', () => {
    open();
    scene.play('caller');
    scene.advance(200);
    const heard = scene.got('caller');
    assert.equal(scene.got('callee').length, 0);
    assert.deepEqual(
      windowsWithTone(linear(heard), 1_400).map((start) => start / 160),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(steps(sequences(heard)), [1, 1, 1, 1]);
    assert.deepEqual(steps(heard.map(({ bytes }) => bytes.readUInt32BE(4))), [160, 160, 160, 160]);
    assert.equal(new Set(heard.map(({ bytes }) => bytes.readUInt32BE(8))).size, 1);
    assert.deepEqual(
      heard.map(({ bytes }) => (bytes[1] ?? 0) >> 7),
      [1, 0, 0, 0, 0],
    );
    assert.deepEqual(scene.events, [{ type: 'played', playId: 'p1', end: 'finished' }]);
    assert.equal(scene.core.counters().playedPackets, 5);
  });

  it('goes on in the stream of the other side, and that goes on after it', () => {
    open();
    for (let packet = 0; packet < 3; packet += 1) {
      scene.say('callee');
      scene.advance(20);
    }
    scene.play('caller');
    for (let packet = 0; packet < 8; packet += 1) {
      scene.say('callee');
      scene.advance(20);
    }
    const heard = scene.got('caller');
    // The last sample of the beep is given out at 140 ms.
    assert.equal(heard.length, 3 + 5 + 4);
    assert.ok(
      steps(sequences(heard)).every((step) => step === 1),
      `${sequences(heard)}`,
    );
    assert.deepEqual(new Set(heard.map(({ bytes }) => bytes.readUInt32BE(8))), new Set([9]));
    const ticks = steps(heard.map(({ bytes }) => bytes.readUInt32BE(4)));
    assert.ok(
      ticks.every((step) => Math.abs(step - 160) <= 160),
      `${ticks}`,
    );
    assert.equal(scene.core.report(SESSION)?.callee.packets, 11);
    assert.equal(scene.core.report(SESSION)?.callee.dropped['no-destination'], 0);
  });

  it('has numbers of its own where streams are not made one', () => {
    open({ continuity: false });
    scene.say('callee');
    scene.play('caller');
    scene.advance(100);
    scene.say('callee');
    const ssrcs = scene.got('caller').map(({ bytes }) => bytes.readUInt32BE(8));
    assert.equal(ssrcs.length, 7);
    assert.deepEqual([ssrcs[0], ssrcs[6]], [9, 9]);
    assert.equal(new Set(ssrcs.slice(1, 6)).size, 1);
    assert.notEqual(ssrcs[1], 9);
  });

  it('is in the codec of the leg, also where the other side is transcoded', () => {
    open();
    scene.remote('caller', { codecs: [PCMU] });
    scene.say('callee', linearToALaw(3_000));
    scene.play('caller', { mode: 'mix', source: { kind: 'samples', samples: new Int16Array(160).fill(1_000) } });
    scene.say('callee', linearToALaw(3_000));
    scene.advance(20);
    scene.play('caller', { playId: 'p2' });
    const types = scene.got('caller').map(({ bytes }) => (bytes[1] ?? 0) & 0x7f);
    assert.deepEqual(types, [0, 0, 0]);
  });

  it('leaves the fork as it was: both directions as they were sent', () => {
    open();
    const { port1, port2 } = new MessageChannel();
    scene.core.connectTap(port1);
    scene.core.fork(SESSION, 'rec1');
    scene.play('caller', { mode: 'mix', loop: true });
    const said = linearToALaw(500);
    for (let packet = 0; packet < 5; packet += 1) {
      scene.say('callee', said);
      scene.advance(20);
    }
    assert.equal(scene.got('caller').length, 6);
    assert.ok(scene.got('caller').every(({ bytes }) => !bytes.subarray(12).every((octet) => octet === said)));
    scene.core.unfork(SESSION);
    const forked: number[] = [];
    for (let next = receiveMessageOnPort(port2); next !== undefined; next = receiveMessageOnPort(port2)) {
      const message = next.message as TapMessage;
      if (message.type !== 'packets') continue;
      readTapBatch(message.buffer, message.bytes, (_fork, isCallee, _arrivalMs, packet) => {
        assert.ok(isCallee);
        forked.push(...packet.subarray(12));
      });
    }
    port2.close();
    assert.deepEqual(forked, new Array(5 * 160).fill(said));
  });

  it('says that it failed for a leg that has no G.711, and for a tone that nobody could hear', () => {
    open();
    scene.remote('caller', { codecs: [{ payloadType: 18, name: 'G729', clockRateHz: 8_000 }] });
    scene.play('caller');
    scene.play('callee', { playId: 'p2', source: { kind: 'tone', frequenciesHz: [9_000] } });
    assert.deepEqual(scene.events, [
      { type: 'played', playId: 'p1', end: 'failed' },
      { type: 'played', playId: 'p2', end: 'failed' },
    ]);
  });

  it('says that it failed into SRTP that passes unread, and touches nothing of it', () => {
    open();
    const transport = { protocol: 'RTP/SAVP', attributes: [] } as const;
    scene.remote('caller', { transport });
    scene.remote('callee', { transport });
    scene.play('caller');
    assert.deepEqual(scene.events, [{ type: 'played', playId: 'p1', end: 'failed' }]);
  });

  it('stops when told to, and at the end of the call; nothing is told of what never was', () => {
    open();
    scene.play('caller', { loop: true });
    scene.play('callee', { playId: 'p2', loop: true });
    scene.advance(35);
    scene.core.stopPlaying(SESSION, 'p1');
    scene.core.stopPlaying(SESSION, 'nothing');
    scene.advance(100);
    assert.equal(scene.got('caller').length, 2);
    assert.equal(scene.got('callee').length, 7);
    scene.core.close(SESSION);
    scene.advance(100);
    assert.deepEqual(scene.events, [
      { type: 'played', playId: 'p1', end: 'stopped' },
      { type: 'played', playId: 'p2', end: 'stopped' },
    ]);
    assert.equal(scene.got('callee').length, 7);
    assert.equal(scene.clock.pendingTimers, 0);
  });

  it('sends nothing while the leg is on hold, and is heard in time after it', () => {
    open();
    scene.play('caller', { source: { kind: 'tone', frequenciesHz: [400] } });
    scene.remote('caller', { sends: false });
    scene.advance(1_000);
    assert.equal(scene.got('caller').length, 1);
    scene.remote('caller');
    scene.advance(20);
    assert.equal(scene.got('caller').length, 2);
  });

  it('lets digits of the other side through', () => {
    open();
    scene.play('caller', { loop: true });
    scene.say('callee', Uint8Array.of(5, 10, 0, 160), 101);
    assert.equal(scene.got('caller').filter(({ bytes }) => ((bytes[1] ?? 0) & 0x7f) === 101).length, 1);
  });

  describe('comfort noise', () => {
    it('passes to a leg that has CN', () => {
      open();
      scene.remote('caller', { codecs: [PCMA, { ...CN, payloadType: 96 }] });
      scene.remote('callee', { codecs: [PCMA, CN] });
      scene.say('callee', Uint8Array.of(60), 13);
      scene.advance(500);
      assert.deepEqual(
        scene.got('caller').map(({ bytes }) => [(bytes[1] ?? 0) & 0x7f, ...bytes.subarray(12)]),
        [[96, 60]],
      );
    });

    it('becomes noise of its level for a leg without CN, until the other side speaks', () => {
      open();
      scene.remote('callee', { codecs: [PCMA, CN] });
      scene.say('callee');
      scene.advance(20);
      scene.say('callee', Uint8Array.of(45), 13);
      scene.advance(990);
      const noise = linear(scene.got('caller').slice(1));
      assert.equal(noise.length, 50 * 160);
      const power = noise.reduce((sum, sample) => sum + sample ** 2, 0) / noise.length;
      assert.ok(Math.abs(-10 * Math.log10(power / 32_768 ** 2) - 45) < 1);
      scene.say('callee');
      scene.advance(300);
      const heard = scene.got('caller');
      assert.equal(heard.length, 1 + 50 + 1);
      assert.ok(steps(sequences(heard)).every((step) => step === 1));
      assert.equal(scene.core.report(SESSION)?.callee.dropped['payload-type'], 0);
    });

    it('is left out for a leg without CN by setting, and counted', () => {
      open({ comfortNoise: { ...DEFAULT_STREAMS.comfortNoise, received: 'drop' } });
      scene.remote('callee', { codecs: [PCMA, CN] });
      scene.say('callee', Uint8Array.of(45), 13);
      scene.advance(100);
      assert.equal(scene.got('caller').length, 0);
      assert.equal(scene.core.report(SESSION)?.callee.dropped['payload-type'], 1);
    });

    it('is sent by setting to a leg whose other side is silent: CN where it has that, else noise', () => {
      open({ comfortNoise: { received: 'noise', whenSilent: { noiseDbov: 60 }, afterMs: 200 } });
      scene.remote('callee', { codecs: [PCMA, CN] });
      scene.advance(219);
      assert.deepEqual(
        scene.got('callee').map(({ bytes }) => [(bytes[1] ?? 0) & 0x7f, ...bytes.subarray(12)]),
        [[13, 60]],
      );
      assert.equal(scene.got('caller').length, 1);
      scene.say('callee');
      scene.advance(199);
      assert.equal(scene.got('caller').length, 2);
      scene.advance(40);
      assert.equal(scene.got('caller').length, 4);
    });

    it('is silence by setting, and nothing while the other side is not known', () => {
      scene = new Scene({ comfortNoise: { received: 'noise', whenSilent: 'silence', afterMs: 200 } });
      scene.remote('caller');
      scene.advance(1_000);
      assert.equal(scene.got('caller').length, 0);
      scene.remote('callee');
      scene.advance(199);
      assert.equal(scene.got('caller').length, 0);
      scene.advance(1);
      assert.ok(
        scene
          .got('caller')[0]
          ?.bytes.subarray(12)
          .every((octet) => octet === linearToALaw(0)),
      );
      scene.core.clearRemote(SESSION, 'callee');
      const before = scene.got('caller').length;
      scene.advance(500);
      assert.equal(scene.got('caller').length, before);
    });
  });
});
