import assert from 'node:assert/strict';
import { carriedFormats, codecPolicy } from '../sdp/media-policy.js';
import { findMediaProblems } from './media-checks.js';
import { media } from './media-schema.js';
import { channelMediaOf, mediaPolicyOf, transcoderOf } from './resolve-media.js';
import { SoundParts } from './sound-parts.js';

interface Parts {
  readonly trunk?: object;
  readonly gateway?: object;
  readonly channel?: object;
  readonly recording?: object;
}

function problemsOf({ trunk = {}, gateway = {}, channel = {}, recording = {} }: Parts): string[] {
  const parts = new SoundParts({
    trunks: [{ name: 'pbx', ...trunk }],
    gateways: [{ name: 'gw1', ...gateway }],
    channels: [{ gateway: 'gw1', port: 1, sim: 'x', ...channel }],
    recording,
  });
  return findMediaProblems(parts).map(({ path, message }) => `${path.join('.')} ${message}`);
}

describe('codecs in the config', () => {
  it('pass as they are by default', () => {
    assert.deepEqual(problemsOf({}), []);
    assert.deepEqual(problemsOf({ trunk: { codecs: ['PCMU', 'G729'], preferredCodecs: ['G729'] } }), []);
  });

  it('must leave one', () => {
    const forbidden = { forbiddenCodecs: ['PCMA', 'PCMU'] };
    assert.deepEqual(problemsOf({ trunk: forbidden }), [
      'trunks.0.forbiddenCodecs leaves no codec at all; must leave one',
    ]);
    // What is forbidden to the gateway is to its channel.
    const problems = problemsOf({ gateway: { forbiddenCodecs: ['PCMA'] }, channel: { codecs: ['PCMA'] } });
    assert.deepEqual(problems, ['channels.0.codecs leaves no codec at all; must leave one']);
  });

  it('must leave one that can be recorded, where calls are', () => {
    const gateway = { codecs: ['G729', 'AMR'] };
    assert.match(problemsOf({ gateway }).join(), /^gateways\.0\.codecs leaves neither PCMA nor PCMU/);
    assert.deepEqual(problemsOf({ gateway, recording: { enabled: false } }), []);
  });

  it('prefer only what they allow', () => {
    const trunk = { preferredCodecs: ['PCMU', 'opus'] };
    assert.deepEqual(problemsOf({ trunk }), ['trunks.0.preferredCodecs.1 is "opus", which is not among its codecs']);
  });

  it('of a channel stand in place of its gateway’s, but what is forbidden to either is', () => {
    const gateway = {
      codecs: ['PCMA' as const, 'PCMU' as const, 'G729' as const],
      preferredCodecs: ['PCMA' as const],
      forbiddenCodecs: ['G729' as const],
      ptimeMs: 20,
      srtp: 'pass' as const,
      t38: 'refuse' as const,
      dtmf: 'rfc4733' as const,
    };
    const own = mediaPolicyOf(gateway);
    assert.deepEqual(own, {
      ...{ codecs: ['PCMA', 'PCMU'], preferred: ['PCMA'], ptimeMs: 20, srtp: 'pass', t38: 'refuse', dtmf: 'rfc4733' },
    });
    assert.equal(channelMediaOf({}, gateway), null);
    const channel = { codecs: ['G729' as const, 'GSM' as const], ptimeMs: 40 };
    assert.deepEqual(channelMediaOf(channel, gateway), { ...own, codecs: ['GSM'], ptimeMs: 40 });
    assert.deepEqual(channelMediaOf({ forbiddenCodecs: ['PCMU'] }, gateway), { ...own, codecs: ['PCMA'] });
  });

  it('say of a fax by T.38 that a call may begin with it, beside their codecs', () => {
    const policy = codecPolicy(['PCMA']);
    assert.deepEqual(carriedFormats(policy), ['PCMA']);
    assert.deepEqual(carriedFormats({ ...policy, t38: 'pass' }), ['PCMA', 't38']);
  });

  it('are transcoded as far as the media engine can', () => {
    const relay = transcoderOf({ media: media.parse({}) });
    assert.deepEqual([relay.transcodes('PCMA', 'PCMU'), relay.transcodes('PCMA', 'opus')], [true, false]);
    const engines = [{ url: 'udp://127.0.0.1:2223' }];
    const parsed = media.parse({ engine: 'rtpengine', rtpengine: { engines, transcodes: ['PCMA', 'opus'] } });
    const engine = transcoderOf({ media: parsed });
    assert.deepEqual([engine.transcodes('PCMA', 'PCMU'), engine.transcodes('opus', 'PCMA')], [false, true]);
  });
});
