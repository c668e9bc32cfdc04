import { strict as assert } from 'node:assert';
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { NatLabResult } from '../testing/nat-lab.js';

const LAB = fileURLToPath(new URL('../testing/nat-lab.js', import.meta.url));

/** What translates addresses on this machine, or why nothing can. */
function findTool(): { readonly tool: string } | { readonly missing: string } {
  const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
  if (!works('unshare', '-Urn', 'ip', 'link'))
    return { missing: 'network namespaces (unshare -Urn, ip) are not to be had' };
  if (works('unshare', '-Urn', 'nft', 'list', 'ruleset')) return { tool: 'nft' };
  if (works('unshare', '-Urn', 'iptables', '-t', 'nat', '-L')) return { tool: 'iptables' };
  return { missing: 'there is neither nft nor iptables' };
}

describe('a phone behind a NAT', () => {
  it('is called and hung up on through its NAT, over UDP and over TCP', async function () {
    const found = findTool();
    if ('missing' in found) {
      console.log(`      skipped: ${found.missing}`);
      this.skip();
    }
    this.timeout(60_000);
    const { stdout } = await promisify(execFile)('unshare', ['-Urn', process.execPath, LAB], {
      env: { ...process.env, NAT_LAB_TOOL: found.tool },
      timeout: 50_000,
    });
    const results = JSON.parse(stdout) as NatLabResult[];
    assert.deepEqual(
      results.map(({ transport }) => transport),
      ['udp', 'tcp'],
    );
    for (const { via, byeUri } of results) {
      // The server knows the phone by the router's address and port alone, and still names it by its Contact.
      assert.match(via, /;received=192\.0\.2\.254;rport=20[01]\d\d$/);
      assert.match(byeUri, /^sip:peer@10\.9\.0\.2:\d+/);
    }
  });
});
