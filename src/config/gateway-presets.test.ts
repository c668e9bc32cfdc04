import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { meaningOf } from '../call/response-meaning.js';
import { dialAddress } from '../routing/dial-uri.js';
import { GATEWAY_PRESETS, PRESET_NAMES } from './gateway-presets.js';
import { parseConfig } from './load-config.js';
import { ELEMENT_SCHEMAS } from './schema.js';

const PAGES = new URL('../../docs/integrations/', import.meta.url);

function gatewayOf(keys: string, channels = '[ { gateway: gw1, port: 7, sim: "+821012340007" } ]') {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ] } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20", ${keys} } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340007", plan: office }, { number: "+821012340012", plan: office } ]
channels: ${channels}
`;
  const [gateway] = parseConfig(text, '/etc/simtrunk/config.yaml', { env: {} }, 'config.yaml').gateways;
  assert.ok(gateway !== undefined);
  return gateway;
}

describe('presets of gateways', () => {
  for (const name of PRESET_NAMES) {
    it(`have for ${name} what the schema takes, and a page that says the same`, () => {
      const preset = GATEWAY_PRESETS[name];
      const sound = ELEMENT_SCHEMAS.gateways.safeParse({
        name: 'gw1',
        network: 'lan',
        address: '10.0.0.20',
        ...preset,
      });
      assert.deepEqual(sound.error?.issues, undefined);
      const page = readFileSync(new URL(`gateway-${name}.md`, PAGES), 'utf8');
      const [, shown = ''] =
        new RegExp(`\`preset: ${name}\` stands for[^]*?\`\`\`yaml\n([^]*?)\`\`\``).exec(page) ?? [];
      assert.deepEqual(parse(shown), preset);
      assert.match(page, /\*\*Read, not tried\.\*\*/);
    });

    it(`tell apart two ports of ${name} of which one begins as the other`, () => {
      const ports = [1, 12].map(
        (port) => `{ gateway: gw1, port: ${port}, sim: "+8210123400${port === 1 ? '07' : '12'}" }`,
      );
      const gateway = gatewayOf(`preset: ${name}`, `[ ${ports.join(', ')} ]`);
      const said = [1, 12].map((port) => {
        const { requestUri, headers } = dialAddress(gateway, { port, simNumber: '+821012340007' }, '+821098765432');
        return JSON.stringify([requestUri, headers]);
      });
      assert.notEqual(said[0], said[1]);
    });
  }

  it('have a page for each, and no page is left of one that is gone', () => {
    const pages = readdirSync(PAGES).flatMap((file) => /^gateway-(.*)\.md$/.exec(file)?.[1] ?? []);
    assert.deepEqual(pages.sort(), [...PRESET_NAMES].sort());
    const list = readFileSync(new URL('gateways.md', PAGES), 'utf8');
    for (const name of PRESET_NAMES) assert.ok(list.includes(`(gateway-${name}.md)`), name);
  });

  it('give what the gateway does not say itself', () => {
    const gateway = gatewayOf('preset: goip');
    assert.equal(gateway.dial, '{port:2}*{number}');
    assert.equal(gateway.busyProbeMs, 1_000);
    const own = gatewayOf('preset: goip, dial: "{port}#{e164}", busyProbeMs: 0');
    assert.deepEqual([own.dial, own.busyProbeMs, own.gapMs], ['{port}#{e164}', 0, 2_000]);
  });

  it('decide by the gateway’s rules first, and then by theirs', () => {
    const gateway = gatewayOf(
      'preset: goip, responses: [ { status: 404, means: give-up }, { status: 486, means: channel } ]',
    );
    const meant = (status: number) => {
      const { means, coolDownMs } = meaningOf(gateway, { status, cause: null, elapsedMs: 9_000, rang: false });
      return [means, coolDownMs];
    };
    assert.deepEqual(meant(404), ['give-up', 0]);
    assert.deepEqual(meant(503), ['channel', 5_000]);
    assert.deepEqual(meant(486), ['channel', 0]);
    assert.deepEqual(meant(480), ['callee', 0]);
  });

  it('say how a gateway names its channels only where its calls are taken, and after what it says itself', () => {
    assert.equal(gatewayOf('preset: chan-dongle').inbound, undefined);
    const trunk = 'pbx';
    const taken = gatewayOf('preset: chan-dongle, inbound: {}').inbound;
    assert.deepEqual(taken, { channelFrom: 'header:X-Line', callerFrom: 'from', trunk });
    const own = gatewayOf('preset: chan-dongle, inbound: { channelFrom: to, callerFrom: remote-party-id }').inbound;
    assert.deepEqual(own, { channelFrom: 'to', callerFrom: 'remote-party-id', trunk });
  });

  it('are checked together with what the gateway says', () => {
    assert.throws(() => gatewayOf('preset: goip, fromUser: "x{line}"'), /fromUser/);
    assert.throws(() => gatewayOf('preset: gopi'), /must be one of "goip".*did you mean goip/);
  });
});
