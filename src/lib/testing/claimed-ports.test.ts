import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { PortClaims } from './claimed-ports.js';

describe('claimed ports', () => {
  it('are even, in a row, and given out once', async () => {
    const claims = new PortClaims(randomUUID(), 12_000, 10);
    const counts = [1, 4, 3, 150, 1];
    const firsts = await Promise.all(counts.map((count) => claims.claim(count)));
    assert.ok(firsts.every((first) => first % 2 === 0 && first >= 12_000 && first < 13_000));
    const ports = firsts.flatMap((first, index) => Array.from({ length: counts[index] ?? 0 }, (_, i) => first + i));
    assert.equal(new Set(ports).size, ports.length);
  });

  it('are no other process’s until this one ends', async () => {
    const name = randomUUID();
    const mine = await new PortClaims(name, 12_000, 2).claim(1);
    const script = `
      import { PortClaims } from ${JSON.stringify(new URL('./claimed-ports.js', import.meta.url).href)};
      const claims = new PortClaims('${name}', 12000, 2);
      console.log(await claims.claim(100), await claims.claim(101).catch((error) => error.message));`;
    const claimThere = () =>
      execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }).trim();
    const theirs = mine === 12_000 ? 12_100 : 12_000;
    assert.equal(claimThere(), `${theirs} no 200 ports in a row are unclaimed`);
    // The first of them has ended, and left its block.
    assert.equal(claimThere(), `${theirs} no 200 ports in a row are unclaimed`);
  });

  it('are given out again, those of longest ago first, when there are enough of them or no others', async () => {
    const claims = new PortClaims(randomUUID(), 12_000, 5, 300);
    const given = [];
    for (let claim = 0; claim < 6; claim += 1) given.push(await claims.claim(100));
    assert.equal(new Set(given.slice(0, 3)).size, 3);
    assert.deepEqual(given.slice(3), given.slice(0, 3));
    // None of its own is as long as this: it needs others.
    const long = await claims.claim(200).catch(() => null);
    if (long !== null) assert.ok(!given.includes(long) && !given.includes(long + 100));

    const few = new PortClaims(randomUUID(), 12_000, 2);
    const all = [await few.claim(100), await few.claim(100), await few.claim(100)];
    assert.equal(all[2], all[0]);
    await assert.rejects(few.claim(101), /no 200 ports in a row are unclaimed/);
  });
});
