import assert from 'node:assert/strict';
import { violationsOfChange, violationsOfOffer } from '../sdp/answer-check-kit.js';
import { codecPolicy, type MediaPolicy } from '../sdp/media-policy.js';
import type { CallMedia } from './call-media.js';
import { type RelayedMedia, readMedia, reinvite, relayed } from './call-media-kit.js';
import { gatewayTerms } from './call-test-kit.js';
import type { MediaCapabilities } from './ports.js';
import type { Side } from './reports.js';

const PASS = { ...codecPolicy(['PCMA']), t38: 'pass' } as const;

function sdp(...lines: string[]): string {
  return ['v=0', 'o=x 1 1 IN IP4 192.0.2.20', 's=-', 'c=IN IP4 192.0.2.20', 't=0 0', ...lines, ''].join('\r\n');
}

const AUDIO = sdp('m=audio 40000 RTP/AVP 8');
const FAX = sdp('m=audio 0 RTP/AVP 8', 'm=image 40002 udptl t38', 'a=T38MaxBitRate:14400');
const FAX_ANSWER = sdp('m=audio 0 RTP/AVP 8', 'm=image 41002 udptl t38', 'a=T38MaxBitRate:9600');
const AUDIO_ANSWER = sdp('m=audio 41000 RTP/AVP 8', 'm=image 0 udptl t38');

describe('a fax in a call', () => {
  let media: CallMedia;
  let remotes: RelayedMedia['remotes'];
  let asked: RelayedMedia['asked'];

  async function callWith(policy: MediaPolicy, { udptl = true, srtp = false } = {}, offerSdp = AUDIO): Promise<void> {
    ({ media, remotes, asked } = await relayed(readMedia(offerSdp, PASS, { srtp, udptl })));
    assert.ok(media.offerFor({ ...gatewayTerms('gw1'), media: policy }, 'gw1/1').ok);
    assert.ok(media.acceptAnswer(sdp('m=audio 41000 RTP/AVP 8')).ok);
  }

  const reinvited = (side: Side, offerSdp: string | null) => reinvite(media, side, offerSdp);
  const versionOf = (text: string | undefined) => Number(/^o=- \d+ (\d+) /m.exec(text ?? '')?.[1]);

  it('is answered only when the other side has accepted it, with what that side says', async () => {
    await callWith(PASS);
    const told = reinvited('callee', FAX);
    assert.deepEqual([told, asked.length], [{ accepted: [], refused: [] }, 1]);
    assert.equal(asked[0]?.side, 'caller');
    assert.match(asked[0]?.sdp ?? '', /m=image 20000 udptl t38\r\na=T38MaxBitRate:14400/);
    asked[0]?.answered({ status: 200, sdp: FAX_ANSWER });
    assert.match(told.accepted[0] ?? '', /m=audio 0 RTP\/AVP 8\r\nm=image 20002 udptl t38\r\na=T38MaxBitRate:9600/);
    assert.deepEqual([remotes.get('caller')?.rtpPort, remotes.get('callee')?.rtpPort], [41_002, 40_002]);
    assert.ok(remotes.get('caller')?.isUdptl && remotes.get('callee')?.isUdptl);
  });

  it('is refused by the policy of either side, by an engine that cannot pass it, and by the other side', async () => {
    await callWith(codecPolicy(['PCMA']));
    assert.deepEqual(reinvited('caller', FAX).refused, [488]);
    await callWith(PASS, { udptl: false });
    assert.deepEqual(reinvited('caller', FAX).refused, [488]);
    assert.equal(asked.length, 0);
    await callWith(PASS);
    const told = reinvited('caller', FAX);
    asked[0]?.answered({ status: 415, sdp: null });
    assert.deepEqual([told.refused, remotes.get('callee')?.isUdptl], [[488], undefined]);
    // The call is in audio still.
    assert.equal(reinvited('caller', AUDIO).accepted.length, 1);
  });

  it('is refused where the media engine ends the SRTP of the caller, whose fax would be in the clear', async () => {
    const secret = sdp('m=audio 40000 RTP/SAVP 8', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k');
    await callWith(PASS, { srtp: true }, secret);
    assert.deepEqual([reinvited('callee', FAX).refused, asked.length], [[488], 0]);
  });

  it('gives audio back to a side that has answered without the fax', async () => {
    await callWith(PASS);
    const told = reinvited('callee', FAX);
    asked[0]?.answered({ status: 200, sdp: sdp('m=audio 0 RTP/AVP 8', 'm=image 0 udptl t38') });
    assert.deepEqual(told.refused, [488]);
    assert.match(asked[1]?.sdp ?? '', /m=audio 20000 RTP\/AVP 8\r\n[\s\S]*m=image 0 udptl t38/);
    asked[1]?.answered({ status: 200, sdp: AUDIO_ANSWER });
    assert.equal(remotes.get('caller')?.rtpPort, 41_000);
  });

  it('gives back the codec of the call alone, whatever else the side was offered first', async () => {
    const policy = { ...codecPolicy(['PCMA', 'PCMU']), t38: 'pass' } as const;
    ({ media, asked } = await relayed(readMedia(sdp('m=audio 40000 RTP/AVP 8 0'), policy, { udptl: true })));
    assert.ok(media.offerFor({ ...gatewayTerms('gw1'), media: policy }, 'gw1/1').ok);
    assert.ok(media.acceptAnswer(sdp('m=audio 41000 RTP/AVP 0')).ok);
    assert.match(media.calleeSdp ?? '', /RTP\/AVP 8 0\r\n/);
    reinvited('caller', FAX);
    asked[0]?.answered({ status: 200, sdp: sdp('m=audio 0 RTP/AVP 0', 'm=image 0 udptl t38') });
    assert.match(asked[1]?.sdp ?? '', /m=audio 20002 RTP\/AVP 0\r\n/);
    asked[1]?.answered({ status: 200, sdp: sdp('m=audio 41000 RTP/AVP 0', 'm=image 0 udptl t38') });
    assert.deepEqual(media.codecsInUse, { codec: 'PCMU', calleeCodec: 'PCMU', transcoded: false });
  });

  it('has one re-INVITE under way at a time', async () => {
    await callWith(PASS);
    reinvited('callee', FAX);
    assert.deepEqual(reinvited('caller', FAX).refused, [491]);
    assert.deepEqual(reinvited('callee', AUDIO).refused, [491]);
  });

  it('is nobody’s to take over, from the moment in which it begins', async () => {
    await callWith(PASS);
    const taken = (side: Side, offerSdp: string) => media.answerSuccessor(side, offerSdp, '192.0.2.30');
    assert.deepEqual([taken('caller', FAX), asked.length], [null, 0], 'nor is one begun by a successor');
    assert.notEqual(media.offerForSuccessor('caller'), null);
    reinvited('callee', FAX);
    const isNobodys = () => {
      for (const side of ['caller', 'callee'] as const) {
        assert.deepEqual([media.offerForSuccessor(side), taken(side, AUDIO), taken(side, FAX)], [null, null, null]);
      }
    };
    isNobodys();
    asked[0]?.answered({ status: 200, sdp: FAX_ANSWER });
    isNobodys();
    assert.equal(asked.length, 1);
  });

  it('goes on for itself with a new address, and keeps its version when nothing changes', async () => {
    await callWith(PASS);
    const begun = reinvited('caller', FAX);
    asked[0]?.answered({ status: 200, sdp: FAX_ANSWER });
    assert.equal(reinvited('caller', FAX).accepted[0], begun.accepted[0]);
    assert.equal(reinvited('caller', null).accepted[0], begun.accepted[0]);
    reinvited('caller', FAX.replace('40002', '40009'));
    assert.deepEqual([remotes.get('caller')?.rtpPort, asked.length], [40_009, 1]);
  });

  it('ends with audio on both sides, or goes on when the other side does not want to', async () => {
    await callWith(PASS);
    const begun = reinvited('callee', FAX);
    asked[0]?.answered({ status: 200, sdp: FAX_ANSWER });
    const kept = reinvited('caller', AUDIO);
    asked[1]?.answered({ status: 500, sdp: null });
    assert.deepEqual([kept.refused, remotes.get('caller')?.isUdptl], [[488], true]);
    // Nobody is asked for audio that could not be answered.
    assert.deepEqual(reinvited('caller', AUDIO.replace('AVP 8', 'AVP 18')).refused, [488]);
    assert.equal(asked.length, 2);
    const ended = reinvited('caller', sdp('m=audio 40000 RTP/AVP 8', 'm=image 0 udptl t38'));
    assert.match(asked[2]?.sdp ?? '', /m=audio 20002 RTP\/AVP 8/);
    asked[2]?.answered({ status: 200, sdp: AUDIO_ANSWER });
    assert.match(ended.accepted[0] ?? '', /m=audio 20000 RTP\/AVP 8\r\n[\s\S]*m=image 0 udptl t38/);
    assert.deepEqual([remotes.get('caller')?.isUdptl, remotes.get('callee')?.isUdptl], [undefined, undefined]);
    // Of each side every description is one above the last that was sent.
    assert.deepEqual([versionOf(asked[0]?.sdp), versionOf(ended.accepted[0])], [2, 3]);
    assert.deepEqual([begun.accepted[0], asked[1]?.sdp, asked[2]?.sdp].map(versionOf), [2, 3, 4]);
  });
});

describe('a call that begins with a fax', () => {
  const ALONE = sdp('m=image 40002 udptl t38', 'a=T38MaxBitRate:14400');
  const ANSWER = sdp('m=image 41002 udptl t38', 'a=T38MaxBitRate:9600');
  const gateway = (policy: MediaPolicy) => ({ ...gatewayTerms('gw1'), media: policy });
  let media: CallMedia;
  let remotes: RelayedMedia['remotes'];
  let asked: RelayedMedia['asked'];

  function read(offerSdp: string, policy: MediaPolicy = PASS, capabilities: Partial<MediaCapabilities> = {}) {
    return readMedia(offerSdp, policy, { udptl: true, transcodes: () => true, ...capabilities });
  }

  async function begin(offerSdp = ALONE, policy: MediaPolicy = PASS): Promise<void> {
    ({ media, remotes, asked } = await relayed(read(offerSdp, policy)));
  }

  const reinvited = (side: Side, offerSdp: string | null) => reinvite(media, side, offerSdp);

  it('is offered to a gateway that passes faxes, and answered with what that one says', async () => {
    await begin(sdp('m=audio 0 RTP/AVP 8', 'm=image 40002 udptl t38', 'a=T38MaxBitRate:14400'));
    assert.deepEqual(media.codecNeeds, { direct: ['t38'], transcoded: [], srtp: false });
    assert.deepEqual([media.isLateOffer, media.codecsInUse.codec], [false, null]);
    const refused = media.offerFor(gateway(codecPolicy(['PCMA'])), 'gw1/1');
    assert.deepEqual(refused, { ok: false, reason: 'no-common-codec' });
    const offered = media.offerFor(gateway(PASS), 'gw1/1');
    assert.ok(offered.ok);
    assert.deepEqual(offered.sdp.match(/^[ma]=.*$/gm), ['m=image 20002 udptl t38', 'a=T38MaxBitRate:14400']);
    assert.equal(media.isCalleeAnswered, false);
    assert.deepEqual(media.acceptAnswer(AUDIO), { ok: false, reason: 'not-an-answer' });
    assert.deepEqual(media.acceptAnswer(sdp('m=image 0 udptl t38')), { ok: false, reason: 'stream-refused' });
    assert.deepEqual([media.acceptAnswer(ANSWER), media.acceptAnswer(ANSWER)], [{ ok: true }, { ok: true }]);
    const lines = ['m=audio 0 RTP/AVP 8', 'm=image 20000 udptl t38', 'a=T38MaxBitRate:9600'];
    assert.deepEqual((media.callerSdp ?? '').match(/^[ma]=.*$/gm), lines);
    assert.deepEqual([media.isCalleeAnswered, media.isCallerChanged, media.isHeld], [true, false, true]);
    assert.deepEqual(media.codecsInUse, { codec: 't38', calleeCodec: 't38', transcoded: false });
    assert.deepEqual(media.recordedCodecs(), { caller: {}, callee: {} });
    assert.deepEqual([remotes.get('caller')?.rtpPort, remotes.get('callee')?.rtpPort], [40_002, 41_002]);
    assert.ok(remotes.get('caller')?.isUdptl && remotes.get('callee')?.isUdptl);
  });

  it('is refused by the policy of the trunk, and by an engine that cannot pass it', () => {
    for (const refused of [read(ALONE, codecPolicy(['PCMA'])), read(ALONE, PASS, { udptl: false })]) {
      assert.deepEqual(refused, { ok: false, reason: 'no-audio' });
    }
    // Beside audio it is a stream that is refused, as any other.
    const beside = read(sdp('m=audio 40000 RTP/AVP 8', 'm=image 40002 udptl t38'));
    assert.deepEqual(beside.ok && beside.media.codecNeeds.direct, ['PCMA']);
  });

  it('has one answer for the caller, whatever the next gateway says', async () => {
    await begin();
    media.offerFor(gateway(PASS), 'gw1/1');
    assert.deepEqual(reinvited('caller', ALONE).refused, [500]);
    media.acceptAnswer(ANSWER);
    const first = media.callerSdp;
    media.forgetCallee();
    assert.deepEqual([media.isCalleeAnswered, media.callerSdp], [false, first]);
    media.offerFor(gateway(PASS), 'gw1/2');
    assert.ok(media.acceptAnswer(ANSWER.replace('9600', '4800').replace('41002', '42002')).ok);
    assert.deepEqual([media.callerSdp, remotes.get('callee')?.rtpPort], [first, 42_002]);
  });

  it('is said again to a side that asks, and to one whose session is refreshed', async () => {
    await begin();
    media.offerFor(gateway(PASS), 'gw1/1');
    media.acceptAnswer(ANSWER);
    assert.deepEqual(reinvited('caller', null).accepted, [media.callerSdp]);
    assert.deepEqual(reinvited('caller', ALONE).accepted, [media.callerSdp]);
    media.refresh('callee');
    assert.deepEqual([asked[0]?.side, asked[0]?.sdp], ['callee', media.calleeSdp]);
  });

  it('turns to audio on both sides, with codecs of the one that asks and of the other’s policy', async () => {
    for (const [side, other] of [
      ['caller', 'callee'],
      ['callee', 'caller'],
    ] as const) {
      await begin(ALONE, { ...codecPolicy(['PCMU', 'PCMA']), t38: 'pass' });
      media.offerFor(gateway(PASS), 'gw1/1');
      media.acceptAnswer(ANSWER);
      const [before] = reinvited(other, null).accepted;
      const told = reinvited(side, sdp('m=audio 40000 RTP/AVP 8 0'));
      assert.deepEqual([told.accepted.length + told.refused.length, asked[0]?.side], [0, other]);
      assert.match(asked[0]?.sdp ?? '', /^m=audio 2000[02] RTP\/AVP 8\r$/m);
      assert.deepEqual(
        [violationsOfOffer(asked[0]?.sdp ?? ''), violationsOfChange(before ?? '', asked[0]?.sdp ?? '')],
        [[], []],
      );
      asked[0]?.answered({ status: 200, sdp: sdp('m=audio 41000 RTP/AVP 8') });
      assert.match(told.accepted[0] ?? '', /^m=audio 2000[02] RTP\/AVP 8\r$/m);
      assert.match(told.accepted[0] ?? '', /^o=- 1 2 /m);
      assert.deepEqual([remotes.get('caller')?.isUdptl, remotes.get('callee')?.isUdptl], [undefined, undefined]);
      assert.deepEqual(media.codecsInUse, { codec: 'PCMA', calleeCodec: 'PCMA', transcoded: false });
      // And to a fax once more, as any call.
      const again = reinvited(side, ALONE);
      asked[1]?.answered({ status: 200, sdp: ANSWER });
      assert.match(again.accepted[0] ?? '', /^m=image 2000[02] udptl t38\r$/m);
    }
  });

  it('goes on when a side wants audio that the other one cannot have', async () => {
    await begin();
    media.offerFor(gateway(PASS), 'gw1/1');
    media.acceptAnswer(ANSWER);
    assert.deepEqual(reinvited('caller', sdp('m=audio 40000 RTP/AVP 18')).refused, [488]);
    const secret = sdp('m=audio 40000 RTP/SAVP 8', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k');
    assert.deepEqual([reinvited('caller', secret).refused, asked.length], [[488], 0]);
    const told = reinvited('caller', AUDIO);
    asked[0]?.answered({ status: 488, sdp: null });
    assert.deepEqual([told.refused, remotes.get('caller')?.isUdptl], [[488], true]);
    assert.equal(reinvited('callee', ANSWER).accepted.length, 1);
  });
});
