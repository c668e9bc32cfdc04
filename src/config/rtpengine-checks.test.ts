import assert from 'node:assert/strict';
import { findRtpengineProblems } from './rtpengine-checks.js';
import { rtpengine } from './rtpengine-schema.js';
import { SoundParts } from './sound-parts.js';

const NETWORKS = [{ name: 'lan' }, { name: 'carrier' }];

function problems(media: unknown): string[] {
  const found = findRtpengineProblems(new SoundParts({ networks: NETWORKS, media }));
  return found.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('media.rtpengine', () => {
  it('is needed when rtpengine is the engine, and may stand there when it is not', () => {
    assert.deepEqual(problems({ engine: 'rtpengine' }), [
      'media.engine: rtpengine needs a section media.rtpengine with its engines',
    ]);
    assert.deepEqual(problems({ rtpengine: { engines: [{ url: 'udp://127.0.0.1:2223' }] } }), []);
    assert.deepEqual(problems(undefined), []);
  });

  it('names an engine once', () => {
    const engines = [{ url: 'udp://10.0.0.1:2223' }, { url: 'udp://10.0.0.1:2223' }, null, { url: 7 }];
    assert.deepEqual(problems({ engine: 'rtpengine', rtpengine: { engines } }), [
      'media.rtpengine.engines.1.url: "udp://10.0.0.1:2223" is there twice; raise its weight',
    ]);
  });

  it('has interfaces for networks that there are', () => {
    const engines = [{ url: 'udp://10.0.0.1:2223', interfaces: { lan: 'in', carier: 'out' } }];
    assert.deepEqual(problems({ rtpengine: { engines } }), [
      'media.rtpengine.engines.0.interfaces.carier: there is no network "carier"; did you mean "carrier"?',
    ]);
  });

  for (const url of [
    'udp://127.0.0.1:2223',
    'udp://[::1]:2223',
    'ws://media.example.com:8080',
    'wss://media.example.com',
  ]) {
    it(`takes ${url}`, () => assert.ok(rtpengine.safeParse({ engines: [{ url }] }).success));
  }

  for (const url of ['127.0.0.1:2223', 'udp://127.0.0.1', 'tcp://127.0.0.1:2223', 'ws://a:1/path', 'udp://a:0/x', '']) {
    it(`refuses "${url}" as an address`, () => assert.ok(!rtpengine.safeParse({ engines: [{ url }] }).success));
  }
});
