import { strict as assert } from 'node:assert';
import { parseSipUri } from '../message/uri.js';
import type { TransportProtocol } from '../transport/flow.js';
import type { Answer, DnsClient, NaptrRecord, SrvRecord } from './dns-client.js';
import { locateServer, nextHopOf } from './locate-server.js';

interface Zone {
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

function answer<T>(records: readonly T[] | undefined): Answer<T> {
  return { records: records ?? [], ttlSeconds: 60 };
}

function srv(name: string, port: number, priority = 0, weight = 0): SrvRecord {
  return { name, port, priority, weight };
}

function naptr(service: string, replacement: string, order = 0, preference = 0): NaptrRecord {
  return { service, replacement, order, preference, flags: 's' };
}

async function locate(
  uri: string,
  zone: Zone,
  spoken: readonly TransportProtocol[] = ['udp', 'tcp', 'tls'],
): Promise<string[]> {
  const parsed = parseSipUri(uri);
  const hop = parsed && nextHopOf(parsed);
  assert.ok(hop);
  const dns: DnsClient = {
    naptr: async (name) => answer(zone.naptr?.[name]),
    srv: async (name) => answer(zone.srv?.[name]),
    addresses: async (name) => answer(zone.addresses?.[name]),
  };
  const targets = await locateServer(
    hop,
    dns,
    (protocol) => spoken.includes(protocol),
    () => 0,
  );
  return targets.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`);
}

const ADDRESSES = { 'a.test': ['192.0.2.1', '2001:db8::1'], 'b.test': ['192.0.2.2'], 'sip.test': ['192.0.2.9'] };

describe('locateServer', () => {
  it('looks up nothing but the address when a port is given', async () => {
    const zone = { addresses: ADDRESSES, srv: { '_sip._udp.sip.test': [srv('a.test', 5070)] } };
    assert.deepEqual(await locate('sip:x@sip.test:5080', zone), ['udp 192.0.2.9 5080']);
    assert.deepEqual(await locate('sip:x@sip.test:5080;transport=tcp', zone), ['tcp 192.0.2.9 5080']);
    assert.deepEqual(await locate('sips:x@sip.test:5080', zone), ['tls 192.0.2.9 5080']);
  });

  it('asks for the SRV records of the transport that is named', async () => {
    const zone = {
      addresses: ADDRESSES,
      srv: {
        '_sip._tcp.sip.test': [srv('a.test', 5070)],
        '_sips._tcp.sip.test': [srv('b.test', 5071)],
      },
    };
    assert.deepEqual(await locate('sip:sip.test;transport=tcp', zone), ['tcp 192.0.2.1 5070', 'tcp 2001:db8::1 5070']);
    assert.deepEqual(await locate('sip:sip.test;transport=tls', zone), ['tls 192.0.2.2 5071']);
    assert.deepEqual(await locate('sips:sip.test', zone), ['tls 192.0.2.2 5071']);
    assert.deepEqual(await locate('sips:sip.test;transport=tcp', zone), ['tls 192.0.2.2 5071']);
    assert.deepEqual(await locate('sip:sip.test;transport=udp', zone), ['udp 192.0.2.9 5060']);
  });

  it('takes the transport that NAPTR prefers among those that we speak', async () => {
    const zone = {
      addresses: ADDRESSES,
      naptr: {
        'sip.test': [
          naptr('SIP+D2U', '_sip._udp.sip.test', 50, 20),
          naptr('SIPS+D2T', 'secure.test', 40, 1),
          naptr('SIP+D2T', 'plain.test', 50, 10),
          naptr('SIP+D2S', 'sctp.test', 1, 1),
        ],
      },
      srv: {
        'secure.test': [srv('a.test', 5061)],
        'plain.test': [srv('b.test', 5060)],
        '_sip._udp.sip.test': [srv('b.test', 5062)],
      },
    };
    assert.deepEqual(await locate('sip:sip.test', zone), ['tls 192.0.2.1 5061', 'tls 2001:db8::1 5061']);
    assert.deepEqual(await locate('sip:sip.test', zone, ['udp', 'tcp']), ['tcp 192.0.2.2 5060']);
    assert.deepEqual(await locate('sip:sip.test', zone, ['udp']), ['udp 192.0.2.2 5062']);
  });

  it('without NAPTR asks for what we speak, UDP first', async () => {
    const zone = {
      addresses: ADDRESSES,
      srv: { '_sip._tcp.sip.test': [srv('a.test', 1)], '_sips._tcp.sip.test': [srv('b.test', 2)] },
    };
    assert.deepEqual(await locate('sip:sip.test', zone), ['tcp 192.0.2.1 1', 'tcp 2001:db8::1 1']);
    assert.deepEqual(await locate('sip:sip.test', zone, ['udp', 'tls']), ['tls 192.0.2.2 2']);
  });

  it('orders the targets of SRV, each with all its addresses', async () => {
    const records = [srv('b.test', 5062, 20), srv('a.test', 5061, 10), srv('192.0.2.7', 5063, 30)];
    const zone = { addresses: ADDRESSES, srv: { '_sip._udp.sip.test': records } };
    assert.deepEqual(await locate('sip:sip.test', zone), [
      'udp 192.0.2.1 5061',
      'udp 2001:db8::1 5061',
      'udp 192.0.2.2 5062',
      'udp 192.0.2.7 5063',
    ]);
  });

  it('falls back to the addresses of the name, and the transport’s own port', async () => {
    assert.deepEqual(await locate('sip:sip.test', { addresses: ADDRESSES }), ['udp 192.0.2.9 5060']);
    assert.deepEqual(await locate('sips:sip.test', { addresses: ADDRESSES }), ['tls 192.0.2.9 5061']);
    assert.deepEqual(await locate('sip:nowhere.test', { addresses: ADDRESSES }), []);
  });

  it('knows a service that is not to be had', async () => {
    const zone = { addresses: ADDRESSES, srv: { '_sip._udp.sip.test': [srv('.', 0)] } };
    assert.deepEqual(await locate('sip:sip.test', zone), []);
    assert.deepEqual(await locate('sip:sip.test', { ...zone, srv: { '_sip._udp.sip.test': [srv('', 0)] } }), []);
  });

  it('goes to an maddr in place of the host', async () => {
    assert.deepEqual(await locate('sip:sip.test;maddr=a.test', { addresses: ADDRESSES }), [
      'udp 192.0.2.1 5060',
      'udp 2001:db8::1 5060',
    ]);
    assert.deepEqual(await locate('sip:sip.test;maddr=[2001:db8::7]', {}), ['udp 2001:db8::7 5060']);
  });

  it('tries a bounded number of targets', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `192.0.2.${index}`);
    const records = Array.from({ length: 50 }, () => srv('many.test', 5060));
    const zone = { addresses: { 'many.test': many }, srv: { '_sip._udp.sip.test': records } };
    assert.equal((await locate('sip:sip.test', zone)).length, 16);
  });
});

describe('nextHopOf', () => {
  it('refuses transports that are not spoken here', () => {
    for (const text of ['sip:a;transport=sctp', 'sip:a;transport=ws', 'sips:a;transport=udp']) {
      const uri = parseSipUri(text);
      assert.ok(uri);
      assert.equal(nextHopOf(uri), null, text);
    }
  });
});
