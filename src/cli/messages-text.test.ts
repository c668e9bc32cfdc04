import assert from 'node:assert/strict';
import { parseConfig } from '../config/load-config.js';
import { messagesRows, messagesWarnings } from './messages-text.js';

function configOf(gatewayKeys: string, trunkKeys = '', planKeys = '', rest = '') {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ]${trunkKeys} } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20"${gatewayKeys} } ]
plans: [ { name: office, commercialUse: allowed${planKeys} } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
${rest}
`;
  return parseConfig(text, '/nowhere/simtrunk.yaml', { env: {} });
}

const RATES = ', messageRates: { sms: "22", lms: "44", mms: "220" }';

describe('what check says of text messages', () => {
  it('is what each gateway sends, where trunks are told, and whose the API is', () => {
    const api = 'api: { tokens: [ { name: crm, trunk: pbx, secret: x } ] }';
    const told = ', messages: { to: "sip:sms@10.0.0.5", webhook: { url: "http://crm.example/" } }';
    const sending = 'via: http, http: { preset: json }, alphabet: euc-kr, lmsBytes: 2000, mms: true';
    assert.deepEqual(messagesRows(configOf(`, messages: { ${sending} }`, told, RATES, api)), [
      ['messages', 'gw1 over HTTP (euc-kr): SMS of 90 bytes, LMS of 2000 bytes, MMS'],
      ['messages', 'trunk pbx is told at sip:sms@10.0.0.5 and its webhook'],
      ['HTTP API', '127.0.0.1:8080, for crm'],
    ]);
    assert.deepEqual(messagesRows(configOf(', messages: { alphabet: euc-kr }'))[0], [
      ...['messages', 'gw1 over SIP (euc-kr): SMS of 90 bytes'],
    ]);
    assert.deepEqual(messagesRows(configOf(', messages: { via: none }')), [['messages', 'gw1 only receives']]);
    const poll = 'poll: { preset: dinstar, url: "http://10.0.0.20" }';
    assert.deepEqual(messagesRows(configOf(`, messages: { via: none, ${poll} }`))[0], [
      ...['messages', 'gw1 only receives; asked every 10 s for what it keeps'],
    ]);
    assert.deepEqual(messagesRows(configOf('', told)), []);
  });

  it('warns of messages that no plan has, and of an API that others can hear', () => {
    assert.match(messagesWarnings(configOf(', messages: {}'))[0] ?? '', /gw1 sends text messages, but no plan/);
    assert.deepEqual(messagesWarnings(configOf(', messages: {}', '', RATES)), []);
    assert.deepEqual(messagesWarnings(configOf(', messages: { via: none }')), []);
    const api = 'api: { address: 0.0.0.0, tokens: [ { name: crm, trunk: pbx, secret: x } ] }';
    assert.match(messagesWarnings(configOf('', '', '', api))[0] ?? '', /listens on 0\.0\.0\.0 without TLS/);
  });
});
