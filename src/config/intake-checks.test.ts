import assert from 'node:assert/strict';
import { SimtrunkError } from '../lib/errors.js';
import { parseConfig } from './load-config.js';

function yaml({
  trunks = '{ name: pbx, network: lan, sources: [ 10.0.0.5 ] }',
  sip = '',
  gateway = '',
  channel = '',
}): string {
  return `
networks: [ { name: lan, bind: 127.0.0.1 } ]
${sip === '' ? '' : `sip: { ${sip} }`}
trunks: [ ${trunks} ]
gateways: [ { name: gw1, network: lan, address: 10.0.0.20${gateway} } ]
plans: [ { name: p, commercialUse: allowed } ]
sims: [ { number: "+821012345678", plan: p } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012345678"${channel} } ]
`;
}

function parse(parts: Parameters<typeof yaml>[0], env: Record<string, string> = {}) {
  return parseConfig(yaml(parts), '/etc/simtrunk.yaml', { env });
}

function assertProblem(parts: Parameters<typeof yaml>[0], text: string): void {
  assert.throws(
    () => parse(parts),
    (error: unknown) => error instanceof SimtrunkError && error.message.includes(text),
  );
}

describe('who is let in, as the config has it', () => {
  it('takes a trunk by credentials alone, beside one by its source', () => {
    const digest = 'digest: { username: branch, password: { env: BRANCH } }';
    const both = `{ name: pbx, network: lan, sources: [ 10.0.0.5 ] }, { name: branch, network: lan, ${digest} }`;
    const config = parse({ trunks: both }, { BRANCH: 'open sesame' });
    assert.deepEqual(
      config.trunks.map(({ sources }) => sources),
      [['10.0.0.5'], []],
    );
    assert.deepEqual([...config.credentials.trunks], [['branch', { username: 'branch', password: 'open sesame' }]]);
  });

  it('keeps passwords out of everything that a call carries', () => {
    const digest = 'digest: { username: u, password: "the password" }';
    const config = parse({
      trunks: `{ name: pbx, network: lan, sources: [ 10.0.0.5 ], ${digest} }`,
      gateway: `, ${digest}`,
      channel: `, ${digest}`,
    });
    const { credentials, ...rest } = config;
    assert.ok(!JSON.stringify(rest).includes('the password'));
    assert.equal(credentials.gateways.get('gw1')?.password, 'the password');
    assert.equal(credentials.channels.get('gw1/1')?.password, 'the password');
  });

  it('refuses a trunk that nobody could be', () => {
    assertProblem({ trunks: '{ name: pbx, network: lan }' }, 'trunks[0]: needs sources, digest or certificate');
  });

  it('refuses a user name that two trunks have', () => {
    const trunk = (name: string) => `{ name: ${name}, network: lan, digest: { username: u, password: p } }`;
    assertProblem({ trunks: `${trunk('a')}, ${trunk('b')}` }, '"u" is already the name of trunks[0].digest');
  });

  it('refuses a certificate that nobody would ask for, or that two trunks have', () => {
    const trunk = '{ name: pbx, network: lan, certificate: pbx.example }';
    assertProblem({ trunks: trunk }, 'needs a tls listener with requestClientCertificate: true in network "lan"');
    assertProblem({ trunks: trunk, sip: 'drachtio: { host: h, secret: s }' }, 'needs the embedded SIP server');
    assertProblem(
      { trunks: `${trunk}, { name: b, network: lan, certificate: PBX.example }` },
      'already the certificate of',
    );
  });

  it('says which password is not set', () => {
    const digest = 'digest: { username: u, password: { env: GW_PASSWORD } }';
    const text = 'gateways[0].digest.password: environment variable GW_PASSWORD is not set';
    assertProblem({ gateway: `, ${digest}` }, text);
    assertProblem({ channel: `, ${digest}` }, 'channels[0].digest.password: environment variable');
    assertProblem({ sip: 'digest: { nonceSecret: { env: NONCE } }' }, 'environment variable NONCE is not set');
  });

  it('refuses names and realms that would end a header', () => {
    for (const username of ['"a\\r\\nX: 1"', "'a\"b'", '"a\\\\b"', '""']) {
      assertProblem({ gateway: `, digest: { username: ${username}, password: p }` }, 'username');
    }
    assertProblem({ sip: 'digest: { algorithms: [ SHA-1 ] }' }, 'algorithms');
  });

  it('refuses lines that register at a node which shares its SIP server', () => {
    const gateway = ', registers: {}, digest: { username: u, password: p }';
    const drachtio = (shared: boolean) => `drachtio: { host: h, secret: s, shared: ${shared} }`;
    parse({ gateway, sip: drachtio(false) });
    assertProblem({ gateway, sip: drachtio(true) }, 'gateways[0].registers: cannot be with sip.drachtio.shared');
  });
});
