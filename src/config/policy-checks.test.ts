import assert from 'node:assert/strict';
import { parseConfig } from './load-config.js';

/** A sound config; `trunk`, `channel` and `policy` are lines of YAML that go where their name says. */
function configWith({ trunk = '', channel = '', policy = '' }): string {
  return `
networks: [ { name: lan, bind: 10.0.0.1 } ]
trunks:
  - name: pbx
    network: lan
    sources: [ 10.0.0.5 ]
    ${trunk}
gateways: [ { name: gw1, network: lan, address: 10.0.0.20 } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340001", plan: office } ]
channels:
  - gateway: gw1
    port: 1
    sim: "+821012340001"
    ${channel}
${policy}
`;
}

function read(parts: Parameters<typeof configWith>[0]) {
  return parseConfig(configWith(parts), '/etc/simtrunk/config.yaml', { env: {} });
}

function problems(parts: Parameters<typeof configWith>[0]): string {
  try {
    read(parts);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('do-not-call lists in the config', () => {
  const LISTS = `
policy:
  doNotCall:
    - { name: own, file: lists/own.txt, maxAgeDays: false }
    - { name: registry, url: "https://registry.example/list", authorization: { env: REGISTRY }, refreshMinutes: 60 }`;
  const env = { REGISTRY: 'Bearer secret' };

  it('come from files beside the config or from URLs, whose copies are kept with the data', () => {
    const { doNotCall, trunkPolicies } = parseConfig(configWith({ policy: LISTS }), '/etc/simtrunk/config.yaml', {
      env,
    });
    assert.deepEqual(doNotCall, [
      {
        name: 'own',
        source: { kind: 'file', file: '/etc/simtrunk/lists/own.txt' },
        country: 'KR',
        maxAgeMs: null,
        maxBytes: 67_108_864,
      },
      {
        name: 'registry',
        source: {
          kind: 'url',
          url: 'https://registry.example/list',
          authorization: 'Bearer secret',
          refreshMs: 3_600_000,
          timeoutMs: 60_000,
          copy: '/etc/simtrunk/var/do-not-call/registry.list',
        },
        country: 'KR',
        maxAgeMs: 31 * 86_400_000,
        maxBytes: 67_108_864,
      },
    ]);
    assert.deepEqual(trunkPolicies[0]?.doNotCall, ['own', 'registry'], 'every list holds for a trunk that names none');
  });

  it('hold for a trunk that names them', () => {
    const trunk = 'policy: { doNotCall: [ own ] }';
    const { trunkPolicies } = parseConfig(configWith({ policy: LISTS, trunk }), '/etc/simtrunk/config.yaml', { env });
    assert.deepEqual(trunkPolicies[0]?.doNotCall, ['own']);
    assert.match(
      problems({ policy: LISTS, trunk: 'policy: { doNotCall: [ owl ] }' }),
      /no such list in policy\.doNotCall: "owl"; did you mean "own"\?/,
    );
  });

  it('must come from one place, have names of their own, and secrets that are there', () => {
    const lists = (text: string) => problems({ policy: `policy: { doNotCall: [ ${text} ] }` });
    assert.match(lists('{ name: own }'), /policy\.doNotCall\[0\]: must have either file or url/);
    assert.match(lists('{ name: own, file: a, url: "https://b" }'), /must have either file or url/);
    assert.match(lists('{ name: own, file: a, authorization: x }'), /authorization: is for a list with a url/);
    assert.match(lists('{ name: own, url: "ftp://b" }'), /must be an address that begins with https/);
    assert.match(lists('{ name: own, url: "https://user:pass@" }'), /must be an address that begins with https/);
    assert.match(lists('{ name: own, file: a }, { name: own, file: b }'), /doNotCall\[1\]\.name: "own" is already/);
    assert.match(problems({ policy: LISTS }), /environment variable REGISTRY is not set/);
  });
});

describe('policy in the config', () => {
  it('asks nothing of a trunk unless told to', () => {
    assert.deepEqual(read({}).trunkPolicies, [
      {
        name: 'pbx',
        dialling: { country: 'KR', outsidePrefixes: [], internationalPrefixes: [] },
        classes: ['mobile', 'landline', 'internet', 'representative', 'special', 'emergency'],
        timeZone: 'Asia/Seoul',
        callingHours: [],
        calleeZones: [],
        doNotCall: [],
        attemptsPerCalleePerDay: null,
        maxCalls: null,
        maxCallsPerSecond: null,
        maxMessagesPerSecond: null,
      },
    ]);
  });

  it('reads hours as weekdays and minutes, for every class but emergency where none is named', () => {
    const policy = `
policy:
  callingHours:
    - { from: "08:00", to: "21:30" }
    - { classes: [ special ], days: [ sat, sun ], from: "00:00", to: "24:00" }`;
    const [trunk] = read({ policy }).trunkPolicies;
    assert.deepEqual(trunk?.callingHours, [
      {
        classes: ['mobile', 'landline', 'internet', 'representative', 'premium', 'special', 'international'],
        weekdays: [1, 2, 3, 4, 5, 6, 7],
        fromMinute: 480,
        toMinute: 1290,
      },
      { classes: ['special'], weekdays: [6, 7], fromMinute: 0, toMinute: 1440 },
    ]);
  });

  it('lets a trunk have its own in place of what holds for all', () => {
    const policy = `
policy:
  callingHours: [ { from: "08:00", to: "21:00" } ]
  attemptsPerCalleePerDay: 3`;
    const own = 'policy: { callingHours: false, attemptsPerCalleePerDay: 5 }';
    const [trunk] = read({ policy, trunk: own }).trunkPolicies;
    assert.deepEqual([trunk?.callingHours, trunk?.attemptsPerCalleePerDay], [[], 5]);
    assert.equal(
      read({ policy, trunk: 'policy: { attemptsPerCalleePerDay: false }' }).trunkPolicies[0]?.attemptsPerCalleePerDay,
      null,
    );
    assert.equal(read({ policy }).trunkPolicies[0]?.attemptsPerCalleePerDay, 3);
  });

  it('refuses hours that are none', () => {
    const hours = (from: string, to: string) =>
      problems({ policy: `policy: { callingHours: [ { from: "${from}", to: "${to}" } ] }` });
    assert.match(hours('08:00', '08:00'), /policy\.callingHours\[0\]\.to: is the same as from/);
    assert.match(hours('24:00', '08:00'), /policy\.callingHours\[0\]\.from: must begin before "24:00"/);
    assert.match(hours('8', '21:00'), /must be an hour of the day in quotes/);
    assert.match(hours('08:00', '25:00'), /must be an hour of the day in quotes/);
    assert.match(
      problems({ trunk: 'policy: { callingHours: [ { from: "08:00", to: "08:00" } ] }' }),
      /trunks\[0\]\.policy\.callingHours\[0\]\.to/,
    );
    assert.match(
      problems({ policy: 'policy: { callingHours: [ { from: "08:00", to: "21:00", days: [ monday ] } ] }' }),
      /did you mean mon\?|must be one of "mon"/,
    );
  });

  it('refuses prefixes that are no digits and agents that cannot be found', () => {
    assert.match(problems({ trunk: 'dialling: { outsidePrefixes: [ "+9" ] }' }), /must be 1 to 8 digits/);
    assert.match(problems({ trunk: 'dialling: { outsidePrefixes: [ 9 ] }' }), /put it in quotes/);
    assert.match(problems({ trunk: 'agentFrom: from' }), /must be none, from-user, or header:/);
    assert.match(problems({ trunk: 'agentFrom: "header:"' }), /must be none, from-user, or header:/);
    assert.equal(problems({ trunk: 'agentFrom: header:X-Agent' }), '');
  });

  it('refuses two zones for one prefix', () => {
    const zone = '{ prefix: "+1212", timeZone: America/New_York }';
    assert.match(
      problems({ policy: `policy: { calleeZones: [ ${zone}, ${zone} ] }` }),
      /calleeZones\[1\]\.prefix: "\+1212" is already/,
    );
    assert.match(
      problems({ policy: 'policy: { calleeZones: [ { prefix: "1212", timeZone: Mars/Olympus } ] }' }),
      /must be "\+" and[\s\S]*IANA time zone/,
    );
  });

  it('refuses a channel group without a channel', () => {
    assert.match(
      problems({ trunk: 'channelGroups: [ sale ]', channel: 'groups: [ sales ]' }),
      /no channel is in the group "sale"; did you mean "sales"\?/,
    );
    assert.equal(problems({ trunk: 'channelGroups: [ sales ]', channel: 'groups: [ sales ]' }), '');
  });

  it('refuses a channel of an agent whose trunk has none', () => {
    assert.match(
      problems({ channel: 'agents: [ pbx/201 ]' }),
      /channels\[0\]\.agents\[0\]: trunk "pbx" has no agents; set its agentFrom/,
    );
    assert.match(problems({ channel: 'agents: [ pbz/201 ]' }), /no such trunk: "pbz"; did you mean "pbx"\?/);
    for (const agent of ['"201"', '"pbx/"', '"pbx/a b"', '"pbx/a/b"', '"/201"']) {
      assert.match(problems({ channel: `agents: [ ${agent} ]` }), /must be trunk\/agent, such as pbx\/201/, agent);
    }
    const config = read({ trunk: 'agentFrom: from-user', channel: 'agents: [ pbx/201 ]' });
    assert.deepEqual(config.channels[0]?.agents, ['pbx/201']);
    const decomposed = read({ trunk: 'agentFrom: from-user', channel: 'agents: [ "pbx/Jose\u0301" ]' });
    assert.deepEqual(decomposed.channels[0]?.agents, ['pbx/Jos\u00e9'], 'as the INVITE’s is read');
  });
});
