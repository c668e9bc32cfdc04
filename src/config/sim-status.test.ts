import assert from 'node:assert/strict';
import { readReports } from '../sim-state/read-reports.js';
import type { Config } from './config.js';
import { parseConfig } from './load-config.js';
import { bodyFor, pathFor } from './resolve-sim-status.js';
import { SIM_STATUS_PRESETS } from './sim-status-presets.js';

function configWith(simStatus: string, more = '', env: Record<string, string> = {}): Config {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ] } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20", simStatus: ${simStatus} }${more} ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340007", plan: office }, { number: "+821012340012", plan: office }, { number: "+821012340013", plan: office } ]
channels:
  - { gateway: gw1, port: 7, sim: "+821012340007" }
  - { gateway: gw1, port: 12, line: east, sim: "+821012340012" }
  ${more === '' ? '' : '- { gateway: gw2, port: 7, sim: "+821012340013" }'}
`;
  return parseConfig(text, '/etc/simtrunk/config.yaml', { env }, 'config.yaml');
}

describe('gateways[].simStatus', () => {
  it('is nothing by default', () => {
    assert.deepEqual(configWith('false').simStatus, []);
  });

  it('gives a poller what a preset says, its channels by the names of their ports, and no password', () => {
    const config = configWith(
      '{ kind: http, preset: ejoin, url: "http://10.0.0.20:8080", account: { username: root, password: { env: WEB } }, weakSignalBelow: 8 }',
      '',
      { WEB: 'a&b' },
    );
    const [told] = config.simStatus;
    assert.ok(told?.kind === 'http');
    assert.deepEqual(told.channels, [
      { channelId: 'gw1/7', names: ['7', '7.01', '7A'] },
      { channelId: 'gw1/12', names: ['east', '12.01', '12A'] },
    ]);
    assert.deepEqual(
      [told.intervalMs, told.timeoutMs, told.maxAgeMs, told.weakSignalBelow],
      [30_000, 5_000, 120_000, 8],
    );
    assert.ok(!JSON.stringify([config.simStatus, config.gateways]).includes('a&b'));
    const account = config.credentials.simStatus.get('gw1');
    assert.equal(pathFor(told.template.path, account), '/goip_get_status.html?username=root&password=a%26b');
  });

  it('gives a listener the id of each line', () => {
    const config = configWith('{ kind: goip, id: "l{port:2}-{line}", password: secret }');
    const [told] = config.simStatus;
    assert.deepEqual(
      told?.channels.map(({ names }) => names[0]),
      ['l07-7', 'l12-east'],
    );
    assert.deepEqual(config.credentials.simStatus.get('gw1'), { username: '', password: 'secret' });
  });

  it('compares no calls unless it is told to, and then by the preset’s template, at an hour of the gateway’s zone', () => {
    const counterOf = (counter: string) => {
      const account = 'account: { username: root, password: x }';
      const [told] = configWith(
        `{ kind: http, preset: ejoin, url: "http://10.0.0.20", ${account}${counter} }`,
      ).simStatus;
      return told?.kind === 'http' ? told.counter : undefined;
    };
    assert.equal(counterOf(''), null);
    const counter = counterOf(', counter: { at: "03:30", directions: both }');
    assert.deepEqual(
      [counter?.atMinute, counter?.timeZone, counter?.bothDirections, counter?.callsMayDiffer],
      [210, 'Asia/Seoul', true, 0],
    );
    assert.deepEqual(counter?.channels[0], { channelId: 'gw1/7', names: ['7'] });
    assert.equal(counter?.template.counts, 'totals');
  });

  it('writes the span that it asks for as URLs and JSON have it', () => {
    const span = { from: '2026-11-20 04:00:00', to: '2026-11-21 04:00:00' };
    assert.equal(
      pathFor('/x?a={from}&b={to}', undefined, span),
      '/x?a=2026-11-20%2004%3A00%3A00&b=2026-11-21%2004%3A00%3A00',
    );
    assert.deepEqual(JSON.parse(bodyFor('{"time_after":"{from}","time_before":"{to}"}', span)), {
      time_after: span.from,
      time_before: span.to,
    });
  });

  const FAULTS: readonly [string, RegExp][] = [
    ['{ kind: http, url: "http://10.0.0.20" }', /simStatus: needs a preset or a template of its own/],
    ['{ kind: http, preset: ejoin, url: "http://10.0.0.20" }', /simStatus: needs account/],
    ['{ kind: http, preset: dinstar, url: "ftp://10.0.0.20" }', /url: is .*; must be http:\/\//],
    ['{ kind: http, preset: dinstar, url: "http://a:b@10.0.0.20/x" }', /url: is .*; must be http:\/\//],
    [
      '{ kind: http, preset: dinstar, url: "http://10.0.0.20", intervalSeconds: 60, maxAgeSeconds: 30 }',
      /maxAgeSeconds: is less than intervalSeconds/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/a", list: "", port: p } }',
      /must have present, registered or signal/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: a, list: "", port: p, signal: s } }',
      /path: is .*; may contain only a path that begins/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/{user}", list: "", port: p, signal: s } }',
      /unknown placeholder \{user\}/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/{username:3}", list: "", port: p, signal: s } }',
      /has \{username:3\}; a number of digits/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/", list: "", port: p, portIs: [ same ], signal: s } }',
      /template\.portIs: calls both gw1\/7 and gw1\/12 "same"/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { method: POST, path: "/", body: "{from}", list: "", port: p, signal: s } }',
      /body: is .*; has the unknown placeholder \{from\}; none is/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/", body: "{}", list: "", port: p, signal: s } }',
      /body: needs method: POST/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/", list: "", port: p, present: { field: a } } }',
      /must have is or isNot/,
    ],
    [
      '{ kind: http, preset: dinstar, url: "http://10.0.0.20", counter: { template: { path: "/", list: a, port: b, counts: calls } } }',
      /counter: needs a template when simStatus has one, and none when it has a preset/,
    ],
    [
      '{ kind: http, url: "http://10.0.0.20", template: { path: "/", list: "", port: p, signal: s }, counter: { template: { path: "/", list: a, port: b, counts: totals } } }',
      /must have calls or seconds/,
    ],
    ['{ kind: http, preset: dinstar, url: "http://10.0.0.20", counter: { at: "24:00" } }', /must be before "24:00"/],
    ['{ kind: goip, id: one, password: secret }', /gives the id one at lan port 44444, which a line of gateways\[0\]/],
    ['{ kind: goip, password: { env: LINES } }', /password: environment variable LINES is not set/],
  ];
  for (const [simStatus, fault] of FAULTS) {
    it(`refuses ${simStatus}`, () => {
      assert.throws(
        () => configWith(simStatus),
        (error: Error) => fault.test(error.message) || assert.fail(error.message),
      );
    });
  }

  it('refuses the same id at two gateways that one listener hears', () => {
    const gw2 = (port: number) =>
      `, { name: gw2, network: lan, address: "10.0.0.21", simStatus: { kind: goip, port: ${port}, password: other } }`;
    assert.throws(() => configWith('{ kind: goip, password: secret }', gw2(44_444)), /the id 7 at lan port 44444/);
    assert.equal(configWith('{ kind: goip, password: secret }', gw2(44_445)).simStatus.length, 2);
  });
});

describe('presets of SIM status', () => {
  it('read what the HTTP API of a Dinstar answers', () => {
    const port = (number: number, reg: string, callstate: string, signal: number) => {
      return { port: number, iccid: '89820500000000000017', reg, callstate, signal, remain_credit: 5000 };
    };
    const info = [
      port(0, 'REGISTER_OK', 'Idle', 23),
      port(1, 'REGISTER_OK', 'Active', 31),
      port(2, 'NO_SIM', 'Unknown', 0),
      port(3, 'SEARCHING_NETWORK', 'Idle', 99),
      port(4, 'POWER_OFF', 'Idle', 0),
      port(5, 'UNKNOWN', 'Idle', 12),
    ];
    const reports = readReports({ error_code: 200, sn: 'x', info }, SIM_STATUS_PRESETS.dinstar);
    const said = [...(reports?.values() ?? [])].map((one) => [one.present, one.registered, one.inCall, one.signal]);
    assert.deepEqual(said, [
      [true, true, false, 23],
      [true, true, true, 31],
      [false, false, null, 0],
      [true, false, false, null],
      [null, false, false, 0],
      [null, null, false, 12],
    ]);
    assert.deepEqual([reports?.get('0')?.balance, reports?.get('0')?.iccid], ['5000', '89820500000000000017']);
  });

  it('read what the HTTP API of an Ejoin answers', () => {
    const status = [
      { port: '1.01', sim: '', seq: 2172, st: 3, iccid: '42402117840804563411', bal: '0.00', sig: 18 },
      { port: '2.01', sim: '', seq: 2124, st: 0, imei: '862032045299252' },
      { port: '3.01', st: '4 0', sig: 20 },
      { port: '4.01', st: 6, sig: 0 },
      { port: '5.01', st: 16 },
    ];
    const answer = { type: 'dev-status', 'max-ports': 8, 'max-slot': 1, status };
    const reports = readReports(answer, SIM_STATUS_PRESETS.ejoin);
    const said = [...(reports?.values() ?? [])].map((one) => [one.present, one.registered, one.inCall, one.signal]);
    assert.deepEqual(said, [
      [true, true, false, 18],
      [false, false, false, null],
      [true, true, true, 20],
      [true, false, false, 0],
      [true, null, false, null],
    ]);
  });
});
