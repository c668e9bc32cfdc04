import { strict as assert } from 'node:assert';
import type { AppConnection } from './app-connection.js';
import { RouteTable } from './route-table.js';

const [one, two, three] = ['one', 'two', 'three'].map(
  (name) => ({ name, isBusy: false, tags: new Set([`tag-${name}`]) }) as unknown as AppConnection,
);

describe('RouteTable', () => {
  it('gives each application its turn, for each verb by itself', () => {
    assert.ok(one && two && three);
    const table = new RouteTable();
    for (const app of [one, two, three]) table.add('invite', app);
    table.add('options', two);
    assert.deepEqual(
      Array.from({ length: 6 }, () => table.pick('invite')),
      [one, two, three, one, two, three],
    );
    assert.equal(table.pick('options'), two);
    assert.equal(table.pick('message'), undefined);
  });

  it('goes on fairly when one has gone, and forgets a verb that nobody wants', () => {
    assert.ok(one && two && three);
    const table = new RouteTable();
    for (const app of [one, two, two, three]) table.add('invite', app);
    table.pick('invite');
    table.removeApp(two);
    assert.deepEqual(new Set([table.pick('invite'), table.pick('invite')]), new Set([one, three]));
    table.remove('invite', one);
    table.remove('invite', three);
    assert.equal(table.pick('invite'), undefined);
  });

  it('passes over an application that does not keep up, and finds one by its tag', () => {
    assert.ok(one && two && three);
    const slow = { name: 'slow', isBusy: true, tags: new Set<string>() } as unknown as AppConnection;
    const table = new RouteTable();
    for (const app of [slow, one, two]) table.add('invite', app);
    assert.deepEqual([table.pick('invite'), table.pick('invite'), table.pick('invite')], [one, two, one]);
    assert.equal(table.pick('invite', 'tag-two'), two);
    assert.equal(table.pick('invite', 'tag-two'), two);
    assert.equal(table.pick('invite', 'tag-three'), undefined);
    table.removeApp(one);
    table.removeApp(two);
    assert.equal(table.pick('invite'), undefined);
  });
});
