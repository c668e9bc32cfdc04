import assert from 'node:assert/strict';
import { SimtrunkError } from '../lib/errors.js';
import { parseConfig } from './load-config.js';

function problemsOf(gateway: string, channels: readonly string[] = [], sip = '{}', trunk = 'nat: auto'): string[] {
  const sims = channels.map((_, i) => `{ number: "+82101234000${i}", plan: office }`);
  const placed = channels.map((channel, i) => `{ gateway: gw1, sim: "+82101234000${i}", ${channel} }`);
  const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
sip: ${sip}
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], ${trunk} } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20", ${gateway} } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ ${sims.length === 0 ? '{ number: "+821012340009", plan: office }' : sims.join(', ')} ]
channels: [ ${placed.length === 0 ? '{ gateway: gw1, port: 9, sim: "+821012340009" }' : placed.join(', ')} ]
`;
  try {
    parseConfig(text, '/etc/simtrunk/config.yaml', { env: {} }, 'config.yaml');
  } catch (error) {
    assert.ok(error instanceof SimtrunkError && error.code === 'CONFIG_INVALID');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

function assertOne(problems: readonly string[], ...texts: string[]): void {
  assert.equal(problems.length, 1, problems.join('\n'));
  for (const text of texts) assert.ok(problems[0]?.includes(text), `${problems[0]} should have: ${text}`);
}

describe('how a gateway is told which SIM calls', () => {
  it('is a matter of its templates: prefix, port, line, header or parameter', () => {
    const gateway = `dial: "{port:2}{number}", uriParameters: { gsm: "{line}" }, headers: { X-Line: "{line}" },
      callerId: [ p-asserted-identity, remote-party-id ], fromUser: "line-{line}"`;
    assert.deepEqual(problemsOf(gateway, ['port: 1, line: "1001"', 'port: 2']), []);
  });

  it('names what a template may hold', () => {
    assertOne(problemsOf('dial: "{prot}{number}"'), 'dial', '{prot}', '{port}, {number}, {e164}, {sim} and {line}');
    assertOne(
      problemsOf('fromUser: "{number}", callerId: [ remote-party-id ]'),
      'fromUser',
      '{port}, {sim} and {line}',
    );
    assertOne(problemsOf('dial: "{port:x}#{number}"'), '{port:x}', '{port:2}');
    assertOne(problemsOf('dial: "{line:2}#{number}"'), '{line:2}');
  });

  it('never lets the config set a caller ID that is not the SIM’s own, nor a header of simtrunk’s', () => {
    for (const name of ['P-Asserted-Identity', 'remote-party-id', 'From', 'Via', 'Privacy', 'Authorization']) {
      assertOne(problemsOf(`headers: { ${name}: "x" }`), 'headers', name, 'may not be set');
    }
    assertOne(problemsOf('fromUser: "01012345678", callerId: [ remote-party-id ]'), 'fromUser', 'the SIM’s own');
    assertOne(problemsOf('fromUser: "{line}"'), 'fromUser', 'must be left out');
  });

  it('never lets a header or a parameter become two, or a call go elsewhere', () => {
    assertOne(problemsOf('headers: { X-Line: "a\\r\\nVia: b" }'), 'printable ASCII');
    assertOne(problemsOf('headers: { "X Line": "a" }'), 'must be a SIP header name');
    for (const name of ['transport', 'MADDR', 'lr']) {
      assertOne(problemsOf(`uriParameters: { ${name}: "x" }`), name, 'where the call goes');
    }
    assertOne(problemsOf('uriParameters: { gsm: "a b" }'), 'without spaces');
    assertOne(problemsOf('headers: { X-Line: "1", x-line: "2" }'), 'the same header');
  });

  it('never lets a PBX choose the SIM by a header that is passed on', () => {
    const problems = problemsOf('headers: { X-Line: "{line}" }', [], '{ allowedHeaders: [ x-line ] }');
    assertOne(problems, 'headers.X-Line', 'sip.allowedHeaders');
  });

  it('takes no header twice from the list of those that are passed on', () => {
    const problems = problemsOf('maxCalls: 1', [], '{ allowedHeaders: [ X-Line, X-Other, x-line ] }');
    assertOne(problems, 'sip.allowedHeaders[2]', 'listed already');
  });

  it('never lets a gateway say what its trunk is to hear of us', () => {
    const inbound = 'inbound: { address: 10.0.0.5, headers: { X-Sim: "{sim}" } }';
    const sip = '{ allowedHeadersToTrunks: [ x-sim ] }';
    assertOne(problemsOf('maxCalls: 1', [], sip, inbound), 'inbound.headers.X-Sim', 'sip.allowedHeadersToTrunks');
  });

  it('refuses prefixes of which one is the beginning of another', () => {
    assertOne(problemsOf('dial: "{port}{number}"', ['port: 1', 'port: 10']), 'the prefix 1', '10', '{port:2}{number}');
    assert.deepEqual(problemsOf('dial: "{port:2}{number}"', ['port: 1', 'port: 10']), []);
    assert.deepEqual(problemsOf('dial: "{port}#{number}"', ['port: 1', 'port: 10']), []);
    assertOne(problemsOf('dial: "9{line}{e164}"', ['port: 1, line: "a"', 'port: 2, line: "ab"']), 'the prefix 9a');
  });

  it('refuses two channels of one gateway with the same line, also where the one has its port for it', () => {
    assertOne(problemsOf('maxCalls: 2', ['port: 1, line: "2"', 'port: 2']), 'channels[1].line', '2 of gw1');
    assertOne(problemsOf('maxCalls: 2', ['port: 1, line: "a b"', 'port: 2']), 'channels[0].line', '1 to 64');
  });

  it('refuses a line that looks like another’s telephone number, and takes the SIM’s own', () => {
    assertOne(problemsOf('maxCalls: 1', ['port: 1, line: "01099998888"']), 'channels[0].line', '+821012340000');
    for (const line of ['01012340000', '+821012340000', '1001', 'sim01099998888']) {
      assert.deepEqual(problemsOf('maxCalls: 1', [`port: 1, line: "${line}"`]), [], line);
    }
  });

  it('refuses a place that is listed twice, and no place at all', () => {
    assertOne(problemsOf('callerId: [ from, from ]'), 'callerId[1]', 'listed already');
    assert.equal(problemsOf('callerId: []').length, 1);
  });
});
