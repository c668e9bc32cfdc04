// What a relayed call does to its streams: over sockets in memory, packet for packet.
import assert from 'node:assert/strict';
import type { MediaCodec } from '../../call/ports.js';
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { EVENTS, PCMA, PCMU, rtcpPacket, rtpPacket } from './relay-test-kit.js';
import { RelayedCall } from './relayed-call-kit.js';

const OPUS: MediaCodec = { payloadType: 96, name: 'opus', clockRateHz: 48_000, channels: 2 };
const CN: MediaCodec = { payloadType: 13, name: 'CN', clockRateHz: 8_000 };
const SAVP = { protocol: 'RTP/SAVP', attributes: ['crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x'] } as const;

/** A packet of a key that is held: event, end and duration in its payload (RFC 4733). */
function eventPacket(sequence: number, event: number, duration: number, isEnd: boolean, payloadType = 101): Buffer {
  const payload = Uint8Array.of(event, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 0xff);
  return rtpPacket({ sequence, timestamp: 4_000, payloadType }, payload);
}

const payloadTypeOf = (packet: Buffer | null) => (packet?.[1] ?? 0) & 0x7f;

describe('a relayed call', () => {
  let call: RelayedCall;

  beforeEach(() => {
    call = new RelayedCall();
  });

  it('gives packets the payload type that the other side has for their codec, keeping the marker', () => {
    call.remote('caller', { codecs: [OPUS, EVENTS] });
    call.remote('callee', {
      codecs: [
        { ...OPUS, payloadType: 111 },
        { ...EVENTS, payloadType: 97 },
      ],
    });
    const packet = rtpPacket({ sequence: 1, payloadType: 96 });
    packet[1] = 0x80 | 96;
    const sent = call.rtp('caller', packet);
    assert.equal(sent?.[1], 0x80 | 111);
    assert.equal(payloadTypeOf(call.rtp('caller', rtpPacket({ sequence: 2, payloadType: 101 }))), 97);
    assert.equal(payloadTypeOf(call.rtp('callee', rtpPacket({ sequence: 1, payloadType: 111 }))), 96);
    assert.equal(call.rtp('callee', rtpPacket({ sequence: 2, payloadType: 96 })), null);
    assert.equal(call.report().callee.dropped['payload-type'], 1);
  });

  it('sends by the numbers of the side that receives, where it numbers both ways differently', () => {
    call.remote('callee', { codecs: [PCMA], sentCodecs: [{ ...PCMA, payloadType: 97 }] });
    assert.equal(payloadTypeOf(call.rtp('caller', rtpPacket({ sequence: 1 }))), 97);
    assert.equal(payloadTypeOf(call.rtp('callee', rtpPacket({ sequence: 1 }))), 8);
  });

  it('transcodes between A-law and µ-law, both ways, and forks what came', () => {
    call.fork();
    call.remote('caller', { codecs: [PCMA] });
    call.remote('callee', { codecs: [PCMU] });
    const aLaw = Uint8Array.from({ length: 160 }, (_, at) => at);
    const original = rtpPacket({ sequence: 1 }, aLaw);
    const sent = call.rtp('caller', original) ?? assert.fail();
    assert.equal(payloadTypeOf(sent), 0);
    assert.deepEqual(sent.subarray(2, 12), original.subarray(2, 12));
    for (const [at, octet] of sent.subarray(12).entries()) {
      const [was, is] = [A_LAW_TO_LINEAR[aLaw[at] ?? 0] ?? 0, MU_LAW_TO_LINEAR[octet] ?? 0];
      // Within half a step of either law.
      assert.ok(Math.abs(was - is) <= Math.max(8, Math.abs(was) / 31), `${was} became ${is}`);
    }
    const answer = rtpPacket({ sequence: 1, payloadType: 0 }, new Uint8Array(160).fill(0xff));
    assert.deepEqual([...new Set(call.rtp('callee', answer)?.subarray(12))], [0xd5]);
    assert.deepEqual(
      call.forked.map(({ side, bytes }) => ({ side, bytes })),
      [
        { side: 'caller', bytes: original },
        { side: 'callee', bytes: answer },
      ],
    );
    assert.deepEqual([call.report().caller.transcoded, call.report().callee.transcoded], [1, 1]);
  });

  it('transcodes the payload alone: CSRCs, an extension and padding stay', () => {
    call.remote('callee', { codecs: [PCMU] });
    const head = [0xb1, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 5, 0xbe, 0xde, 0, 1, 1, 2, 3, 4];
    const sent = call.rtp('caller', Buffer.from([...head, 0xd5, 0xd5, 0, 0, 0, 4])) ?? assert.fail();
    assert.deepEqual([...sent.subarray(2, head.length)], head.slice(2));
    assert.deepEqual([...sent.subarray(head.length)], [0xfe, 0xfe, 0, 0, 0, 4]);
  });

  it('drops what the other side does not have, and leaves no hole in the sequence there', () => {
    call.fork();
    call.remote('caller', { codecs: [PCMA, OPUS] });
    const sequences = [1, 2, 3, 4, 5].map((sequence) => {
      const payloadType = sequence === 3 ? 96 : 8;
      return call.rtp('caller', rtpPacket({ sequence, payloadType }))?.readUInt16BE(2) ?? null;
    });
    assert.deepEqual(sequences, [1, 2, null, 3, 4]);
    assert.equal(call.report().caller.dropped['payload-type'], 1);
    assert.equal(call.forked.length, 5);
  });

  it('is one stream to the caller through failover to another gateway, and a re-INVITE that moves the callee', () => {
    const heard = [...call.talk('callee', { sequence: 65_530, ssrc: 1, timestamp: 2 ** 32 - 480 }, 10)];
    call.session.clearRemote('callee');
    call.advance(3_000);
    call.remote('callee', { codecs: [{ ...PCMA, payloadType: 97 }, EVENTS] });
    heard.push(
      ...Array.from({ length: 5 }, (_, index) => {
        call.advance(20);
        return call.rtp('callee', rtpPacket({ sequence: 9_000 + index, ssrc: 2, payloadType: 97 })) ?? assert.fail();
      }),
    );
    call.remote('callee', { codecs: [PCMU] });
    heard.push(
      ...Array.from({ length: 5 }, (_, index) => {
        call.advance(20);
        return call.rtp('callee', rtpPacket({ sequence: index, ssrc: 3, payloadType: 0 })) ?? assert.fail();
      }),
    );
    assert.equal(heard.length, 20);
    for (const [at, packet] of heard.entries()) {
      const before = heard[at - 1];
      assert.equal(payloadTypeOf(packet), 8);
      assert.equal(packet.readUInt32BE(8), 1);
      if (before === undefined) continue;
      assert.equal((packet.readUInt16BE(2) - before.readUInt16BE(2)) & 0xffff, 1);
      const ticks = (packet.readUInt32BE(4) - before.readUInt32BE(4)) >>> 0;
      assert.equal(ticks, at === 10 ? 3_020 * 8 : 160);
    }
    assert.deepEqual(
      heard.flatMap((packet, at) => (((packet[1] ?? 0) & 0x80) !== 0 ? [at] : [])),
      [10, 15],
    );
    assert.equal(call.report().callee.lost, 0);
  });

  it('lets the caller see each source by itself where continuity is not set', () => {
    call = new RelayedCall({ continuity: false });
    const packets = [rtpPacket({ sequence: 5, ssrc: 1 }), rtpPacket({ sequence: 40_000, ssrc: 2 })];
    for (const packet of packets) assert.deepEqual(call.rtp('callee', packet), packet);
  });

  it('tells digits of either side once, and counts them; which ones only where the settings keep them', () => {
    for (const keepDigits of [false, true]) {
      call = new RelayedCall({ keepDigits });
      for (const side of ['caller', 'callee'] as const) {
        for (const [index, isEnd] of [false, false, true, true, true].entries()) {
          const packet = eventPacket(index, side === 'caller' ? 7 : 11, 160 * (index + 1), isEnd);
          assert.deepEqual(call.rtp(side, packet), packet);
        }
      }
      assert.deepEqual(call.events, [
        { type: 'dtmf', side: 'caller', event: '7', durationMs: 60, by: 'rfc4733' },
        { type: 'dtmf', side: 'callee', event: '#', durationMs: 60, by: 'rfc4733' },
      ]);
      const { caller, callee } = call.report();
      assert.deepEqual([caller.dtmfEvents, callee.dtmfEvents], [1, 1]);
      assert.deepEqual([caller.dtmfDigits, callee.dtmfDigits], keepDigits ? ['7', '#'] : [null, null]);
    }
  });

  it('keeps no more digits than a hand keys in', () => {
    call = new RelayedCall({ keepDigits: true });
    for (let index = 0; index < 300; index += 1) {
      const end = eventPacket(index, index % 10, 160, true);
      end.writeUInt32BE(index * 800, 4);
      call.rtp('caller', end);
    }
    const { dtmfEvents, dtmfDigits } = call.report().caller;
    assert.deepEqual([dtmfEvents, dtmfDigits?.length, dtmfDigits?.slice(0, 4)], [300, 256, '0123']);
  });

  it('tells a digit whose end is lost after a moment, or when the call ends', () => {
    call.rtp('caller', eventPacket(1, 4, 160, false));
    call.advance(400);
    assert.equal(call.events.length, 1);
    call.rtp('callee', eventPacket(1, 5, 160, false));
    call.session.end();
    assert.equal(call.events.length, 2);
  });

  it('tells one-way media, none at all, and media that comes back', () => {
    call.session.watchSilence(5_000);
    for (let sequence = 0; sequence < 300; sequence += 1) call.talk('caller', { sequence }, 1);
    assert.deepEqual(call.events, [{ type: 'silent', side: 'callee', silentMs: 5_000 }]);
    call.advance(6_000);
    assert.equal(call.events[1]?.type === 'silent' && call.events[1].side, 'caller');
    call.talk('callee', { sequence: 1 }, 1);
    call.talk('caller', { sequence: 700 }, 1);
    assert.deepEqual(
      call.events.slice(2).map(({ type }) => type),
      ['heard', 'heard'],
    );
    const { caller, callee } = call.report();
    assert.deepEqual([caller.silentMs, callee.silentMs], [6_040, 12_020]);
  });

  it('does not mind that a side is silent which is on hold, gone, announced silence, or is not watched', () => {
    call.advance(20_000);
    call.session.watchSilence(5_000);
    call.remote('caller', { isSilent: true });
    call.session.clearRemote('callee');
    call.advance(20_000);
    assert.deepEqual(call.events, []);
    call.remote('caller', { codecs: [PCMA, CN] });
    call.rtp('caller', rtpPacket({ sequence: 1, payloadType: 13 }, Uint8Array.of(60)));
    call.advance(20_000);
    assert.deepEqual(call.events, []);
    call.talk('caller', { sequence: 2 }, 1);
    call.advance(6_000);
    assert.equal(call.events.length, 1);
  });

  it('rates what it received: well without loss, worse with it, not at all where nobody knows how', () => {
    call.talk('caller', { sequence: 65_400 }, 400);
    for (let sequence = 0; sequence < 400; sequence += 1) {
      if (sequence % 20 === 3) call.clock.advance(20);
      else call.talk('callee', { sequence }, 1);
    }
    const { caller, callee } = call.report();
    assert.ok((caller.mos ?? 0) > 4.35 && (caller.mos ?? 0) <= 4.41, `${caller.mos}`);
    assert.equal(callee.lost, 20);
    assert.ok((callee.mos ?? 0) > 3.5 && (callee.mos ?? 0) < 4.1, `${callee.mos}`);
    call = new RelayedCall();
    call.remote('caller', { codecs: [OPUS] });
    call.rtp('caller', rtpPacket({ sequence: 1, payloadType: 96 }));
    assert.deepEqual([call.report().caller.mos, call.report().callee.mos], [null, null]);
  });

  it('rates what it received alike when a fax follows, and when the side is gone', () => {
    call.remote('caller', { ptimeMs: 200 });
    call.talk('caller', { sequence: 1 }, 50);
    const { mos } = call.report().caller;
    assert.ok(mos !== null && mos < 4.36, `${mos}`);
    call.remote('caller', { codecs: [], isUdptl: true, isSilent: true });
    assert.equal(call.report().caller.mos, mos);
    call.session.clearRemote('caller');
    assert.equal(call.report().caller.mos, mos);
  });

  it('rates AMR-WB by the mode of its frames, and not at all where that changes', () => {
    const wideband = { payloadType: 96, name: 'AMR-WB', clockRateHz: 16_000, fmtp: 'octet-align=1' };
    call.remote('caller', { codecs: [wideband] });
    const say = (sequence: number, mode: number) => {
      const payload = Buffer.from([0xf0, (mode << 3) | 0x04, ...Buffer.alloc(32)]);
      call.rtp('caller', rtpPacket({ sequence, timestamp: sequence * 320, payloadType: 96 }, payload));
      call.clock.advance(20);
    };
    for (let sequence = 0; sequence < 100; sequence += 1) say(sequence, 2);
    // 12.65 kbit/s: ITU-T G.113 (09/2024), table IV.3.
    assert.ok(Math.abs((call.report().caller.mos ?? 0) - 4.18) < 0.03, `${call.report().caller.mos}`);
    for (let sequence = 100; sequence < 120; sequence += 1) say(sequence, 0);
    assert.equal(call.report().caller.mos, null);
  });

  it('reads each AMR-WB packet by the format of its payload type', () => {
    const aligned = { payloadType: 96, name: 'AMR-WB', clockRateHz: 16_000, fmtp: 'octet-align=1' };
    const efficient = { payloadType: 97, name: 'AMR-WB', clockRateHz: 16_000 };
    const payloads = {
      96: Buffer.from([0xf0, 0x14, ...Buffer.alloc(32)]),
      97: Buffer.from([0xf1, 0x40, ...Buffer.alloc(32)]),
    };
    const say = (sequence: number, payloadType: 96 | 97) => {
      call.rtp('caller', rtpPacket({ sequence, timestamp: sequence * 320, payloadType }, payloads[payloadType]));
      call.clock.advance(20);
    };
    const isOf1265 = () => Math.abs((call.report().caller.mos ?? 0) - 4.18) < 0.03;
    call.remote('caller', { codecs: [aligned, efficient] });
    for (let sequence = 0; sequence < 50; sequence += 1) say(sequence, 96);
    for (let sequence = 50; sequence < 100; sequence += 1) say(sequence, 97);
    assert.ok(isOf1265(), `${call.report().caller.mos}`);
    // The same number for another format, agreed on later.
    call.remote('caller', { codecs: [Object.assign({}, aligned, { payloadType: 97 })] });
    for (let sequence = 100; sequence < 150; sequence += 1) {
      call.rtp('caller', rtpPacket({ sequence, timestamp: sequence * 320, payloadType: 97 }, payloads[96]));
      call.clock.advance(20);
    }
    assert.ok(isOf1265(), `${call.report().caller.mos}`);
  });

  it('rates loss in bursts lower than the same loss spread', () => {
    const scoreOf = (isLost: (sequence: number) => boolean): number => {
      call = new RelayedCall();
      for (let sequence = 0; sequence < 1_000; sequence += 1) {
        if (isLost(sequence)) call.clock.advance(20);
        else call.talk('caller', { sequence }, 1);
      }
      assert.equal(call.report().caller.lost, 50);
      return call.report().caller.mos ?? assert.fail();
    };
    const spread = scoreOf((sequence) => sequence % 20 === 10);
    const bursts = scoreOf((sequence) => sequence % 100 >= 50 && sequence % 100 < 55);
    assert.ok(bursts < spread - 0.1, `${bursts} ${spread}`);
  });

  it('measures a codec by its own clock', () => {
    call.remote('caller', { codecs: [PCMA, OPUS] });
    call.remote('callee', { codecs: [PCMA, OPUS] });
    call.talk('caller', { sequence: 1 }, 50);
    for (let index = 0; index < 200; index += 1) {
      call.advance(20);
      call.rtp('caller', rtpPacket({ sequence: 51 + index, timestamp: 8_160 + index * 960, payloadType: 96 }));
    }
    assert.ok(call.report().caller.jitterMs < 1, `${call.report().caller.jitterMs}`);
  });

  it('passes SRTP that two ends agreed on unread and unchanged, with its handshake and its RTCP', () => {
    call.fork();
    call.remote('caller', { transport: SAVP });
    call.remote('callee', { transport: SAVP });
    const handshake = Buffer.from([22, 0xfe, 0xfd, 1, 2, 3]);
    assert.deepEqual(call.rtp('caller', handshake), handshake);
    const packets = [rtpPacket({ sequence: 1, ssrc: 1 }), rtpPacket({ sequence: 30_000, ssrc: 2, payloadType: 101 })];
    for (const packet of packets) assert.deepEqual(call.rtp('caller', packet), packet);
    const control = Buffer.concat([rtcpPacket(1), Buffer.from([0x80, 0, 0, 1, 9, 9, 9, 9, 9, 9])]);
    assert.deepEqual(call.rtcp('caller', control), control);
    call.advance(60_000);
    assert.deepEqual([call.forked, call.events, call.takeControl('caller')], [[], [], []]);
    assert.equal(call.report().caller.packets, 2);
    call.remote('caller');
    call.remote('callee');
    assert.equal(call.rtp('caller', handshake), null);
  });
});
