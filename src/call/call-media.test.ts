import assert from 'node:assert/strict';
import { codecPolicy } from '../sdp/media-policy.js';
import { CallMedia } from './call-media.js';
import { gatewayTerms, requestOf } from './call-test-kit.js';
import { FakeMedia } from './fake-media.js';
import type { MediaRemote, MediaSession, Renegotiation } from './ports.js';
import type { Side } from './reports.js';

const EVENTS = 'a=rtpmap:101 telephone-event/8000\r\n';

function description(payloadTypes: string, port = 40_000): string {
  return (
    'v=0\r\no=x 1 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n' +
    `m=audio ${port} RTP/AVP ${payloadTypes}\r\n${payloadTypes.includes('101') ? EVENTS : ''}`
  );
}

const formatsOf = (sdp: string | null) => /^m=audio \d+ RTP\/AVP (.*)$/m.exec(sdp ?? '')?.[1]?.trim();

const payloadTypesOf = (remote: MediaRemote | undefined) => remote?.codecs.map((codec) => codec.payloadType);

describe('the media of a call', () => {
  let media: CallMedia;
  let remotes: Map<Side, MediaRemote>;

  /** A caller that offers PCMA, PCMU and digits, dialled to a gateway that knows both codecs. */
  beforeEach(async () => {
    const { trunk, signallingAddress } = requestOf({});
    const read = CallMedia.read({
      trunk: { ...trunk, media: codecPolicy(['PCMA', 'PCMU']) },
      signallingAddress,
      offerSdp: description('8 0 101'),
      recorded: true,
      sessionId: '1',
      capabilities: new FakeMedia([]).capabilities,
    });
    assert.ok(read.ok);
    media = read.media;
    remotes = new Map();
    const opened = await new FakeMedia([]).open({ sessionId: 'x' });
    assert.ok(opened.ok);
    const session: MediaSession = { ...opened.session, setRemote: (side, remote) => remotes.set(side, remote) };
    media.use(session);
    assert.ok(media.offerFor(gatewayTerms('gw1'), 'gw1/1').ok);
  });

  function reinvited(side: Side, offerSdp: string | null): { accepted: string[]; refused: number[] } {
    const told = { accepted: [] as string[], refused: [] as number[] };
    const renegotiation: Renegotiation = {
      offerSdp,
      accept: (sdp) => told.accepted.push(sdp),
      refuse: (status) => told.refused.push(status),
      onAnswer: () => {},
    };
    media.renegotiate(side, renegotiation);
    return told;
  }

  it('lets the caller send what it was offered until it is answered, and then only what it was answered', () => {
    assert.deepEqual(payloadTypesOf(remotes.get('caller')), [8, 0, 101]);
    assert.ok(media.acceptAnswer(description('0 8 101')).ok);
    assert.equal(formatsOf(media.callerSdp), '0 101');
    assert.deepEqual(payloadTypesOf(remotes.get('caller')), [0, 101]);
    assert.deepEqual(payloadTypesOf(remotes.get('callee')), [0, 8, 101]);
  });

  it('cannot use an answer without the codec that early media has fixed', () => {
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.deepEqual(media.acceptAnswer(description('0')), { ok: false, reason: 'no-common-codec' });
    assert.ok(media.acceptAnswer(description('0 8')).ok);
    assert.equal(formatsOf(media.callerSdp), '8');
  });

  it('knows whether this attempt has answered, whatever an earlier one said', () => {
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.equal(media.isCalleeAnswered, true);
    media.forgetCallee();
    assert.equal(media.isCalleeAnswered, false);
    assert.notEqual(media.callerSdp, null);
  });

  it('offers a peer that asks by an empty re-INVITE only what the other leg uses', () => {
    assert.ok(media.acceptAnswer(description('8 0')).ok);
    for (const side of ['callee', 'caller'] as const) {
      const { accepted } = reinvited(side, null);
      assert.equal(formatsOf(accepted[0] ?? null), '8');
    }
  });

  it('answers hold and a new address for itself, and refuses a codec that the other leg does not use', () => {
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.deepEqual(reinvited('caller', description('0')).refused, [488]);
    const { accepted } = reinvited('caller', `${description('8', 41_000)}a=sendonly\r\n`);
    assert.match(accepted[0] ?? '', /a=recvonly/);
    assert.deepEqual([remotes.get('caller')?.rtpPort, remotes.get('caller')?.sends], [41_000, false]);
    // What the gateway says again later does not bring the old address back.
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.equal(remotes.get('caller')?.rtpPort, 41_000);
  });
});
