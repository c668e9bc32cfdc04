import { strict as assert } from 'node:assert';
import { chooseListener } from './choose-listener.js';
import type { Listener } from './flow.js';

function listener(protocol: 'udp' | 'tcp', address: string, advertise = address): Listener {
  return {
    protocol,
    address,
    port: 5060,
    advertise,
    network: undefined,
    family: address.includes(':') ? 6 : 4,
    sentBy: advertise,
    contactUri: `sip:${advertise}`,
    send: () => undefined,
  };
}

const NETWORKS = [
  { address: '127.0.0.1', prefixBits: 8 },
  { address: '10.1.0.5', prefixBits: 16 },
  { address: '192.168.7.5', prefixBits: 24 },
  { address: '2001:db8::5', prefixBits: 64 },
];

describe('chooseListener', () => {
  const loopback = listener('udp', '127.0.0.1');
  const inner = listener('udp', '10.1.0.5');
  const outer = listener('udp', '192.168.7.5', '198.51.100.1');
  const overTcp = listener('tcp', '10.1.0.5');
  const v6 = listener('udp', '2001:db8::5');
  const all = [loopback, inner, outer, overTcp, v6];
  const choose = (protocol: 'udp' | 'tcp', target: string): Listener | undefined =>
    chooseListener(all, NETWORKS, protocol, target);

  it('prefers the listener in the network of the target', () => {
    assert.equal(choose('udp', '10.1.200.1'), inner);
    assert.equal(choose('udp', '192.168.7.9'), outer);
    assert.equal(choose('udp', '127.0.0.2'), loopback);
  });

  it('takes the most alike address for others, and never loopback while there is a choice', () => {
    assert.equal(choose('udp', '192.168.99.9'), outer);
    assert.equal(choose('udp', '10.99.0.1'), inner);
    assert.notEqual(choose('udp', '126.0.0.1'), loopback);
  });

  it('takes the network that is named, if one of its listeners fits', () => {
    const named = { ...inner, network: 'lan' };
    assert.equal(chooseListener([outer, named], NETWORKS, 'udp', '192.168.7.9', 'lan'), named);
    assert.equal(chooseListener([outer, named], NETWORKS, 'udp', '192.168.7.9', 'wan'), outer);
    assert.equal(chooseListener([v6, named], NETWORKS, 'udp', '2001:db8::77', 'lan'), v6);
  });

  it('fits protocol and family, or has nothing', () => {
    assert.equal(choose('tcp', '192.168.7.9'), overTcp);
    assert.equal(choose('udp', '2001:db8::77'), v6);
    assert.equal(choose('tcp', '2001:db8::77'), undefined);
  });

  it('lets a wildcard stand for every network of the machine', () => {
    const wildcard = listener('udp', '0.0.0.0');
    assert.equal(chooseListener([inner, wildcard], NETWORKS, 'udp', '192.168.7.9'), wildcard);
    assert.equal(chooseListener([wildcard], NETWORKS, 'udp', '8.8.8.8'), wildcard);
  });
});
