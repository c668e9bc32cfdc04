import assert from 'node:assert/strict';
import type { Config } from '../config/config.js';
import { parseConfig } from '../config/load-config.js';
import { SCANNER_USER_AGENTS } from '../sip-server/defence/scanner-filter.js';
import { sipDefence, sipPeers, sipSources } from './sip-defence.js';

function configWith(gateway: string, sip = ''): Config {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1, mediaPorts: { from: 20000, to: 20999 } }, { name: lan6, bind: "::1", mediaPorts: { from: 21000, to: 21999 } } ]
trunks:
  - { name: pbx, network: lan, sources: [ 10.0.0.5, "10.0.0.6:5062", 10.1.0.0/24 ] }
  - { name: pbx6, network: lan6, sources: [ "[fd00::7]:5060" ] }
gateways: [ { name: gw1, network: lan, address: "${gateway}" } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
${sip}`;
  return parseConfig(text, '/etc/simtrunk/config.yaml', { env: {} });
}

const TAKING = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], inbound: { address: "ADDRESS" } } ]
gateways: [ { name: gw1, network: lan, address: 10.0.0.20 } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
`;

describe('sipSources', () => {
  const known = ['10.0.0.5', '10.0.0.6', '10.1.0.0/24', 'fd00::7', '10.0.0.20'];

  it('lets in trunks and gateways alone, and knows them', () => {
    assert.deepEqual(sipSources(configWith('10.0.0.20:5080')), { allow: known, deny: [], known });
  });

  it('lets in whom the config adds, without knowing them, and denies whom it denies', () => {
    const sip = 'sip: { defence: { allow: [ 192.0.2.0/24 ], deny: [ 192.0.2.66 ] } }';
    assert.deepEqual(sipSources(configWith('10.0.0.20', sip)), {
      allow: [...known, '192.0.2.0/24'],
      deny: ['192.0.2.66'],
      known,
    });
  });

  it('lets in where a trunk is called for calls from mobiles, and everybody when that has a name', () => {
    const config = configWith('10.0.0.20');
    const calledAt = (address: string) => {
      const inbound = parseConfig(TAKING.replace('ADDRESS', address), '/x.yaml', { env: {} }).trunks[0]?.inbound;
      return { ...config, trunks: config.trunks.map((trunk) => ({ ...trunk, inbound })) };
    };
    assert.ok(sipSources(calledAt('10.0.0.9:5060')).allow?.includes('10.0.0.9'));
    assert.ok(sipPeers(calledAt('10.0.0.9:5060')).some(({ addresses }) => addresses.includes('10.0.0.9')));
    assert.equal(sipSources(calledAt('pbx.example')).allow, null);
  });

  it('lets everybody in when a gateway has a name, and knows the others', () => {
    assert.deepEqual(sipSources(configWith('gw1.example')), { allow: null, deny: [], known: known.slice(0, -1) });
  });
});

describe('sipPeers', () => {
  it('names the network of each peer, the most specific first, and leaves names out', () => {
    const config = configWith('10.1.0.20:5080');
    const [trunk] = config.trunks;
    assert.ok(trunk);
    const outer = { ...trunk, network: 'wan', nat: 'off' as const, sources: ['10.1.0.0/16', '10.9.0.1'] };
    assert.deepEqual(sipPeers({ ...config, trunks: [outer, trunk] }), [
      { addresses: ['10.1.0.20'], network: 'lan', followsContact: false },
      { addresses: ['10.9.0.1'], network: 'wan', followsContact: true },
      { addresses: ['10.0.0.5', '10.0.0.6', '10.1.0.0/24'], network: 'lan', followsContact: false },
      { addresses: ['10.1.0.0/16'], network: 'wan', followsContact: true },
    ]);
    assert.deepEqual(sipPeers({ ...configWith('gw1.example'), trunks: [] }), []);
  });
});

describe('sipDefence', () => {
  it('drops the scanners that a server alone drops, when nothing else is said', () => {
    assert.deepEqual(sipDefence(configWith('10.0.0.20')).scanners, SCANNER_USER_AGENTS);
  });

  it('reads false as no rate and no bans', () => {
    const sip = 'sip: { defence: { rate: false, knownRate: false, ban: false } }';
    const { rate, knownRate, ban } = sipDefence(configWith('10.0.0.20', sip));
    assert.deepEqual([rate, knownRate, ban], [null, null, null]);
  });
});
