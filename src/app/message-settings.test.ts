import assert from 'node:assert/strict';
import { parseConfig } from '../config/load-config.js';
import { messageGateways } from './message-settings.js';

describe('gateways of text messages', () => {
  it('have one object for the same limits, so that a text is measured once for them', () => {
    const names = ['gw1', 'gw2', 'gw3', 'gw4'];
    const keys = ['{}', '{ alphabet: euc-kr }', '{}', '{ via: none }'];
    const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ] } ]
gateways: [ ${names.map((name, n) => `{ name: ${name}, network: lan, address: "10.0.0.2${n}", messages: ${keys[n]} }`)} ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ ${names.map((_, n) => `{ number: "+82101234000${n}", plan: office }`)} ]
channels: [ ${names.map((name, n) => `{ gateway: ${name}, port: 1, sim: "+82101234000${n}" }`)} ]
`;
    const [first, second, third, ...others] = messageGateways(parseConfig(text, '/nowhere/simtrunk.yaml', { env: {} }));
    assert.equal(first?.limits, third?.limits);
    assert.notEqual(first?.limits, second?.limits);
    assert.deepEqual([first?.limits.alphabet, second?.limits.alphabet, others.length], ['gsm', 'euc-kr', 0]);
  });
});
