// How this machine reaches its own media ports, network by network: calls that are joined by a transfer send to each other there,
// and a NAT that the advertised address belongs to need not send packets back inside.
import { isIP } from 'node:net';
import type { Config } from '../config/config.js';

/** By network; null for one whose advertised address is its own, and where the ports are an rtpengine's. */
export function innerAddresses({
  networks,
  media,
}: Pick<Config, 'networks' | 'media'>): (network: string) => string | null {
  const byName = new Map(networks.map(({ name, bind, advertise }) => [name, innerAddress(bind, advertise)]));
  return (network) => (media.engine === 'relay' ? (byName.get(network) ?? null) : null);
}

function innerAddress(bind: string, advertise: string): string | null {
  if (bind === advertise) return null;
  if (bind === '0.0.0.0') return '127.0.0.1';
  return isIP(bind) === 6 && /^[0:]+$/.test(bind) ? '::1' : bind;
}
