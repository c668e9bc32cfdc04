// Marks that batched sockets set themselves, counted where the packets arrive, in another network namespace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NetworkLab, whyNoNetworkLab } from '../../lib/testing/network-lab.js';

const MEMBER = new URL('./relay-lab-member.js', import.meta.url);
const PORT = 4_000;

/** Compiles the native part; what it says when it cannot, or null. */
function whyNotCompiled(file: string): string | null {
  const script = fileURLToPath(new URL('../../../scripts/build-native.mjs', import.meta.url));
  const { status, stderr, error } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
  return status === 0 ? null : `not compiled here: ${error?.message ?? stderr.trim()}`;
}

describe('batched sockets', () => {
  it('mark what they send with their DSCP, over IPv4 and IPv6, and with none where none is set', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-marks-'));
    const native = join(folder, 'media-sockets.node');
    const missing = whyNoNetworkLab() ?? whyNotCompiled(native);
    if (missing !== null) {
      console.log(`      skipped: ${missing}`);
      rmSync(folder, { recursive: true });
      this.skip();
    }
    const lab = await NetworkLab.open();
    try {
      const relay = await lab.outside(MEMBER, '192.0.2.1', '2001:db8::1');
      const peer = await lab.outside(MEMBER, '192.0.2.2', '2001:db8::2');
      const matches = ['ip dscp 46', 'ip6 dscp 46', 'ip dscp 0', 'ip6 dscp 0'];
      const rules = matches.map((match) => `${match} udp dport ${PORT} counter`).join('\n');
      peer.feed(`table inet seen { chain in { type filter hook input priority 0;\n${rules}\n}\n}`, 'nft', '-f', '-');
      for (const address of ['192.0.2.2', '2001:db8::2']) await peer.ask('bind', address, address, PORT);
      for (const dscp of [46, 46, false]) {
        await relay.ask('sendMarked', native, dscp, '192.0.2.1', '192.0.2.2', PORT);
        await relay.ask('sendMarked', native, dscp, '2001:db8::1', '2001:db8::2', PORT);
      }
      for (const address of ['192.0.2.2', '2001:db8::2']) await peer.ask('receivedCount', address, 3);
      const counters = peer.run('nft', 'list', 'table', 'inet', 'seen').matchAll(/counter packets (\d+)/g);
      assert.deepEqual(
        [...counters].map(([, count]) => count),
        ['2', '2', '1', '1'],
      );
    } finally {
      await lab.close();
      rmSync(folder, { recursive: true });
    }
  });
});
