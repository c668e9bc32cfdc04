// The order in which SRV records are tried: by priority, within one at random by weight. RFC 2782, "Usage rules".
import type { SrvRecord } from './dns-client.js';

/** @param random from 0 to less than 1 */
export function orderSrv(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    drawByWeight(
      records.filter((record) => record.priority === priority),
      random,
    ),
  );
}

function drawByWeight(records: SrvRecord[], random: () => number): SrvRecord[] {
  // Weightless records stand first, so that they are drawn seldom, yet not never.
  const left = [...records].sort((a, b) => Math.sign(a.weight) - Math.sign(b.weight));
  const drawn: SrvRecord[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0);
    let mark = Math.floor(random() * (total + 1));
    const index = left.findIndex(({ weight }) => {
      mark -= weight;
      return mark <= 0;
    });
    drawn.push(...left.splice(Math.max(index, 0), 1));
  }
  return drawn;
}
