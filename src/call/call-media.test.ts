import assert from 'node:assert/strict';
import { codecPolicy, type MediaPolicy } from '../sdp/media-policy.js';
import type { CallMedia } from './call-media.js';
import { type RelayedMedia, readMedia, reinvite, relayed } from './call-media-kit.js';
import { gatewayTerms } from './call-test-kit.js';
import type { MediaCapabilities, MediaRemote } from './ports.js';
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
  let remotes: RelayedMedia['remotes'];
  let asked: RelayedMedia['asked'];

  /** A caller that offers PCMA, PCMU and digits, dialled to a gateway that knows both codecs. */
  beforeEach(async () => {
    ({ media, remotes, asked } = await relayed(readMedia(description('8 0 101'), codecPolicy(['PCMA', 'PCMU']))));
    assert.ok(media.offerFor(gatewayTerms('gw1'), 'gw1/1').ok);
  });

  const reinvited = (side: Side, offerSdp: string | null) => reinvite(media, side, offerSdp);

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

  it('lets a gateway send from where it answered, and asks again where the next one is', () => {
    const signallingAddress = () => remotes.get('callee')?.signallingAddress;
    media.hearCalleeFrom('198.51.100.7');
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.equal(signallingAddress(), '198.51.100.7');
    const next = gatewayTerms('gw2');
    assert.ok(media.offerFor(next, 'gw2/1').ok);
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.equal(signallingAddress(), next.signallingAddress);
  });

  it('knows whether this attempt has answered, whatever an earlier one said', () => {
    assert.ok(media.acceptAnswer(description('8')).ok);
    assert.equal(media.isCalleeAnswered, true);
    media.forgetCallee();
    assert.equal(media.isCalleeAnswered, false);
    assert.notEqual(media.callerSdp, null);
  });

  it('agrees on nothing else while a successor is answered, whose codec is settled by what the other side uses', () => {
    const isOpen = () => {
      const refused = (['caller', 'callee'] as const).map((side) => reinvited(side, description('8 0')).refused);
      media.refresh('callee');
      return refused.flat().length === 0 && asked.length > 0;
    };
    const [early, dropped] = [0, 1].map(() => media.answerForCallee(description('8'), '192.0.2.30'));
    assert.ok(media.acceptAnswer(description('8 0')).ok);
    assert.deepEqual([isOpen(), asked.length], [false, 0]);
    dropped?.drop();
    assert.equal(isOpen(), false);
    early?.adopt();
    assert.equal(isOpen(), true);
    const answered = media.answerSuccessor('caller', description('8'), '192.0.2.30');
    assert.equal(isOpen(), false);
    answered?.drop();
    assert.equal(isOpen(), true);
    media.answerSuccessor('caller', description('8', 40_020), '192.0.2.30')?.adopt();
    assert.deepEqual([remotes.get('caller')?.rtpPort, isOpen()], [40_020, true]);
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

  it('maps what the gateway answers by other numbers, and takes it by ours as well', () => {
    const events = 'a=rtpmap:97 telephone-event/8000\r\n';
    assert.ok(media.acceptAnswer(`${description('8 97')}${events}`).ok);
    assert.equal(formatsOf(media.callerSdp), '8 101');
    assert.deepEqual(payloadTypesOf(remotes.get('callee')), [8, 101, 97]);
    assert.deepEqual(
      remotes.get('callee')?.sentCodecs?.map(({ payloadType }) => payloadType),
      [8, 97],
    );
    assert.equal(remotes.get('caller')?.sentCodecs, undefined);
  });

  it('puts RTCP on the RTP port of the side that asks for it', () => {
    assert.ok(media.acceptAnswer(description('8')).ok);
    const { accepted } = reinvited('caller', `${description('8')}a=rtcp-mux\r\n`);
    assert.match(accepted[0] ?? '', /a=rtcp-mux/);
    assert.deepEqual([remotes.get('caller')?.rtcpMux, remotes.get('callee')?.rtcpMux], [true, undefined]);
  });

  it('says which side is silent by its own word', () => {
    assert.ok(media.acceptAnswer(`${description('8')}a=inactive\r\n`).ok);
    assert.deepEqual([remotes.get('callee')?.isSilent, remotes.get('callee')?.sends], [true, false]);
    assert.match(media.callerSdp ?? '', /a=sendrecv/);
  });

  it('repeats the first answer in the 200, whatever an early UPDATE has agreed on since', () => {
    assert.ok(media.acceptAnswer(description('8')).ok);
    const first = media.callerSdp;
    assert.equal(reinvited('caller', `${description('8')}a=sendonly\r\n`).accepted.length, 1);
    assert.equal(media.callerSdp, first);
  });

  it('has no answer for an offer that comes before ours is answered', () => {
    assert.deepEqual(reinvited('callee', description('8')).refused, [491]);
    assert.deepEqual(reinvited('caller', description('8')).refused, [500]);
  });
});

describe('the media of a call between sides that share no codec', () => {
  const capabilities: MediaCapabilities = { srtp: false, transcodes: (from, to) => `${from}${to}`.startsWith('PCM') };

  async function begun(settings: {
    trunk?: Partial<MediaPolicy>;
    channel?: Partial<MediaPolicy>;
    offerSdp: string;
    recorded?: boolean;
    capabilities?: MediaCapabilities;
  }) {
    const policy = { ...codecPolicy(['PCMA', 'PCMU']), ...settings.trunk };
    const { offerSdp, recorded = true } = settings;
    const read = readMedia(offerSdp, policy, { recorded, ...(settings.capabilities ?? capabilities) });
    if (!read.ok) return read;
    const { remotes } = await relayed(read);
    const terms = { ...gatewayTerms('gw1'), media: { ...codecPolicy(['PCMU']), ...settings.channel } };
    const offered = read.media.offerFor(terms, 'gw1/1');
    return { ok: true, media: read.media, remotes, offered } as const;
  }

  it('is transcoded, recorded by the codecs of each side, and says so', async () => {
    const call = await begun({ offerSdp: description('8 101') });
    assert.ok(call.ok && call.offered.ok);
    assert.equal(formatsOf(call.offered.sdp), '0 101');
    assert.deepEqual(call.media.codecsInUse, { codec: null, calleeCodec: null, transcoded: false });
    assert.ok(call.media.acceptAnswer(description('0 101')).ok);
    assert.equal(formatsOf(call.media.callerSdp), '8 101');
    assert.deepEqual(call.media.codecsInUse, { codec: 'PCMA', calleeCodec: 'PCMU', transcoded: true });
    assert.deepEqual(call.media.recordedCodecs(), { caller: { 8: 'PCMA' }, callee: { 0: 'PCMU' } });
  });

  it('passes the keys of SRTP from side to side, unchanged and not transcoded', async () => {
    const sdes = (key: string, types = '8') =>
      `${description(types).replace('RTP/AVP', 'RTP/SAVP')}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${key}\r\n`;
    const pass = { srtp: 'pass', codecs: ['PCMA', 'PCMU'] } as const;
    const plain = { offerSdp: sdes('caller'), trunk: pass, channel: pass };
    assert.deepEqual(await begun(plain), { ok: false, reason: 'encrypted' });
    assert.deepEqual(await begun({ ...plain, recorded: false, trunk: {} }), { ok: false, reason: 'encrypted' });
    const refused = await begun({ ...plain, recorded: false, channel: { codecs: ['PCMA'] } });
    assert.deepEqual(refused.ok && refused.offered, { ok: false, reason: 'encrypted' });

    const call = await begun({ ...plain, recorded: false });
    assert.ok(call.ok && call.offered.ok);
    assert.deepEqual(call.media.codecNeeds, { direct: ['PCMA'], transcoded: [], srtp: true });
    assert.match(call.offered.sdp, /RTP\/SAVP 8\r\n[\s\S]*inline:caller\r\n/);
    assert.deepEqual(call.media.acceptAnswer(description('8')), { ok: false, reason: 'not-an-answer' });
    assert.ok(call.media.acceptAnswer(sdes('gateway')).ok);
    assert.match(call.media.callerSdp ?? '', /RTP\/SAVP 8\r\n[\s\S]*inline:gateway\r\n/);
    assert.equal(call.remotes.get('caller')?.transport?.protocol, 'RTP/SAVP');
    // New keys would have to be told to the other side.
    const answers: (string | number)[] = [];
    for (const key of ['caller', 'other']) {
      call.media.renegotiate('caller', {
        offerSdp: `${sdes(key)}a=sendonly\r\n`,
        accept: (sdp) => answers.push(/a=(recvonly)/.exec(sdp)?.[1] ?? sdp),
        refuse: (status) => answers.push(status),
        onAnswer: () => {},
      });
    }
    assert.deepEqual(answers, ['recvonly', 488]);
  });

  it('hands SRTP to an engine that ends it, also where calls are recorded', async () => {
    const offerSdp = `${description('0').replace('RTP/AVP', 'RTP/SAVP')}a=crypto:1 X inline:k\r\n`;
    const call = await begun({ offerSdp, capabilities: { ...capabilities, srtp: true } });
    assert.ok(call.ok && call.offered.ok);
    const attributes = ['crypto:1 X inline:k'];
    assert.deepEqual(call.media.callerTransport, { protocol: 'RTP/SAVP', attributes });
    assert.match(call.offered.sdp, /RTP\/AVP 0\r\n/);
    assert.deepEqual(call.media.codecNeeds.srtp, false);
  });
});
