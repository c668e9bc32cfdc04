import assert from 'node:assert/strict';
import type { MediaCodec, MediaRemote } from '../../call/ports.js';
import { codecsBetween, describeFax, describeNobody, describeRemote, readLocal } from './side-description.js';

const PCMA: MediaCodec = { payloadType: 8, name: 'PCMA', clockRateHz: 8_000 };
const OPUS: MediaCodec = { payloadType: 111, name: 'opus', clockRateHz: 48_000, channels: 2, fmtp: 'useinbandfec=1' };
const EVENTS: MediaCodec = { payloadType: 101, name: 'telephone-event', clockRateHz: 8_000 };

function remote(changes: Partial<MediaRemote> = {}): MediaRemote {
  return {
    ...{ address: '198.51.100.7', rtpPort: 4_000, rtcpPort: 4_001, signallingAddress: '198.51.100.7' },
    ...{ nat: 'auto', sources: [], codecs: [PCMA, EVENTS], sends: true },
    ...changes,
  };
}

function linesOf(text: string): string[] {
  return text.split('\r\n');
}

describe('what rtpengine is told of a side', () => {
  it('is a description as the side could have written it', () => {
    const { sdp } = describeRemote(remote({ codecs: [OPUS, EVENTS], ptimeMs: 20 }), null);
    assert.deepEqual(linesOf(sdp), [
      ...[
        'v=0',
        'o=- 1 1 IN IP4 198.51.100.7',
        's=-',
        'c=IN IP4 198.51.100.7',
        't=0 0',
        'm=audio 4000 RTP/AVP 111 101',
      ],
      ...['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 useinbandfec=1', 'a=rtpmap:101 telephone-event/8000', 'a=ptime:20'],
      ...['a=rtcp:4001 IN IP4 198.51.100.7', 'a=sendrecv', ''],
    ]);
  });

  it('is nobody before it is known, and after it was forgotten', () => {
    assert.ok(linesOf(describeNobody(false, null).sdp).includes('m=audio 1 RTP/AVP 8'));
    assert.ok(linesOf(describeNobody(false, null).sdp).includes('c=IN IP4 0.0.0.0'));
    assert.ok(linesOf(describeNobody(true, null).sdp).includes('c=IN IP6 ::'));
    assert.equal(describeNobody(false, null).learning, 'off');
  });

  it('is an image in a fax, whose packets pass unread', () => {
    const { sdp, protocol, learning } = describeFax(remote({ codecs: [], isUdptl: true }), false);
    assert.ok(linesOf(sdp).includes('m=image 4000 udptl t38') && linesOf(sdp).includes('c=IN IP4 198.51.100.7'));
    assert.deepEqual([protocol, learning], ['udptl', 'off']);
    assert.ok(linesOf(describeFax(null, true).sdp).includes('m=image 1 udptl t38'));
    assert.ok(linesOf(describeFax(null, true).sdp).includes('c=IN IP6 ::'));
    const ours = 'v=0\r\nc=IN IP4 192.0.2.9\r\nm=image 30000 udptl t38\r\na=sendrecv\r\n';
    assert.deepEqual(readLocal(ours), { address: '192.0.2.9', rtpPort: 30_000, rtcpPort: 30_001 });
  });

  it('has an address of zeros while the side is on hold, and that of its RTCP', () => {
    const lines = linesOf(describeRemote(remote({ sends: false }), null).sdp);
    assert.ok(lines.includes('c=IN IP4 0.0.0.0') && lines.includes('m=audio 4000 RTP/AVP 8 101'));
    assert.ok(lines.includes('a=rtcp:4001 IN IP4 198.51.100.7'));
  });

  it('keeps the address of a protected side on hold, whose keys a new one would reset', () => {
    const transport = { protocol: 'RTP/SAVP', attributes: ['crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k'] } as const;
    const { sdp, protocol } = describeRemote(remote({ sends: false }), transport);
    assert.ok(linesOf(sdp).includes('c=IN IP4 198.51.100.7'));
    assert.ok(linesOf(sdp).includes('a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k'));
    assert.equal(protocol, 'RTP/SAVP');
  });

  it('lets it learn only where another address may be the right one', () => {
    const learning = (changes: Partial<MediaRemote>) => describeRemote(remote(changes), null).learning;
    assert.equal(learning({}), 'off');
    assert.equal(learning({ signallingAddress: '198.51.100.8' }), 'heuristic');
    assert.equal(learning({ address: '10.0.0.7', signallingAddress: '10.0.0.7' }), 'heuristic');
    assert.equal(learning({ address: '10.0.0.7', nat: 'off' }), 'off');
    assert.equal(learning({ nat: 'off', sources: ['203.0.113.0/24'] }), 'heuristic');
  });

  it('begins no line of its own with what a peer wrote', () => {
    const codecs = [{ ...PCMA, fmtp: 'x\r\nm=audio 9 RTP/AVP 0' }];
    assert.ok(linesOf(describeRemote(remote({ codecs }), null).sdp).includes('a=fmtp:8 x'));
    assert.equal(describeRemote(remote({ codecs }), null).sdp.match(/^m=/gm)?.length, 1);
  });

  it('transcodes what only one side has, events aside', () => {
    assert.equal(codecsBetween([PCMA, EVENTS], [PCMA]), undefined);
    assert.deepEqual(codecsBetween([OPUS, EVENTS], [PCMA, EVENTS]), {
      consume: ['opus/48000/2'],
      transcode: ['PCMA/8000'],
    });
    assert.deepEqual(codecsBetween([OPUS, PCMA], [PCMA]), { consume: ['opus/48000/2'], transcode: [] });
  });
});

describe('what rtpengine answers', () => {
  it('is read for the address, the ports and the transport', () => {
    const plain = 'v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 30000 RTP/AVP 8\r\na=rtcp:30001\r\n';
    assert.deepEqual(readLocal(plain), { address: '10.0.0.9', rtpPort: 30_000, rtcpPort: 30_001 });
    const shared = plain.replace('rtcp:30001', 'rtcp:30000\r\na=rtcp-mux');
    assert.deepEqual(readLocal(shared), { address: '10.0.0.9', rtpPort: 30_000, rtcpPort: 30_000 });
    const sealed = `${plain.replace('RTP/AVP', 'RTP/SAVP')}a=crypto:1 S inline:k\r\na=sendrecv\r\n`;
    assert.deepEqual(readLocal(sealed)?.transport, { protocol: 'RTP/SAVP', attributes: ['crypto:1 S inline:k'] });
  });

  for (const text of [
    '',
    'v=0',
    'c=IN IP4 10.0.0.9\r\nm=audio 0 RTP/AVP 8',
    'm=audio 30000 RTP/AVP 8',
    'c=IN IP4 x\r\nm=audio 5 RTP/AVP 8',
  ]) {
    it(`is no address in ${JSON.stringify(text)}`, () => assert.equal(readLocal(text), null));
  }
});
