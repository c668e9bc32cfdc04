import assert from 'node:assert/strict';
import { parseConfig } from './load-config.js';

const SIMS = [1, 2].map((n) => `{ number: "+82101234000${n}", plan: office }`).join(', ');
const CHANNELS = [1, 2].map((n) => `{ gateway: gw1, port: ${n}, sim: "+82101234000${n}" }`).join(', ');

function parsed(trunkKeys: string, gatewayKeys: string, others = '') {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1, sip: [ { transport: udp, port: 5060 } ] } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ]${trunkKeys} }${others} ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20"${gatewayKeys} } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ ${SIMS} ]
channels: [ ${CHANNELS} ]
`;
  return parseConfig(text, '/etc/simtrunk/config.yaml', { env: { PBX_SECRET: 'sesame' } }, 'config.yaml');
}

const OTHER = ', { name: other, network: lan, sources: [ 10.0.0.6 ], inbound: { address: 10.0.0.6 } }';

describe('a config with calls from mobiles', () => {
  it('has an address with its port, an absolute path of the announcement, and the one trunk that takes them', () => {
    const { trunks, gateways, credentials } = parsed(
      ', inbound: { address: 10.0.0.5, announcement: closed.wav, digest: { username: us, password: { env: PBX_SECRET } } }',
      ', inbound: {}',
    );
    assert.deepEqual(trunks[0]?.inbound?.address, { host: '10.0.0.5', port: 5060, transport: 'udp' });
    assert.equal(trunks[0]?.inbound?.announcement, '/etc/simtrunk/closed.wav');
    assert.deepEqual(gateways[0]?.inbound, { channelFrom: 'request-uri', callerFrom: 'from', trunk: 'pbx' });
    assert.deepEqual(credentials.gateways.get('trunk:pbx'), { username: 'us', password: 'sesame' });
  });

  it('leaves the port of a name to its SRV records', () => {
    const { trunks } = parsed(', inbound: { address: pbx.example }', '');
    assert.equal(trunks[0]?.inbound?.address?.port, undefined);
    assert.equal(trunks[0]?.inbound?.announcement, null);
  });

  it('sends calls of a gateway that names no trunk to the one that takes them, or to the first', () => {
    assert.equal(parsed('', ', inbound: {}', OTHER).gateways[0]?.inbound?.trunk, 'other');
    assert.equal(parsed('', ', inbound: {}').gateways[0]?.inbound?.trunk, 'pbx');
  });

  it('has to say which of several trunks takes the calls of nobody’s callee', () => {
    assert.throws(
      () => parsed(', inbound: { address: 10.0.0.5 }', ', inbound: {}', OTHER),
      /gateways\[0\]\.inbound\.trunk: is missing: pbx and other both take calls/,
    );
    assert.throws(() => parsed('', ', inbound: { trunk: nobody }'), /no such entry in trunks: "nobody"/);
  });

  it('cannot take calls nowhere, over a transport that is not listened on, or at another family’s address', () => {
    assert.throws(() => parsed(', inbound: { connection: true }', ''), /has no such listener/);
    assert.throws(() => parsed(', inbound: {}', ''), /must have an address where the PBX is called, an announcement/);
    assert.throws(() => parsed(', inbound: { address: 10.0.0.5, transport: tcp }', ''), /has no tcp listener/);
    assert.throws(() => parsed(', inbound: { address: "[fd00::5]:5060" }', ''), /is IPv6, but network "lan"/);
  });

  it('refuses places and templates that mean nothing', () => {
    assert.throws(() => parsed('', ', inbound: { channelFrom: via }'), /must be request-uri, to, line, source-port/);
    assert.throws(() => parsed('', ', inbound: { callerFrom: to }'), /must be from, p-asserted-identity/);
    assert.throws(
      () => parsed(', inbound: { address: 10.0.0.5, default: "{callee}" }', ''),
      /unknown placeholder \{callee\}/,
    );
    assert.throws(() => parsed(', inbound: { address: 10.0.0.5, default: "a b" }', ''), /SIP user part/);
    assert.throws(() => parsed(', inbound: { address: 10.0.0.5, headers: { Via: x } }', ''), /may not be set/);
    assert.throws(() => parsed(', inbound: { address: 10.0.0.5, affinityHours: 721 }', ''), /affinityHours/);
  });
});
