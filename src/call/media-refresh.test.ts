import assert from 'node:assert/strict';
import { codecPolicy } from '../sdp/media-policy.js';
import type { CallMedia } from './call-media.js';
import { type RelayedMedia, readMedia, reinvite, relayed } from './call-media-kit.js';
import { gatewayTerms } from './call-test-kit.js';

const T38 = { ...codecPolicy(['PCMA']), t38: 'pass' } as const;

function sdp(lines: readonly string[], address = '192.0.2.20'): string {
  return ['v=0', `o=x 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', ...lines, ''].join('\r\n');
}

const audio = (formats: string, port = 40_000, ...more: string[]) =>
  sdp([`m=audio ${port} RTP/AVP ${formats}`, ...more]);

describe('the refresh of a side', () => {
  let media: CallMedia;
  let remotes: RelayedMedia['remotes'];
  let asked: RelayedMedia['asked'];

  async function callWith(
    offer: string,
    { gateway = codecPolicy(['PCMA', 'PCMU']), transcodes = false, udptl = false } = {},
  ): Promise<void> {
    const policy = udptl ? T38 : codecPolicy(['PCMA', 'PCMU']);
    ({ media, remotes, asked } = await relayed(readMedia(offer, policy, { udptl, transcodes: () => transcodes })));
    assert.ok(media.offerFor({ ...gatewayTerms('gw1'), media: gateway }, 'gw1/1').ok);
    assert.ok(media.acceptAnswer(audio('8', 41_000)).ok);
  }

  it('repeats to each what it was told last, under the same version', async () => {
    await callWith(audio('8 0'));
    media.refresh('caller');
    media.refresh('callee');
    assert.deepEqual(
      asked.map(({ side, sdp: text }) => [side, text]),
      [
        ['caller', media.callerSdp],
        ['callee', media.calleeSdp],
      ],
    );
  });

  it('repeats a hold as it is, and takes what the peer says of it now', async () => {
    await callWith(audio('8'));
    const [held] = reinvite(media, 'caller', audio('8', 40_000, 'a=sendonly')).accepted;
    assert.match(held ?? '', /a=recvonly/);
    media.refresh('caller');
    assert.equal(asked[0]?.sdp, held);
    asked[0]?.answered({ status: 200, sdp: audio('8', 40_004, 'a=sendonly') });
    assert.deepEqual([remotes.get('caller')?.rtpPort, remotes.get('caller')?.sends], [40_004, false]);
    assert.equal(remotes.get('callee')?.rtpPort, 41_000);
  });

  it('repeats what it has itself, whatever was offered to somebody who has not taken its place', async () => {
    await callWith(audio('8 0'), { transcodes: true });
    const [held] = reinvite(media, 'caller', audio('8', 40_000, 'a=sendonly')).accepted;
    const offered = { caller: media.offerForSuccessor('caller'), callee: media.offerForSuccessor('callee') };
    assert.match(offered.caller?.sdp ?? '', /^o=- 1 3 [\s\S]*RTP\/AVP 8 0\r\n[\s\S]*a=sendrecv/m);
    media.refresh('caller');
    media.refresh('callee');
    assert.deepEqual(
      asked.map(({ sdp: text }) => text),
      [held, media.calleeSdp],
    );
    offered.caller?.answered(audio('8', 40_010), '192.0.2.30')?.adopt();
    media.refresh('caller');
    assert.match(
      asked[2]?.sdp ?? '',
      /^o=- 1 4 [\s\S]*RTP\/AVP 8\r\n/m,
      'he was told another one under the version before',
    );
  });

  it('leaves everything as it was when it is refused, or not answered with a description that can be used', async () => {
    await callWith(audio('8'));
    const before = remotes.get('caller');
    for (const answer of [
      { status: 491, sdp: null },
      { status: 481, sdp: null },
      { status: 200, sdp: null },
      { status: 200, sdp: 'nonsense' },
      { status: 200, sdp: audio('18') },
    ]) {
      media.refresh('caller');
      asked.at(-1)?.answered(answer);
    }
    assert.equal(remotes.get('caller'), before);
    assert.equal(asked.length, 5);
  });

  it('asks a gateway that takes another codec this time for the one that the caller has', async () => {
    await callWith(audio('8 0'));
    media.refresh('callee');
    assert.match(asked[0]?.sdp ?? '', /RTP\/AVP 8 0/);
    asked[0]?.answered({ status: 200, sdp: audio('0', 41_000) });
    assert.match(asked[1]?.sdp ?? '', /o=- 1 2 [\s\S]*RTP\/AVP 8\r\n/);
    asked[1]?.answered({ status: 200, sdp: audio('8', 41_002) });
    assert.deepEqual(
      [remotes.get('callee')?.rtpPort, remotes.get('callee')?.codecs.map(({ name }) => name)],
      [41_002, ['PCMA']],
    );
  });

  it('takes another codec where it can be transcoded', async () => {
    await callWith(audio('8 0'), { transcodes: true });
    media.refresh('callee');
    asked[0]?.answered({ status: 200, sdp: audio('0', 41_000) });
    assert.equal(asked.length, 1);
    assert.deepEqual(media.codecsInUse, { codec: 'PCMA', calleeCodec: 'PCMU', transcoded: true });
  });

  it('asks a caller for the codec of the call that takes another one of those which it was offered when it asked', async () => {
    for (const inAck of [null, sdp(['m=audio 0 RTP/AVP 8']), audio('18'), audio('8 0')]) {
      await callWith(audio('8 0'));
      // Early media is in one codec; the 200 names another one first.
      assert.ok(media.acceptAnswer(audio('0 8', 41_000)).ok);
      assert.match(
        reinvite(media, 'caller', null, (answered) => answered(inAck)).accepted[0] ?? '',
        /RTP\/AVP 8 0\r\n/,
      );
      assert.match(
        reinvite(media, 'callee', null, (answered) => answered(audio('8', 41_000))).accepted[0] ?? '',
        /RTP\/AVP 8\r\n/,
      );
      media.refresh('caller');
      assert.match(asked[0]?.sdp ?? '', /^o=- 1 2 [\s\S]*RTP\/AVP 8 0\r\n/m);
      asked[0]?.answered({ status: 200, sdp: audio('0') });
      assert.match(asked[1]?.sdp ?? '', /^o=- 1 3 [\s\S]*RTP\/AVP 8\r\n/m);
      asked[1]?.answered({ status: 200, sdp: audio('8', 40_002) });
      assert.deepEqual(media.codecsInUse, { codec: 'PCMA', calleeCodec: 'PCMA', transcoded: false });
      assert.deepEqual(
        [remotes.get('caller')?.rtpPort, remotes.get('caller')?.codecs.map(({ name }) => name)],
        [40_002, ['PCMA']],
      );
    }
  });

  it('goes by the codec that a caller takes this time of those which it was offered when it asked', async () => {
    await callWith(audio('8 0'), { transcodes: true });
    reinvite(media, 'caller', null, (answered) => answered(audio('0')));
    assert.equal(media.codecsInUse.codec, 'PCMU');
    media.refresh('caller');
    asked[0]?.answered({ status: 200, sdp: audio('8', 40_002) });
    assert.equal(asked.length, 1);
    assert.deepEqual(media.codecsInUse, { codec: 'PCMA', calleeCodec: 'PCMA', transcoded: false });
    assert.deepEqual(
      [remotes.get('caller')?.rtpPort, remotes.get('caller')?.codecs.map(({ name }) => name)],
      [40_002, ['PCMA']],
    );
  });

  it('repeats a fax while there is one, and says nothing while one is being agreed on', async () => {
    await callWith(audio('8'), { gateway: T38, udptl: true });
    reinvite(media, 'callee', sdp(['m=audio 0 RTP/AVP 8', 'm=image 40002 udptl t38']));
    media.refresh('callee');
    assert.equal(asked.length, 1);
    asked[0]?.answered({ status: 200, sdp: sdp(['m=audio 0 RTP/AVP 8', 'm=image 41002 udptl t38']) });
    assert.equal(media.isHeld, true);
    media.refresh('caller');
    assert.equal(asked[1]?.sdp, asked[0]?.sdp);
    asked[1]?.answered({ status: 200, sdp: sdp(['m=audio 0 RTP/AVP 8', 'm=image 41004 udptl t38']) });
    assert.equal(remotes.get('caller')?.rtpPort, 41_004);
  });
});
