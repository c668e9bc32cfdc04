import assert from 'node:assert/strict';
import type { LastCall } from '../quota/ledger.js';
import { codecPolicy } from '../sdp/media-policy.js';
import { IncomingRoutes, type ReceivingSettings, type ReceivingTrunk, type TrunkInbound } from './incoming-routes.js';

const CALLER = '+821055550102';
const HOUR_MS = 3_600_000;
const NOW_MS = 1_000 * HOUR_MS;

const INBOUND: TrunkInbound = {
  address: { host: '192.0.2.20', port: 5060, transport: 'udp' },
  agent: '{agent}',
  default: '{sim}',
  affinityHours: 72,
  callerId: ['from'],
  fromUser: '{e164}',
  headers: {},
  firstResponseTimeoutMs: 4_000,
  agentRingTimeoutMs: 20_000,
  ringTimeoutMs: 60_000,
  announcement: null,
};

function trunkOf(name: string, inbound: Partial<TrunkInbound> | null = {}): ReceivingTrunk {
  return {
    ...{ name, network: 'office', traffic: 'commercial', account: 'acme', nat: 'off', mediaSources: [] },
    media: codecPolicy(['PCMU']),
    inbound: inbound === null ? undefined : { ...INBOUND, ...inbound },
  };
}

function settingsWith(...trunks: ReceivingTrunk[]): ReceivingSettings {
  const gateway = {
    ...{
      name: 'gw1',
      network: 'mobile',
      nat: 'auto' as const,
      mediaSources: ['10.0.0.0/8'],
      trunk: trunks[0]?.name ?? '',
    },
    media: codecPolicy(['PCMA']),
    channelMedia: new Map([['gw1/2', codecPolicy(['PCMA', 'PCMU'])]]),
  };
  const channels = [1, 2].map((port) => ({
    ...{ channelId: `gw1/${port}`, gateway: 'gw1', port, line: port === 1 ? undefined : 'l2' },
    ...{ simId: `sim${port}`, simNumber: `+82104000000${port}` },
  }));
  return { trunks, gateways: [gateway], channels };
}

describe('where a call from a mobile goes', () => {
  let last: LastCall | undefined;
  const ledger = {
    lastCallTo: (callee: string, since: number) =>
      callee === CALLER && last !== undefined && last.wallMs >= since ? last : undefined,
  };

  beforeEach(() => {
    last = { trunk: 'pbx', agent: '701', wallMs: NOW_MS - HOUR_MS };
  });

  function taken(settings: ReceivingSettings, calling = '01055550102', channelId = 'gw1/1') {
    const terms = new IncomingRoutes(settings, ledger).take(channelId, calling, NOW_MS);
    assert.ok(terms !== undefined);
    return terms;
  }

  const urisOf = ({ incoming }: ReturnType<typeof taken>) =>
    incoming.destinations.map(({ kind, address }) => `${kind} ${address.requestUri}`);

  it('is the agent who called that number last, then the trunk’s default, then its announcement', () => {
    const terms = taken(settingsWith(trunkOf('pbx', { announcement: '/srv/closed.wav' })));
    assert.deepEqual(urisOf(terms), [
      'agent sip:701@192.0.2.20:5060;transport=udp',
      'default sip:+821040000001@192.0.2.20:5060;transport=udp',
      'announcement file:/srv/closed.wav',
    ]);
    assert.deepEqual([terms.agent, terms.calling, terms.incoming.lastCall?.wallMs], ['701', CALLER, NOW_MS - HOUR_MS]);
    const [agent, queue] = terms.incoming.destinations;
    assert.deepEqual([agent?.peer.name, agent?.peer.ringTimeoutMs], ['trunk:pbx', 20_000]);
    assert.deepEqual([queue?.peer.ringTimeoutMs, queue?.address.fromUser], [60_000, CALLER]);
  });

  it('is told of reliable responses, never required to send them, and may require them of us', () => {
    for (const [prack, called] of [
      ['off', 'off'],
      ['required', 'supported'],
      ['supported', 'supported'],
    ] as const) {
      const settings = settingsWith({ ...trunkOf('pbx'), prack });
      assert.equal(taken(settings).incoming.destinations[0]?.peer.prack, called, prack);
    }
    const [gateway] = settingsWith(trunkOf('pbx')).gateways;
    assert.ok(gateway);
    for (const [prack, calling] of [
      ['off', 'off'],
      ['required', 'required'],
      ['supported', 'required'],
    ] as const) {
      assert.equal(taken({ ...settingsWith(trunkOf('pbx')), gateways: [{ ...gateway, prack }] }).trunk.prack, calling);
    }
  });

  it('is the trunk that called last, also when the gateway’s calls go to another one', () => {
    last = { trunk: 'other', agent: '9', wallMs: NOW_MS };
    const terms = taken(settingsWith(trunkOf('pbx'), trunkOf('other', { default: 'queue', agent: 'a-{agent}' })));
    assert.equal(terms.trunk.name, 'other');
    assert.deepEqual(urisOf(terms), [
      'agent sip:a-9@192.0.2.20:5060;transport=udp',
      'default sip:queue@192.0.2.20:5060;transport=udp',
    ]);
  });

  it('forgets who called after the time that the trunk says', () => {
    const settings = settingsWith(trunkOf('pbx', { affinityHours: 1 }), trunkOf('other', { affinityHours: 72 }));
    assert.equal(taken(settings).agent, '701');
    last = { trunk: 'pbx', agent: '701', wallMs: NOW_MS - HOUR_MS - 1 };
    assert.deepEqual([taken(settings).agent, taken(settings).incoming.lastCall], [null, null]);
    assert.equal(taken(settingsWith(trunkOf('pbx', { affinityHours: 0 }))).agent, null);
  });

  it('is no agent where none is known, or the trunk wants none called', () => {
    last = { trunk: 'pbx', agent: null, wallMs: NOW_MS };
    assert.deepEqual(urisOf(taken(settingsWith(trunkOf('pbx')))), [
      'default sip:+821040000001@192.0.2.20:5060;transport=udp',
    ]);
    last = { trunk: 'pbx', agent: '701', wallMs: NOW_MS };
    assert.deepEqual(urisOf(taken(settingsWith(trunkOf('pbx', { agent: false, default: false })))), []);
  });

  it('is an announcement alone where the trunk cannot be called, and nowhere where it takes none', () => {
    assert.deepEqual(urisOf(taken(settingsWith(trunkOf('pbx', { address: null, announcement: '/a.wav' })))), [
      'announcement file:/a.wav',
    ]);
    const nowhere = taken(settingsWith(trunkOf('pbx', null)));
    assert.deepEqual([urisOf(nowhere), nowhere.trunk.name], [[], 'pbx']);
  });

  it('takes a caller who does not say who it is, as one whom nobody called', () => {
    for (const calling of ['', 'Restricted']) {
      const terms = taken(settingsWith(trunkOf('pbx', { callerId: ['from', 'p-asserted-identity'] })), calling);
      assert.deepEqual(
        [terms.agent, terms.calling, terms.incoming.caller, terms.incoming.numberClass],
        [null, calling === '' ? 'anonymous' : calling, 'anonymous', 'mobile'],
      );
      const [queue] = terms.incoming.destinations;
      assert.deepEqual([queue?.address.fromUser, queue?.address.headers], ['anonymous', {}]);
    }
  });

  it('fills templates with the caller, the SIM and its channel', () => {
    const headers = { 'X-Sim': '{sim}', 'X-Line': '{line} of {port:2}', 'X-Caller': '{number}' };
    const callerId = ['p-asserted-identity', 'remote-party-id'] as const;
    const terms = taken(settingsWith(trunkOf('pbx', { headers, callerId, fromUser: '{number}' })), CALLER, 'gw1/2');
    const { address } = terms.incoming.destinations[0] ?? {};
    assert.deepEqual(address?.headers, {
      'X-Sim': '+821040000002',
      'X-Line': 'l2 of 02',
      'X-Caller': '01055550102',
      'P-Asserted-Identity': `<sip:${CALLER}@192.0.2.20>`,
      'Remote-Party-ID': `<sip:${CALLER}@192.0.2.20>;party=calling;screen=yes;privacy=off`,
    });
    assert.equal(address?.fromUser, '01055550102');
  });

  it('has media by the gateway on the caller’s side and by the trunk on the other, and the trunk pays', () => {
    const { trunk, incoming } = taken(settingsWith(trunkOf('pbx')), CALLER, 'gw1/2');
    assert.deepEqual([trunk.network, trunk.nat, trunk.media.codecs], ['mobile', 'auto', ['PCMA', 'PCMU']]);
    assert.deepEqual([trunk.name, trunk.account], ['pbx', 'acme']);
    const [agent] = incoming.destinations;
    assert.deepEqual([agent?.peer.network, agent?.peer.media.codecs], ['office', ['PCMU']]);
  });

  it('never requires PRACK of a PBX, whatever it may require of us', () => {
    const reliability = (prack: 'off' | 'required' | 'supported') =>
      taken(settingsWith({ ...trunkOf('pbx'), prack })).incoming.destinations.map(({ peer }) => peer.prack);
    assert.deepEqual(reliability('required'), ['supported', 'supported']);
    assert.deepEqual(reliability('supported'), ['supported', 'supported']);
    assert.deepEqual(reliability('off'), ['off', 'off']);
  });

  it('knows no channel that has left the config', () => {
    const routes = new IncomingRoutes(settingsWith(trunkOf('pbx')), ledger);
    assert.equal(routes.take('gw9/1', CALLER, NOW_MS), undefined);
    routes.reconfigure({ trunks: [], gateways: [], channels: [] });
    assert.equal(routes.take('gw1/1', CALLER, NOW_MS), undefined);
  });
});
