import assert from 'node:assert/strict';
import { NetworkLab, whyNoNetworkLab } from '../lib/testing/network-lab.js';
import { dscpRules } from './dscp.js';

const ports = { mediaPorts: { from: 20_000, to: 29_999 } };
const NETWORKS = [
  { name: 'pbx', bind: '192.0.2.1', advertise: '192.0.2.1', ...ports, sip: [] },
  { name: 'sims', bind: '2001:db8::1', advertise: '2001:db8::1', ...ports, sip: [] },
];
const MEMBER = new URL('../lib/testing/udp-member.js', import.meta.url);

describe('simtrunk dscp', () => {
  it('has a rule for the media ports of each network, in its family', () => {
    assert.deepEqual(
      dscpRules(NETWORKS, 46)
        .split('\n')
        .filter((line) => line.includes('dscp set')),
      [
        '    ip saddr 192.0.2.1 udp sport 20000-29999 ip dscp set 46',
        '    ip6 saddr 2001:db8::1 udp sport 20000-29999 ip6 dscp set 46',
      ],
    );
    const anywhere = NETWORKS.map((network, index) => ({ ...network, bind: index === 0 ? '0.0.0.0' : '::' }));
    assert.match(
      dscpRules(anywhere, 34),
      /^ {4}udp sport 20000-29999 ip dscp set 34\n {4}udp sport 20000-29999 ip6 dscp set 34$/m,
    );
  });

  it('marks what leaves the media ports and nothing else, until its rules are taken away', async function () {
    const missing = whyNoNetworkLab();
    if (missing !== null) {
      console.log(`      skipped: ${missing}`);
      this.skip();
    }
    this.timeout(60_000);
    const lab = await NetworkLab.open();
    try {
      const simtrunk = await lab.outside(MEMBER, '192.0.2.1', '2001:db8::1');
      const peer = await lab.outside(MEMBER, '192.0.2.2', '2001:db8::2');
      const counted = (): string[] =>
        [...peer.run('nft', 'list', 'table', 'inet', 'seen').matchAll(/counter packets (\d+)/g)].map(
          (match) => match[1] ?? '',
        );
      peer.feed(
        `table inet seen { chain in { type filter hook input priority 0;
          ip dscp 46 udp dport 4000 counter
          ip6 dscp 46 udp dport 4000 counter
          udp dport 4000 counter
        }
        }`,
        'nft',
        '-f',
        '-',
      );
      const sendAll = async (expected: number): Promise<void> => {
        for (const [from, to] of [
          ['192.0.2.1', '192.0.2.2'],
          ['2001:db8::1', '2001:db8::2'],
        ] as const) {
          for (const port of [20_000, 29_999, 19_999]) await simtrunk.ask('send', from, port, to, 4_000);
        }
        await peer.ask('received', 4_000, expected);
      };
      await peer.ask('listen', ['192.0.2.2', '2001:db8::2'], 4_000);
      for (const [text, expected] of [
        [dscpRules(NETWORKS, 46), ['2', '2', '6']],
        [dscpRules(NETWORKS, false), ['2', '2', '12']],
      ] as const) {
        simtrunk.feed(text, 'nft', '-f', '-');
        await sendAll(Number(expected[2]));
        assert.deepEqual(counted(), expected);
      }
    } finally {
      await lab.close();
    }
  });
});
