import assert from 'node:assert/strict';
import { PeerTable, plainAddress } from './peer-table.js';

function table(...sources: string[]): PeerTable<string> {
  const made = new PeerTable<string>();
  for (const source of sources) made.add(source, source);
  return made;
}

describe('the table of peers', () => {
  it('finds the most specific source whatever the order in which they came', () => {
    const sources = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '10.1.2.3:5070', '10.0.0.0/8'];
    for (const peers of [table(...sources), table(...sources.toReversed())]) {
      assert.equal(peers.find('10.1.2.3', 5070), '10.1.2.3:5070');
      assert.equal(peers.find('10.1.2.3', 5060), '10.1.2.3');
      assert.equal(peers.find('10.1.9.9', 5070), '10.1.0.0/16');
      assert.equal(peers.find('10.9.9.9', 5060), '10.0.0.0/8');
      assert.equal(peers.find('11.0.0.1', 5060), undefined);
    }
  });

  it('knows IPv6 addresses, blocks and ports', () => {
    const peers = table('[fd00::5]:5060', 'fd00::/64');
    assert.equal(peers.find('fd00::5', 5060), '[fd00::5]:5060');
    assert.equal(peers.find('fd00::5', 5061), 'fd00::/64');
    assert.equal(peers.find('fd01::5', 5060), undefined);
  });

  it('takes an IPv4-mapped address for the IPv4 address that it is', () => {
    assert.equal(table('10.1.2.3').find('::ffff:10.1.2.3', 5060), '10.1.2.3');
    assert.equal(plainAddress('::ffff:10.1.2.3'), '10.1.2.3');
    assert.equal(plainAddress('fd00::1'), 'fd00::1');
  });

  it('ignores a text that is no source', () => {
    const peers = table('pbx.example', '', '10.0.0.0/99');
    assert.equal(peers.find('10.0.0.1', 5060), undefined);
  });
});
