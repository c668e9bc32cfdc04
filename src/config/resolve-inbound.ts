// Calls from mobiles, from the config file: where each trunk takes them, and which trunk a gateway's go to when nobody there is
// known to have called.
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseHostPort } from '../lib/host-port.js';
import type { GatewayAddress } from '../routing/dial-uri.js';
import type { ConfigFile } from './schema.js';

type TrunkInbound = NonNullable<ConfigFile['trunks'][number]['inbound']>;
type GatewayInbound = NonNullable<ConfigFile['gateways'][number]['inbound']>;

/** `address` is null where only an announcement takes calls; `announcement` is absolute, or null. */
export type TrunkInboundConfig = Omit<TrunkInbound, 'digest' | 'address' | 'transport' | 'announcement'> & {
  readonly address: GatewayAddress | null;
  readonly announcement: string | null;
};

/** `trunk` is the name of one that there is. */
export type GatewayInboundConfig = Omit<GatewayInbound, 'trunk'> & { readonly trunk: string };

export function resolveTrunkInbound(inbound: TrunkInbound | undefined, folder: string): TrunkInboundConfig | undefined {
  if (inbound === undefined) return undefined;
  const { digest: _, address: written, transport, announcement, ...rest } = inbound;
  const parsed = written === undefined ? undefined : parseHostPort(written);
  // Of a name, its SRV records say the port (RFC 3263 §4.2).
  const ownPort = parsed === undefined || isIP(parsed.host) === 0 ? undefined : transport === 'tls' ? 5061 : 5060;
  return {
    ...rest,
    address: parsed === undefined ? null : { host: parsed.host, port: parsed.port ?? ownPort, transport },
    announcement: announcement === undefined ? null : resolve(folder, announcement),
  };
}

export function resolveGatewayInbound(
  inbound: GatewayInbound | undefined,
  { trunks }: Pick<ConfigFile, 'trunks'>,
): GatewayInboundConfig | undefined {
  if (inbound === undefined) return undefined;
  const receiving = trunks.find((trunk) => trunk.inbound !== undefined) ?? trunks[0];
  return { ...inbound, trunk: inbound.trunk ?? receiving?.name ?? '' };
}
