import assert from 'node:assert/strict';
import { atAddress } from '../call/joined-media.js';
import { innerAddresses } from './inner-addresses.js';

type Networks = Parameters<typeof innerAddresses>[0]['networks'];

function addressesOf(engine: 'relay' | 'rtpengine', places: readonly (readonly [string, string])[]) {
  const networks = places.map(([bind, advertise], at) => ({ name: `n${at}`, bind, advertise })) as unknown as Networks;
  const innerAddressOf = innerAddresses({ networks, media: { engine } as never });
  return places.map((_, at) => innerAddressOf(`n${at}`));
}

describe('where joined calls meet', () => {
  it('is the bound address where peers are told another, and the loopback where that is any', () => {
    const places = [
      ['192.168.0.5', '192.168.0.5'],
      ['192.168.0.5', '203.0.113.1'],
      ['0.0.0.0', '203.0.113.1'],
      ['::', '2001:db8::1'],
      ['0:0:0:0:0:0:0:0', '2001:db8::1'],
      ['fd00::5', '2001:db8::1'],
    ] as const;
    assert.deepEqual(addressesOf('relay', places), [null, '192.168.0.5', '127.0.0.1', '::1', '::1', 'fd00::5']);
  });

  it('is what peers are told where the ports are an rtpengine’s, and of a network that is not there', () => {
    assert.deepEqual(addressesOf('rtpengine', [['0.0.0.0', '203.0.113.1']]), [null]);
    assert.equal(innerAddresses({ networks: [], media: { engine: 'relay' } as never })('gone'), null);
  });

  it('stands in the description in place of the other address, and nowhere else', () => {
    const sdp = [
      ...['v=0', 'o=- 1 1 IN IP4 203.0.113.1', 's=203.0.113.1', 'c=IN IP4 203.0.113.1', 't=0 0'],
      ...['m=audio 20000 RTP/AVP 8', 'a=rtcp:20001 IN IP4 203.0.113.1', 'a=x-note:203.0.113.1', ''],
    ].join('\r\n');
    const inside = atAddress(sdp, '203.0.113.1', '192.168.0.5');
    assert.deepEqual(
      inside.split('\r\n').filter((line) => line.includes('192.168.0.5')),
      ['o=- 1 1 IN IP4 192.168.0.5', 'c=IN IP4 192.168.0.5', 'a=rtcp:20001 IN IP4 192.168.0.5'],
    );
    assert.equal(atAddress(sdp, '203.0.113.1', null), sdp);
  });
});
