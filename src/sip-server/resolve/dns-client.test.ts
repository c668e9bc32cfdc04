import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DnsServer } from '../testing/dns-server.js';
import { addressesInHosts, SystemDns } from './dns-client.js';

describe('SystemDns', () => {
  let server: DnsServer;
  let folder: string;
  let dns: SystemDns;
  before(async () => {
    server = await DnsServer.open();
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-hosts-'));
    writeFileSync(join(folder, 'hosts'), '::1 both.test\n192.0.2.5 both.test short # and a word\n');
    dns = new SystemDns([server.address], join(folder, 'hosts'));
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('reads addresses of both families with the shorter time to live', async () => {
    server.zone = {
      'a.test': [
        { type: 'A', address: '192.0.2.1', ttl: 90 },
        { type: 'AAAA', address: '2001:db8::1', ttl: 30 },
      ],
    };
    assert.deepEqual(await dns.addresses('a.test'), { records: ['192.0.2.1', '2001:db8::1'], ttlSeconds: 30 });
  });

  it('reads SRV and NAPTR records', async () => {
    server.zone = {
      '_sip._udp.a.test': [{ type: 'SRV', priority: 1, weight: 2, port: 5070, name: 'b.test' }],
      'a.test': [{ type: 'NAPTR', order: 3, preference: 4, service: 'SIP+D2U', replacement: '_sip._udp.a.test' }],
    };
    const [srv] = (await dns.srv('_sip._udp.a.test')).records;
    assert.deepEqual({ ...srv }, { name: 'b.test', port: 5070, priority: 1, weight: 2 });
    const [naptr] = (await dns.naptr('a.test')).records;
    assert.equal(naptr?.service, 'SIP+D2U');
    assert.equal(naptr?.replacement, '_sip._udp.a.test');
    assert.equal(naptr?.flags, 's');
  });

  it('answers that there is nothing, and keeps that for a short time', async () => {
    server.zone = {};
    assert.deepEqual(await dns.addresses('gone.test'), { records: [], ttlSeconds: 5 });
    assert.deepEqual(await dns.srv('_sip._udp.gone.test'), { records: [], ttlSeconds: 5 });
  });

  it('goes by the file of hosts first, and asks nobody for localhost', async () => {
    const before = server.asked.length;
    assert.deepEqual((await dns.addresses('both.test')).records, ['192.0.2.5', '::1']);
    assert.deepEqual((await dns.addresses('localhost')).records, ['127.0.0.1', '::1']);
    assert.equal(server.asked.length, before);
  });
});

describe('addressesInHosts', () => {
  it('finds names in any case and position, and no comments', () => {
    const file = '# 192.0.2.9 name\n192.0.2.1\tother NAME\nnonsense name\n192.0.2.1 name\n';
    assert.deepEqual(addressesInHosts(file, 'Name.'), ['192.0.2.1']);
    assert.deepEqual(addressesInHosts(file, 'name2'), []);
  });
});
