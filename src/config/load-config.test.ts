import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { SimtrunkError } from '../lib/errors.js';
import { loadConfig, parseConfig } from './load-config.js';

const CONFIG_DIR = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'config');

const SOUND = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ] } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20" } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
`;

function parse(text: string, env: Record<string, string> = {}) {
  return parseConfig(text, '/etc/simtrunk/config.yaml', { env }, 'config.yaml');
}

/** The problems' lines, without the indent. */
function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    parse(text, env);
  } catch (error) {
    assert.ok(error instanceof SimtrunkError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

/** SOUND with one line replaced. */
function withLine(section: string, line: string): string {
  const key = new RegExp(`^${section}:.*$`, 'm');
  return key.test(SOUND) ? SOUND.replace(key, line) : `${SOUND}${line}\n`;
}

/** Checks that one changed line has exactly one problem, holding all the given texts. */
function assertOneProblem(section: string, line: string, ...texts: string[]): void {
  const problems = problemsOf(withLine(section, line));
  assert.equal(problems.length, 1, problems.join('\n'));
  for (const text of texts) assert.ok(problems[0]?.includes(text), `${problems[0]} should have: ${text}`);
}

describe('loadConfig', () => {
  it('loads the default config and every example', async () => {
    const files = readdirSync(join(CONFIG_DIR, 'examples')).map((file) => join(CONFIG_DIR, 'examples', file));
    // Beside them lie plan files and the simulator's scenarios.
    const examples = files.filter((file) => /^networks:/m.test(readFileSync(file, 'utf8')));
    assert.ok(examples.length >= 3);
    for (const file of [join(CONFIG_DIR, 'simtrunk.yaml'), ...examples]) {
      const config = await loadConfig(file, { env: { DRACHTIO_SECRET: 'made-up' } });
      assert.ok(config.channels.length > 0, file);
    }
  });

  it('gives the default config 44 SIMs, all bound to the loopback address', async () => {
    const config = await loadConfig(join(CONFIG_DIR, 'simtrunk.yaml'), { env: {} });
    assert.equal(config.channels.length, 44);
    assert.deepEqual(
      config.networks.map((network) => network.bind),
      ['127.0.0.1'],
    );
    assert.equal(config.plans[0]?.commercialUse, 'allowed');
  });

  it('says which file cannot be read', async () => {
    await assert.rejects(loadConfig('/nonexistent/simtrunk.yaml', { env: {} }), {
      code: 'CONFIG_UNREADABLE',
      message: /\/nonexistent\/simtrunk\.yaml/,
    });
  });

  it('fills in defaults, names and absolute paths', () => {
    const config = parse(SOUND);
    assert.equal(config.networks[0]?.advertise, '127.0.0.1');
    assert.equal(config.gateways[0]?.host, '10.0.0.20');
    assert.equal(config.gateways[0]?.port, 5060);
    assert.equal(config.trunks[0]?.traffic, 'commercial');
    assert.deepEqual(config.channels[0], {
      channelId: 'gw1/1',
      gateway: 'gw1',
      port: 1,
      simId: '+821012340001',
      enabled: true,
      gapMs: 2_000,
      line: undefined,
      codecs: undefined,
      groups: [],
      agents: [],
    });
    assert.equal(config.ledger.file, '/etc/simtrunk/var/simtrunk.db');
    assert.equal(config.cdr.sinks[0]?.dir, '/etc/simtrunk/var/cdr');
  });

  it('puts data below the folder given by the caller instead of the file’s', () => {
    const config = parseConfig(SOUND, '/etc/simtrunk/config.yaml', { env: {}, dataDir: '/srv/data' });
    assert.equal(config.dataDir, '/srv/data');
    assert.equal(config.recording.dir, '/srv/data/recordings');
  });

  it('knows a SIM by its ICCID when the channel names its number', () => {
    const sims = 'sims: [ { iccid: "8982050000000000001", number: "+821012340001", plan: office } ]';
    assert.equal(parse(withLine('sims', sims)).channels[0]?.simId, '8982050000000000001');
  });

  it('reads a secret from the environment, and says so when it is not set', () => {
    const text = withLine('sip', 'sip: { drachtio: { host: 127.0.0.1, secret: { env: SECRET } } }');
    assert.equal(parse(text, { SECRET: 'hush' }).sip.drachtio?.secret, 'hush');
    assert.match(problemsOf(text)[0] ?? '', /sip\.drachtio\.secret: environment variable SECRET is not set/);
  });

  it('reads a Homer collector, its port and its password from the environment, and says what is wrong with it', () => {
    const homer = (keys: string): string => withLine('sip', `sip: { homer: { ${keys} } }`);
    assert.deepEqual(parse(homer('address: 10.0.0.9')).sip.homer, {
      host: '10.0.0.9',
      port: 9060,
      captureId: 2001,
      password: '',
    });
    const text = homer('address: "homer.example:9061", captureId: 7, password: { env: HOMER }');
    assert.deepEqual(parse(text, { HOMER: 'hush' }).sip.homer, {
      host: 'homer.example',
      port: 9061,
      captureId: 7,
      password: 'hush',
    });
    assert.match(problemsOf(text)[0] ?? '', /sip\.homer\.password: environment variable HOMER is not set/);
    assertOneProblem(
      'sip',
      'sip: { homer: { address: "10.0.0.300" } }',
      'sip.homer.address',
      'must be host or host:port',
    );
  });

  it('reports every problem at once, each with file, line, column and path', () => {
    const problems = problemsOf(
      [
        'networks: [ { name: lan, bind: 127.0.0.1 } ]',
        'trunks: [ { name: pbx, network: wan, sources: [ 10.0.0.5/8 ], trafic: personal } ]',
        'gateways: [ { name: gw1, network: lan, address: "10.0.0.20", nat: maybe } ]',
        'plans: [ { name: office } ]',
        'sims: [ { number: "+821012340001", plan: ofice } ]',
        'channels: [ { gateway: gw1, port: one, sim: "+821012340001" } ]',
      ].join('\n'),
    );
    assert.deepEqual(
      problems.map((line) => line.replace(/: .*$/, '')),
      [
        'config.yaml:2:33  trunks[0].network',
        'config.yaml:2:49  trunks[0].sources[0]',
        'config.yaml:2:63  trunks[0].trafic',
        'config.yaml:3:67  gateways[0].nat',
        'config.yaml:4:10  plans[0].commercialUse',
        'config.yaml:5:42  sims[0].plan',
        'config.yaml:6:35  channels[0].port',
      ],
    );
    assert.match(problems[2] ?? '', /unknown key; did you mean "traffic"\? allowed: name, network, sources/);
    assert.match(problems[3] ?? '', /is "maybe"; must be one of "auto", "off"/);
    assert.match(problems[4] ?? '', /is missing; must be one of "allowed", "forbidden"/);
    assert.match(problems[5] ?? '', /did you mean "office"\?/);
    assert.match(problems[6] ?? '', /is "one"; must be a whole number/);
  });

  it('reports YAML that cannot be parsed with its place', () => {
    assert.match(problemsOf('networks: [\n  { name: lan')[0] ?? '', /^config\.yaml:2:\d+ {2}not valid YAML/);
    assert.match(
      problemsOf('log: {}\nlog: {}')[0] ?? '',
      /^config\.yaml:2:1 {2}not valid YAML: Map keys must be unique/,
    );
    const bomb = [
      'a: &a [x, x]',
      ...'bcdefgh'.split('').map((n, i) => `${n}: &${n} [${`*${'abcdefgh'[i]}, `.repeat(9)}]`),
    ];
    assert.match(problemsOf(bomb.join('\n'))[0] ?? '', /not valid YAML: Excessive alias count/);
  });

  it('calls an empty file empty, and says what it must have', () => {
    for (const text of ['', '# nothing yet\n', '---\n', '~', 'null\n']) {
      assert.deepEqual(problemsOf(text), [
        'config.yaml:1:1  the file is empty; it must have networks, trunks, gateways, plans, sims, channels',
      ]);
    }
    assert.match(problemsOf('- networks')[0] ?? '', /the file is a list; must be a group of keys/);
  });

  it('asks for quotes around numbers and ICCIDs that YAML would read as numbers', () => {
    assertOneProblem('sims', 'sims: [ { number: +821012340001, plan: office } ]', 'sims[0].number', 'put it in quotes');
  });

  it('refuses names that are taken, for networks, trunks, gateways and plans', () => {
    assertOneProblem(
      'plans',
      'plans: [ { name: office, commercialUse: allowed }, { name: office, commercialUse: forbidden } ]',
      'plans[1].name: "office" is already the name of plans[0]',
    );
  });

  it('refuses one SIM in two channels, also when named once by ICCID and once by number', () => {
    const text = withLine('sims', 'sims: [ { iccid: "8982050000000000001", number: "+821012340001", plan: office } ]');
    const channels =
      'channels: [ { gateway: gw1, port: 1, sim: "+821012340001" }, { gateway: gw1, port: 2, sim: "8982050000000000001" } ]';
    assert.match(problemsOf(text.replace(/^channels:.*$/m, channels))[0] ?? '', /one SIM can be in one channel only/);
  });

  it('refuses two channels in one port', () => {
    const problems = problemsOf(
      withLine(
        'channels',
        'channels: [ { gateway: gw1, port: 1, sim: "+821012340001" }, { gateway: gw1, port: 1, sim: "x" } ]',
      ),
    );
    assert.ok(problems.some((problem) => problem.includes('channel gw1/1 is already described at channels[0]')));
  });

  it('refuses two trunks with the same source, and a trunk at a gateway’s address', () => {
    assertOneProblem(
      'trunks',
      'trunks: [ { name: a, network: lan, sources: [ 10.0.0.5 ] }, { name: b, network: lan, sources: [ 10.0.0.5 ] } ]',
      'trunks[1].sources[0]',
      'the same source is already listed at trunks[0].sources[0]',
    );
    assertOneProblem(
      'trunks',
      'trunks: [ { name: a, network: lan, sources: [ "10.0.0.20:5060" ] } ]',
      'is the address of gateway "gw1"',
    );
  });

  it('sees that two spellings of one source are the same', () => {
    const trunks = (first: string, second: string) =>
      `trunks: [ { name: a, network: lan, sources: [ "${first}" ] }, { name: b, network: lan, sources: [ "${second}" ] } ]`;
    assertOneProblem('trunks', trunks('10.0.0.5', '::ffff:10.0.0.5'), 'the same source');
    const sixth = withLine('networks', 'networks: [ { name: lan, bind: "fd00::1" } ]').replace(
      '10.0.0.20',
      'gw.example',
    );
    const problems = problemsOf(sixth.replace(/^trunks:.*$/m, trunks('fd00::5', 'fd00:0::5/128')));
    assert.match(problems.join('\n'), /^[^\n]*trunks\[1\]\.sources\[0\]: the same source[^\n]*$/);
    const gateway = 'trunks: [ { name: a, network: lan, sources: [ "[::ffff:10.0.0.20]:5060" ] } ]';
    assertOneProblem('trunks', gateway, 'is the address of gateway "gw1"');
  });

  it('refuses media port ranges that are odd, reversed or overlap on one address', () => {
    const network = (ports: string) => `networks: [ { name: lan, bind: 127.0.0.1, mediaPorts: ${ports} } ]`;
    assertOneProblem('networks', network('{ from: 20001, to: 20999 }'), 'mediaPorts.from: is 20001; must be even');
    assertOneProblem('networks', network('{ from: 20000, to: 20998 }'), 'mediaPorts.to: is 20998; must be odd');
    assertOneProblem('networks', network('{ from: 30000, to: 29999 }'), 'must be less than');
    assertOneProblem(
      'networks',
      'networks: [ { name: lan, bind: 127.0.0.1 }, { name: wan, bind: 0.0.0.0, advertise: 192.0.2.1, mediaPorts: { from: 29998, to: 31999 }, sip: [ { transport: udp, port: 0 } ] } ]',
      'networks[1].mediaPorts: overlaps 20000 to 29999 of network "lan"',
    );
  });

  it('refuses a wildcard address without the address to advertise', () => {
    assertOneProblem('networks', 'networks: [ { name: lan, bind: 0.0.0.0 } ]', 'advertise must then be given');
  });

  it('refuses two listeners on one address and port, but any number on port 0', () => {
    const network = (listeners: string) => `networks: [ { name: lan, bind: 127.0.0.1, sip: [ ${listeners} ] } ]`;
    assertOneProblem(
      'networks',
      network('{ transport: udp, port: 5060 }, { transport: udp, port: 5060 }'),
      'networks[0].sip[1].port: udp 127.0.0.1 port 5060 is already taken by networks[0].sip[0]',
    );
    assert.deepEqual(
      problemsOf(withLine('networks', network('{ transport: udp, port: 0 }, { transport: udp, port: 0 }'))),
      [],
    );
  });

  it('reads a TLS listener, its paths relative to the file, and refuses a TLS gateway in a network without one', () => {
    const tls = '{ transport: tls, port: 5061, cert: tls/sip.pem, key: /etc/key.pem }';
    const network = `networks: [ { name: lan, bind: 127.0.0.1, sip: [ ${tls} ] } ]`;
    const gateway = 'gateways: [ { name: gw1, network: lan, address: "10.0.0.20", transport: tls } ]';
    const config = parse(withLine('networks', network).replace(/^gateways:.*$/m, gateway));
    assert.deepEqual(config.networks[0]?.sip, [
      {
        transport: 'tls',
        port: 5061,
        cert: '/etc/simtrunk/tls/sip.pem',
        key: '/etc/key.pem',
        requestClientCertificate: false,
        verifyServer: 'name',
      },
    ]);
    assert.equal(config.gateways[0]?.port, 5061);
    const named = parse(withLine('gateways', 'gateways: [ { name: gw1, network: lan, address: gw.example } ]'));
    assert.equal(named.gateways[0]?.port, undefined);
    assertOneProblem('gateways', gateway, 'gateways[0].transport: is tls, but network "lan" has no tls listener');
    assertOneProblem('networks', network.replace(', key: /etc/key.pem', ''), 'key: is missing');
    assertOneProblem('networks', network.replace('transport: tls', 'transport: ws'), 'must be');
  });

  it('refuses to deny a whole trunk’s source or a gateway, and allows to deny a part of a trunk’s block', () => {
    const deny = (entry: string): string => `sip: { defence: { deny: [ ${entry} ] } }`;
    assertOneProblem('sip', deny('10.0.0.0/28'), 'sip.defence.deny[0]', '10.0.0.5', 'trunk "pbx"');
    assertOneProblem('sip', deny('192.0.2.1, 10.0.0.20'), 'sip.defence.deny[1]', '10.0.0.20', 'gateway "gw1"');
    const trunks = 'trunks: [ { name: pbx, network: lan, sources: [ 10.0.1.0/24 ] } ]';
    assert.deepEqual(problemsOf(`${withLine('trunks', trunks)}${deny('10.0.1.7')}\n`), []);
  });

  it('takes false for no rate and no bans, and refuses a rate without its burst and what is no block', () => {
    const sip = (defence: string): string => `sip: { defence: { ${defence} } }`;
    assert.deepEqual(problemsOf(withLine('sip', sip('rate: false, knownRate: false, ban: false'))), []);
    assertOneProblem('sip', sip('rate: { messagesPerSecond: 5 }'), 'sip.defence.rate');
    assertOneProblem('sip', sip('allow: [ 10.0.0.1/8 ]'), 'sip.defence.allow[0]', 'must be an address or a CIDR block');
    assertOneProblem('sip', sip('ban: true'), 'sip.defence.ban');
  });

  it('refuses to pass on headers that carry an identity, belong to the dialog or are ours', () => {
    const refused = [
      ...['From', 'p-asserted-identity', 'Remote-Party-ID', 'Via', 'Identity', 'Privacy', 'Referred-By'],
      ...['X-Simtrunk-Loop', 'x-simtrunk-loop', 'Max-Breadth', 'Replaces', 'Join', 'Target-Dialog', 'Reason', 'RAck'],
      ...['Session-Expires', 'Min-SE', 'Require', 'Proxy-Require', 'Supported', 'Expires', 'Content-Disposition'],
    ];
    for (const header of refused) {
      const line = `sip: { allowedHeaders: [ X-Campaign, ${header} ] }`;
      assertOneProblem('sip', line, 'sip.allowedHeaders[1]', 'may not be passed on', 'allowed are others');
    }
    assertOneProblem('sip', 'sip: { allowedHeaders: [ x ] }', 'must be the full name, not the compact form');
    const names =
      'X-Campaign, User-to-User, Diversion, History-Info, P-Charging-Vector, P-Early-Media, Call-Info, Session-ID';
    const passed = `sip: { allowedHeaders: [ ${names} ], allowedHeadersToTrunks: [ ${names} ] }`;
    assert.deepEqual(problemsOf(withLine('sip', passed)), []);
    const back = 'sip: { allowedHeadersToTrunks: [ P-Asserted-Identity ] }';
    assertOneProblem('sip', back, 'sip.allowedHeadersToTrunks[0]', 'may not be passed on');
  });

  it('refuses a gateway or a source of the other IP family than its network, and allows names', () => {
    const fourth = 'networks: [ { name: lan, bind: 127.0.0.1 } ]';
    assertOneProblem(
      'gateways',
      'gateways: [ { name: gw1, network: lan, address: "[fd00::20]:5060" } ]',
      'gateways[0].address: is IPv6, but network "lan" is bound to 127.0.0.1; must be IPv4',
    );
    assertOneProblem(
      'trunks',
      'trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5, "fd00::/64" ] } ]',
      'trunks[0].sources[1]: is IPv6, but network "lan" is bound to 127.0.0.1; must be IPv4',
    );
    const sixth = SOUND.replace(fourth, 'networks: [ { name: lan, bind: "::", advertise: "fd00::1" } ]');
    assert.deepEqual(
      problemsOf(sixth).map((line) => line.replace(/^\S+ +/, '')),
      [
        'trunks[0].sources[0]: is IPv4, but network "lan" is bound to ::; must be IPv6',
        'gateways[0].address: is IPv4, but network "lan" is bound to ::; must be IPv6',
      ],
    );
    const named = 'gateways: [ { name: gw1, network: lan, address: gw.example } ]';
    assert.deepEqual(problemsOf(withLine('gateways', named)), []);
    assertOneProblem(
      'networks',
      'networks: [ { name: lan, bind: 127.0.0.1, advertise: "2001:db8::1" } ]',
      'networks[0].advertise: is IPv6, but bind is 127.0.0.1; must be IPv4',
    );
  });

  it('refuses a gateway whose address is one of our own SIP listeners', () => {
    const gateway = (address: string, more = '') =>
      `gateways: [ { name: gw1, network: lan, address: "${address}"${more} } ]`;
    for (const address of ['127.0.0.1', '127.0.0.1:5060', 'localhost:5060', '[::ffff:127.0.0.1]:5060']) {
      assertOneProblem('gateways', gateway(address), 'gateways[0].address', 'where network "lan" listens itself');
    }
    assertOneProblem('gateways', gateway('127.0.0.1:5060', ', transport: tcp'), 'listens itself');
    for (const address of ['127.0.0.1:5080', '127.0.0.2:5060', 'gw.example']) {
      assert.deepEqual(problemsOf(withLine('gateways', gateway(address))), []);
    }
    const behindNat = SOUND.replace('bind: 127.0.0.1', 'bind: 0.0.0.0, advertise: 192.0.2.1');
    for (const address of ['192.0.2.1', '127.0.0.1']) {
      assert.match(problemsOf(behindNat.replace(/^gateways:.*$/m, gateway(address))).join('\n'), /listens itself/);
    }
  });

  it('refuses a country that has no telephone numbers', () => {
    const trunk = (country: string) =>
      `trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], country: "${country}" } ]`;
    for (const country of ['ZZ', 'kr', 'KOR', '82', '']) {
      assertOneProblem('trunks', trunk(country), 'trunks[0].country', 'must be an ISO 3166 code', 'such as KR');
    }
    for (const country of ['KR', 'US', 'DE', 'AE'])
      assert.deepEqual(problemsOf(withLine('trunks', trunk(country))), []);
  });

  it('refuses a source that two trunks list in different networks, since sources alone tell trunks apart', () => {
    const text = SOUND.replace(/^networks:.*$/m, () =>
      ['networks:', '  - { name: lan, bind: 127.0.0.1 }', '  - { name: wan, bind: 127.0.0.2 }'].join('\n'),
    ).replace(
      /^trunks:.*$/m,
      'trunks: [ { name: a, network: lan, sources: [ 10.0.0.5 ] }, { name: b, network: wan, sources: [ 10.0.0.5 ] } ]',
    );
    const problems = problemsOf(text);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', /trunks\[1\]\.sources\[0\]: the same source .* whatever its network/);
  });

  it('refuses a warning tone sooner than half a slice before the end, where no end is known', () => {
    assertOneProblem(
      'call',
      'call: { warningToneSeconds: 16 }',
      'call.warningToneSeconds: must be at most half of',
      '30',
    );
    assert.deepEqual(problemsOf(withLine('call', 'call: { warningToneSeconds: 15 }')), []);
    const longer = withLine('call', 'call: { warningToneSeconds: 60 }\nledger: { sliceSeconds: 120 }');
    assert.deepEqual(problemsOf(longer), []);
  });

  it('refuses a slice in which no renewal would come in time', () => {
    assertOneProblem('ledger', 'ledger: { sliceSeconds: 3 }', 'ledger.sliceSeconds', '4');
  });

  it('refuses CDRs without a sink, and two sinks in one folder', () => {
    assertOneProblem('cdr', 'cdr: { sinks: [] }', 'cdr.sinks: is empty; must have at least one entry');
    const twice = 'cdr: { sinks: [ { kind: ndjson }, { kind: ndjson, dir: ./cdr/ } ] }';
    assertOneProblem('cdr', twice, 'cdr.sinks[1].dir', 'is already the folder of cdr.sinks[0]');
    assert.deepEqual(
      problemsOf(withLine('cdr', 'cdr: { sinks: [ { kind: ndjson }, { kind: ndjson, dir: copy } ] }')),
      [],
    );
  });

  it('checks what is sound of a part beside what is not', () => {
    const text = [
      'networks: [ { name: lan, bind: 127.0.0.1, colour: red } ]',
      'sip: { t1Ms: soon, defence: { deny: [ 10.0.0.5 ], rate: fast }, drachtio: { host: 7, secret: { env: UNSET } } }',
      'trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], nat: maybe } ]',
      'gateways: [ { name: gw1, network: lan, address: "127.0.0.1:5060", gapMs: -1 } ]',
      'plans: [ { name: office, commercialUse: perhaps } ]',
      'sims: [ { number: "+821012340001", plan: office, iccid: "1" } ]',
      'channels: [ { gateway: gw1, port: 1, sim: "+821012340001", enabled: 2 }, { gateway: gw1, port: 1, sim: "x" } ]',
      'cdr: { sinks: [], recordingDeadlineMs: -1 }',
    ].join('\n');
    assert.deepEqual(
      problemsOf(text).map((line) => line.replace(/^\S+ +/, '').replace(/: .*$/, '')),
      [
        'networks[0].colour',
        'sip.t1Ms',
        'sip.defence.deny[0]',
        'sip.defence.rate',
        'sip.drachtio.host',
        'sip.drachtio.secret',
        'trunks[0].nat',
        'gateways[0].address',
        'gateways[0].gapMs',
        'plans[0].commercialUse',
        'sims[0].iccid',
        'channels[0].enabled',
        'channels[1].port',
        'channels[1].sim',
        'cdr.sinks',
        'cdr.recordingDeadlineMs',
      ],
    );
  });

  it('refuses an allowance for classes that its plan cannot call', () => {
    assertOneProblem(
      'plans',
      'plans: [ { name: office, commercialUse: allowed, allowances: [ { id: a, counts: seconds, window: { kind: day }, limit: 1, classes: [ premium ] } ] } ]',
      'plans[0].allowances[0].classes: the plan cannot call premium at all',
    );
  });

  it('refuses a spend cap in another currency than a plan’s', () => {
    assertOneProblem(
      'trunks',
      'trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], spendCap: { perDay: "5", currency: EUR } } ]',
      'trunks[0].spendCap.currency: is EUR, but plan "office" costs KRW',
    );
  });

  it('names what is allowed where a value may have one of several shapes', () => {
    const trunk = (cap: string) => `trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ], spendCap: ${cap} } ]`;
    assertOneProblem('trunks', trunk('true'), 'trunks[0].spendCap: is true; must be false or { perDay, currency }');
    assertOneProblem('trunks', trunk('{ perDay: "1", currency: KRW, per: 1 }'), 'spendCap.per: unknown key', 'perDay');
    assertOneProblem('trunks', trunk('{ perDay: 1.5, currency: KRW }'), 'spendCap.perDay', 'put it in quotes');
    const allowance = (rest: string) =>
      `plans: [ { name: office, commercialUse: allowed, allowances: [ { id: a, counts: seconds, limit: 1, classes: [ mobile ], ${rest} } ] } ]`;
    assertOneProblem('plans', allowance('window: { kind: week }'), 'window.kind: is "week"; must be "day" or "month"');
    assertOneProblem('plans', allowance('window: { }'), 'window.kind: is missing; must be "day" or "month"');
    assertOneProblem(
      'plans',
      allowance('window: { kind: day, resetDay: 3 }'),
      'window.resetDay: unknown key',
      'allowed: kind',
    );
  });

  it('refuses a dial template that has unknown placeholders, no number, or characters that SIP cannot carry', () => {
    const gateway = (dial: string) => `gateways: [ { name: gw1, network: lan, address: 10.0.0.20, dial: "${dial}" } ]`;
    assertOneProblem('gateways', gateway('{prt}{number}'), 'unknown placeholder {prt}');
    assertOneProblem('gateways', gateway('{port}'), 'must contain {number} or {e164}');
    assertOneProblem('gateways', gateway('{number}@x'), 'only characters of a SIP user part');
  });

  it('never throws anything but CONFIG_INVALID, whatever the text', () => {
    const words = fc.constantFrom(
      ...SOUND.split(/(\s+|[[\]{},:])/).filter((word) => word !== ''),
      '!!x',
      '&a',
      '*a',
      '-',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 80 }), fc.string({ maxLength: 20 }), (parts, extra) => {
        problemsOf(parts.join('') + extra);
      }),
      { numRuns: 400 },
    );
  });

  it('reports a damaged value wherever it stands, and nothing but problems at or below it or its dependants', () => {
    const lines = SOUND.trim().split('\n');
    const junk = fc.constantFrom('null', '7', 'text', 'true', '[]', '{}', '[ 3 ]', '{ a: 1 }', '-1', '1.5');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: lines.length - 1 }), junk, (index, value) => {
        const key = (lines[index] ?? '').split(':')[0] ?? '';
        const problems = problemsOf(withLine(key, `${key}: ${value}`));
        assert.ok(problems.some((problem) => problem.includes(`  ${key}`)));
      }),
    );
  });
});
