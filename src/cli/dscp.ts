// `simtrunk dscp`: prints nftables rules that mark the media of a config, for Node has no way to mark packets itself.
import { isIPv6 } from 'node:net';
import type { Config } from '../config/config.js';
import { readCommandLine } from './command-line.js';
import { CONFIG_OPTIONS, loadConfigArgument } from './config-argument.js';

export const USAGE = `usage: simtrunk dscp [--config FILE] [--data DIR]
Prints rules for nft that give media packets the DSCP of media.dscp: simtrunk dscp | nft -f -
They replace those of an earlier call, and are gone with "nft delete table inet simtrunk_dscp".`;

export async function run(args: string[]): Promise<number> {
  const { values } = readCommandLine({ args, options: CONFIG_OPTIONS }, USAGE);
  const { networks, media } = await loadConfigArgument(values);
  process.stdout.write(dscpRules(networks, media.dscp));
  return 0;
}

/** Rules for everything that leaves the media ports of each network; without a DSCP, what takes earlier rules away. */
export function dscpRules(networks: Config['networks'], dscp: Config['media']['dscp']): string {
  // Named once, so that deleting it never fails.
  const cleared = ['table inet simtrunk_dscp', 'delete table inet simtrunk_dscp'];
  if (dscp === false) return `${cleared.join('\n')}\n`;
  const rules = networks.map(({ bind, mediaPorts }) => {
    const family = isIPv6(bind) ? 'ip6' : 'ip';
    const source = bind === '0.0.0.0' || bind === '::' ? '' : `${family} saddr ${bind} `;
    return `    ${source}udp sport ${mediaPorts.from}-${mediaPorts.to} ${family} dscp set ${dscp}`;
  });
  const hook = '    type filter hook output priority mangle; policy accept;';
  return `${[...cleared, 'table inet simtrunk_dscp {', '  chain output {', hook, ...rules, '  }', '}'].join('\n')}\n`;
}
