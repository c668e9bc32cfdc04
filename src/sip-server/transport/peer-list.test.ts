import { strict as assert } from 'node:assert';
import { PeerList } from './peer-list.js';

describe('PeerList', () => {
  const list = new PeerList([
    { addresses: ['10.0.0.5', 'fd00::5'], network: 'lan', followsContact: true },
    { addresses: ['10.0.0.0/24', 'fd00::/64'], network: 'wan' },
  ]);

  it('knows a peer by the first entry that holds it', () => {
    assert.equal(list.networkOf('10.0.0.5'), 'lan');
    assert.equal(list.networkOf('10.0.0.6'), 'wan');
    assert.equal(list.networkOf('fd00:0:0:0::5'), 'lan');
    assert.equal(list.networkOf('10.0.1.1'), undefined);
    assert.equal(list.networkOf('nonsense'), undefined);
  });

  it('says whose Contact is followed', () => {
    assert.equal(list.isContactFollowed('fd00::5'), true);
    assert.equal(list.isContactFollowed('fd00::6'), false);
    assert.equal(new PeerList([]).isContactFollowed('10.0.0.5'), false);
  });

  it('refuses what is no address', () => {
    assert.throws(() => new PeerList([{ addresses: ['pbx.test'] }]), /pbx\.test/);
  });
});
