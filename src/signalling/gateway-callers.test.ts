import assert from 'node:assert/strict';
import { GatewayCallers } from './gateway-callers.js';
import type { CallingGateway, LinePlaces } from './signalling-settings.js';
import type { SipRequest } from './srf.js';

const LINES: Pick<LinePlaces, 'lineAt'> = { lineAt: () => undefined };

function gatewayOf(changes: Partial<CallingGateway> = {}): CallingGateway {
  return {
    ...{ name: 'gw1', host: '192.0.2.10', port: 5060, channelFrom: 'request-uri', callerFrom: 'from' },
    channels: [
      { channelId: 'gw1/1', port: 1, line: undefined, account: 'l1', simNumber: '+821040000001' },
      { channelId: 'gw1/2', port: 2, line: 'second', account: undefined, simNumber: '+821040000002' },
      { channelId: 'gw1/12', port: 12, line: undefined, account: undefined, simNumber: '+821040000012' },
    ],
    ...changes,
  };
}

function callersOf(
  gateways: readonly CallingGateway[] = [gatewayOf()],
  { sources = [], lines = LINES }: { sources?: readonly string[]; lines?: Pick<LinePlaces, 'lineAt'> } = {},
): GatewayCallers {
  return new GatewayCallers(gateways, sources, { ...lines, isThere: true } as LinePlaces);
}

function invite(uri: string, headers: Record<string, string> = {}, source = '192.0.2.10:5060'): SipRequest {
  const [source_address = '', port] = source.split(':');
  const named = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const get = (name: string) => named.get(name.toLowerCase());
  return { uri, get, source_address, source_port: Number(port), protocol: 'udp' } as unknown as SipRequest;
}

describe('calls of gateways', () => {
  describe('are told from those of trunks', () => {
    const nameOf = (callers: GatewayCallers, source: string) => callers.gatewayOf(invite('sip:1@x', {}, source))?.name;

    it('by the gateway’s address, whatever port it sends from', () => {
      assert.equal(nameOf(callersOf(), '192.0.2.10:5060'), 'gw1');
      assert.equal(nameOf(callersOf(), '192.0.2.10:31000'), 'gw1');
      assert.equal(nameOf(callersOf(), '::ffff:192.0.2.10:5060'.slice(7)), 'gw1');
      assert.equal(nameOf(callersOf(), '192.0.2.11:5060'), undefined);
    });

    it('by what is more precise, where a trunk sends from there too', () => {
      const of = (source: string, trunk: string) => nameOf(callersOf([gatewayOf()], { sources: [trunk] }), source);
      assert.equal(of('192.0.2.10:31000', '192.0.2.0/24'), 'gw1');
      assert.equal(of('192.0.2.10:31000', '192.0.2.10'), undefined);
      assert.equal(of('192.0.2.10:5060', '192.0.2.10'), 'gw1');
      assert.equal(of('192.0.2.10:31000', '192.0.2.10:31000'), undefined);
    });

    it('by where a line has registered, of a gateway without an address', () => {
      const lines = {
        lineAt: (source: string) =>
          source === 'sip:198.51.100.7:5070' ? { gateway: 'gw1', channelId: 'gw1/2' } : undefined,
      };
      const callers = callersOf([gatewayOf({ host: 'registered.invalid', port: undefined })], { lines });
      assert.equal(nameOf(callers, '198.51.100.7:5070'), 'gw1');
      assert.equal(nameOf(callers, '198.51.100.7:5071'), undefined);
    });

    it('not at all where no gateway’s calls are taken', () => {
      assert.equal(nameOf(callersOf([]), '192.0.2.10:5060'), undefined);
    });
  });

  describe('name their channel', () => {
    function channelOf(channelFrom: string, request: SipRequest, callers?: GatewayCallers) {
      const gateway = gatewayOf({ channelFrom });
      return (callers ?? callersOf([gateway])).channelOf(gateway, request);
    }

    it('by port, line, account or the SIM’s number, however that is written', () => {
      for (const [user, channelId] of [
        ['1', 'gw1/1'],
        ['012', 'gw1/12'],
        ['second', 'gw1/2'],
        ['l1', 'gw1/1'],
        ['+821040000002', 'gw1/2'],
        ['01040000002', 'gw1/2'],
      ] as const) {
        assert.equal(channelOf('request-uri', invite(`sip:${user}@192.0.2.1`)), channelId, user);
      }
    });

    it('by nothing that it has not: a port with a line of its own, an unknown one, junk, or none', () => {
      for (const user of ['2', '3', '01040000003', '%00', 'x'.repeat(500)]) {
        assert.equal(channelOf('request-uri', invite(`sip:${user}@192.0.2.1`)), undefined, user);
      }
      assert.equal(channelOf('request-uri', invite('sip:192.0.2.1')), undefined);
      assert.equal(channelOf('header:X-Line', invite('sip:1@192.0.2.1')), undefined);
    });

    it('in To, in a header, or by the port that they come from', () => {
      assert.equal(channelOf('to', invite('sip:700@192.0.2.1', { To: '"SIM" <sip:12@192.0.2.1>' })), 'gw1/12');
      assert.equal(channelOf('header:X-Line', invite('sip:700@192.0.2.1', { 'X-Line': ' second ' })), 'gw1/2');
      assert.equal(channelOf('header:X-Line', invite('sip:700@x', { 'X-Line': '<sip:l1@gw>' })), 'gw1/1');
      assert.equal(channelOf('header:X-Line', invite('sip:700@x', { 'X-Line': 'second'.padEnd(2_000) })), undefined);
      const bySource = gatewayOf({
        channelFrom: 'source-port',
        channels: [{ channelId: 'gw1/1', port: 1, line: '5062', account: undefined, simNumber: '+821040000001' }],
      });
      const request = invite('sip:700@x', {}, '192.0.2.10:5062');
      assert.equal(callersOf([bySource]).channelOf(bySource, request), 'gw1/1');
    });

    it('by the line that has registered there, else by the account in From', () => {
      const lines = { lineAt: () => ({ gateway: 'gw1', channelId: 'gw1/12' }) };
      const request = invite('sip:700@x', { From: '<sip:l1@gw>;tag=1' });
      assert.equal(channelOf('line', request, callersOf([gatewayOf()], { lines })), 'gw1/12');
      const shared = { lineAt: () => ({ gateway: 'gw1', channelId: null }) };
      assert.equal(channelOf('line', request, callersOf([gatewayOf()], { lines: shared })), 'gw1/1');
    });

    it('by nothing that two of them have', () => {
      const twice = gatewayOf({
        channels: ['gw1/1', 'gw1/2'].map((channelId, index) => {
          return { channelId, port: index + 1, line: undefined, account: 'same', simNumber: '+821040000001' };
        }),
      });
      const callers = callersOf([twice]);
      for (const user of ['same', '01040000001']) {
        assert.equal(callers.channelOf(twice, invite(`sip:${user}@x`)), undefined, user);
      }
      assert.equal(callers.channelOf(twice, invite('sip:2@x')), 'gw1/2');
    });
  });

  it('say who calls where their setting says', () => {
    const headers = {
      From: '"x" <sip:01055550101@gw>;tag=1',
      'P-Asserted-Identity': '<tel:+821055550102>',
      'Remote-Party-ID': '<sip:01055550103@gw>;party=calling',
      'X-CID': '01055550104',
    };
    const callerFrom = (place: string, given: Record<string, string> = headers) => {
      const gateway = gatewayOf({ callerFrom: place });
      return callersOf([gateway]).callerOf(gateway, invite('sip:1@x', given));
    };
    assert.equal(callerFrom('from'), '01055550101');
    assert.equal(callerFrom('p-asserted-identity'), '+821055550102');
    assert.equal(callerFrom('remote-party-id'), '01055550103');
    assert.equal(callerFrom('header:X-CID'), '01055550104');
    for (const place of ['from', 'p-asserted-identity', 'remote-party-id', 'header:X-CID']) {
      assert.equal(callerFrom(place, {}), '', place);
    }
  });
});
