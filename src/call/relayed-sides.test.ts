import assert from 'node:assert/strict';
import type { AudioStream } from '../sdp/description.js';
import { readOffer } from '../sdp/read-description.js';
import { gatewayTerms, requestOf, sdp } from './call-test-kit.js';
import { FakeMedia } from './fake-media.js';
import type { MediaRemote } from './ports.js';
import { RelayedSides } from './relayed-sides.js';
import type { Side } from './reports.js';

function audioOf(text: string): AudioStream {
  const read = readOffer(text);
  assert.ok(read.ok);
  return read.offer.audio;
}

describe('what the relay is told of the sides of a call', () => {
  const trunk = { ...requestOf({}).trunk, mediaSources: ['203.0.113.0/24'] };
  const pcma = audioOf(sdp('192.0.2.20', 40_000, '8'));
  let sides: RelayedSides;
  let remotes: Map<Side, MediaRemote>;
  let trace: string[];

  beforeEach(async () => {
    trace = [];
    remotes = new Map();
    const opened = await new FakeMedia(trace).open({ sessionId: 'x' });
    assert.ok(opened.ok);
    sides = new RelayedSides(trunk, '192.0.2.20');
    sides.use({ ...opened.session, setRemote: (side, remote) => remotes.set(side, remote) });
  });

  const addressOf = (side: Side) => remotes.get(side)?.signallingAddress;

  it('has of the caller its trunk’s terms, and of the callee those of the gateway that is asked', () => {
    sides.attempt({ ...gatewayTerms('gw1'), nat: 'auto' });
    sides.setAudio('caller', { audio: pcma, sent: pcma, takesRtcpMux: false });
    sides.setAudio('callee', { audio: pcma, sent: pcma, takesRtcpMux: false });
    assert.deepEqual(remotes.get('caller')?.sources, ['203.0.113.0/24']);
    assert.deepEqual([remotes.get('callee')?.sources, remotes.get('callee')?.nat], [[], 'auto']);
  });

  it('has a gateway where it was heard, until another one is asked', () => {
    const set = () => sides.setAudio('callee', { audio: pcma, sent: pcma, takesRtcpMux: false });
    sides.attempt(gatewayTerms('gw1'));
    sides.hearFrom('callee', '198.51.100.7');
    set();
    assert.equal(addressOf('callee'), '198.51.100.7');
    sides.attempt(gatewayTerms('gw2'));
    set();
    assert.equal(addressOf('callee'), '192.0.2.10');
  });

  it('has somebody else in the place of a side where he was heard, and goes back when nothing comes of it', () => {
    const goBack = sides.hearFrom('caller', '198.51.100.8');
    sides.setFax('caller', { address: '192.0.2.20', port: 40_002, index: 0, attributes: [] });
    assert.deepEqual([addressOf('caller'), remotes.get('caller')?.isUdptl], ['198.51.100.8', true]);
    goBack();
    sides.setAudio('caller', { audio: pcma, sent: pcma, takesRtcpMux: false });
    assert.equal(addressOf('caller'), '192.0.2.20');
  });

  it('has another session of ours in a side’s place by its very port, whatever its trunk’s sources are, until somebody is heard there', () => {
    for (const side of ['caller', 'callee'] as const) {
      const set = () => sides.setAudio(side, { audio: pcma, sent: pcma, takesRtcpMux: false });
      const goBack = sides.hearFrom(side, null);
      set();
      assert.deepEqual([remotes.get(side)?.isOurs, remotes.get(side)?.sources], [true, []]);
      goBack();
      set();
      assert.equal(remotes.get(side)?.isOurs, undefined);
      sides.hearFrom(side, null);
      sides.hearFrom(side, '198.51.100.8');
      set();
      assert.deepEqual([remotes.get(side)?.isOurs, addressOf(side)], [undefined, '198.51.100.8']);
    }
    sides.hearFrom('callee', null);
    sides.attempt(gatewayTerms('gw1'));
    sides.setAudio('callee', { audio: pcma, sent: pcma, takesRtcpMux: false });
    assert.equal(remotes.get('callee')?.isOurs, undefined);
  });

  it('has another session of ours for the caller from the beginning, until somebody takes its place', async () => {
    const opened = await new FakeMedia(trace).open({ sessionId: 'y' });
    assert.ok(opened.ok);
    sides = new RelayedSides(trunk, null);
    sides.use({ ...opened.session, setRemote: (side, remote) => remotes.set(side, remote) });
    const set = () => sides.setAudio('caller', { audio: pcma, sent: pcma, takesRtcpMux: false });
    set();
    assert.deepEqual([remotes.get('caller')?.isOurs, remotes.get('caller')?.sources], [true, []]);
    sides.hearFrom('caller', '198.51.100.8');
    set();
    assert.deepEqual([remotes.get('caller')?.isOurs, addressOf('caller')], [undefined, '198.51.100.8']);
  });

  it('puts RTCP on the port of RTP when both want it', () => {
    const audio = audioOf(`${sdp('192.0.2.20', 40_000, '8')}a=rtcp-mux\r\n`);
    for (const [takesRtcpMux, rtcpMux] of [
      [true, true],
      [false, undefined],
    ] as const) {
      sides.setAudio('caller', { audio, sent: audio, takesRtcpMux });
      assert.equal(remotes.get('caller')?.rtcpMux, rtcpMux);
    }
  });

  it('is on hold while a side says that it sends nothing', () => {
    const held = audioOf(`${sdp('192.0.2.20', 40_000, '8')}a=inactive\r\n`);
    sides.setAudio('callee', { audio: held, sent: held, takesRtcpMux: false });
    assert.equal(sides.isHeld, true);
    sides.setAudio('callee', { audio: pcma, sent: pcma, takesRtcpMux: false });
    assert.equal(sides.isHeld, false);
  });

  it('has of each side what it may send, for the recorder', () => {
    const pcmu = audioOf(sdp('192.0.2.10', 30_000, '0'));
    sides.setAudio('caller', { audio: pcma, sent: pcma, takesRtcpMux: false });
    assert.deepEqual(sides.recordedCodecs(false), { caller: { 8: 'PCMA' }, callee: {} });
    sides.setAudio('callee', { audio: pcmu, sent: pcmu, takesRtcpMux: false });
    assert.deepEqual(sides.recordedCodecs(false), { caller: { 8: 'PCMA' }, callee: { 0: 'PCMU' } });
  });

  it('forgets a callee, and warns either side', () => {
    sides.forgetCallee();
    sides.warn('caller');
    assert.deepEqual(trace.slice(1), ['media forgets callee', 'media plays tone to caller (mix)']);
  });
});
