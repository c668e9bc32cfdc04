import { strict as assert } from 'node:assert';
import { SourceList } from './source-list.js';

describe('SourceList', () => {
  it('lets everybody in until told otherwise', () => {
    assert.equal(new SourceList().allows('203.0.113.1'), true);
  });

  it('knows addresses and blocks of both families, and forgets what it remembered when changed', () => {
    const list = new SourceList();
    list.set({ allow: ['192.0.2.1', '10.0.0.0/8', '2001:db8::/32'] });
    for (const address of ['192.0.2.1', '10.200.0.1', '2001:db8::9']) assert.equal(list.allows(address), true, address);
    for (const address of ['192.0.2.2', '11.0.0.1', '2001:db9::9']) assert.equal(list.allows(address), false, address);
    list.set({ allow: [] });
    assert.equal(list.allows('192.0.2.1'), false);
    list.set({ allow: null });
    assert.equal(list.allows('192.0.2.2'), true);
  });

  it('refuses an entry that is no block, and keeps what it had', () => {
    const list = new SourceList();
    list.set({ allow: ['192.0.2.1'] });
    for (const entry of ['x', '1.2.3.4/33', '1.2.3.4/', 'a.b.c.d/8', '1.2.3.4/-1']) {
      assert.throws(() => list.set({ allow: [entry] }), RangeError, entry);
    }
    assert.equal(list.allows('192.0.2.1'), true);
  });
});
