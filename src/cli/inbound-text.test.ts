import assert from 'node:assert/strict';
import { parseConfig } from '../config/load-config.js';
import { inboundRows, inboundWarnings } from './inbound-text.js';

function configOf(trunkKeys: string, gatewayKeys: string) {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ]${trunkKeys} } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20"${gatewayKeys} } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
`;
  return parseConfig(text, '/nowhere/simtrunk.yaml', { env: {} });
}

const TAKEN = ', inbound: {}';

describe('what check says of calls from mobiles', () => {
  it('is where they go, in their order', () => {
    const keys = ', agentFrom: from-user, inbound: { address: 10.0.0.5, announcement: closed.wav }';
    const all = 'the agent of the last 72 h at 10.0.0.5:5060, then {sim} at 10.0.0.5:5060';
    assert.deepEqual(inboundRows(configOf(keys, TAKEN)), [
      ['mobiles', `gw1 to pbx: ${all}, then the announcement /nowhere/closed.wav`],
    ]);
    assert.deepEqual(inboundRows(configOf('', '')), []);
  });

  it('warns of what goes nowhere, comes from nowhere, or is not there', () => {
    assert.deepEqual(inboundWarnings(configOf('', '')), []);
    assert.match(inboundWarnings(configOf('', TAKEN)).join(), /no trunk has inbound/);
    const address = ', agentFrom: from-user, inbound: { address: 10.0.0.5 }';
    assert.match(inboundWarnings(configOf(address, '')).join(), /no gateway has inbound/);
    assert.deepEqual(inboundWarnings(configOf(address, TAKEN)), []);
    const silent = ', inbound: { announcement: closed.wav }';
    assert.match(inboundWarnings(configOf(silent, TAKEN)).join(), /there is no file \/nowhere\/closed\.wav/);
    assert.match(inboundWarnings(configOf(', inbound: { address: 10.0.0.5 }', TAKEN)).join(), /has no agents/);
  });
});
