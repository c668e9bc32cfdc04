// Names and passwords of the config, apart from all else: what a call carries of its trunk and gateway may be logged.
import { randomUUID } from 'node:crypto';
import type { DigestAccount, DigestSettings } from '../digest/digest-guard.js';
import { type Environment, readSecret } from './read-secret.js';
import { simStatusAccounts } from './resolve-sim-status.js';
import type { ConfigFile } from './schema.js';

export interface Credentials {
  /** How those who call are asked. */
  readonly settings: DigestSettings;
  readonly trunks: ReadonlyMap<string, DigestAccount>;
  /** By name; of trunks that are called, by `trunk:NAME`, which no gateway can have. */
  readonly gateways: ReadonlyMap<string, DigestAccount>;
  /** By channel id, of channels that have an account of their own at their gateway. */
  readonly channels: ReadonlyMap<string, DigestAccount>;
  /** By which simtrunk registers elsewhere. */
  readonly registrations: ReadonlyMap<string, DigestAccount>;
  /** By gateway: at its web server, or of its GoIP lines, without a name. */
  readonly simStatus: ReadonlyMap<string, DigestAccount>;
}

interface Named {
  readonly digest?: { readonly username: string; readonly password: string | { readonly env: string } } | undefined;
}

export function resolveCredentials(parsed: ConfigFile, env: Environment): Credentials {
  const { sip, trunks, gateways, channels, registrations } = parsed;
  const { realm, algorithms, nonceSecret, nonceSeconds } = sip.digest;
  const accountsOf = <T extends Named>(elements: readonly T[], nameOf: (element: T) => string) =>
    new Map(
      elements.flatMap((element): [string, DigestAccount][] => {
        const { digest } = element;
        if (digest === undefined) return [];
        return [[nameOf(element), { username: digest.username, password: readSecret(digest.password, env) ?? '' }]];
      }),
    );
  return {
    settings: {
      realm,
      algorithms,
      nonceLifetimeMs: nonceSeconds * 1_000,
      // Nonces of before a restart are then stale, which their owners hear and ask again.
      nonceSecret: (nonceSecret === undefined ? undefined : readSecret(nonceSecret, env)) ?? randomUUID(),
    },
    trunks: accountsOf(trunks, ({ name }) => name),
    gateways: new Map([
      ...accountsOf(gateways, ({ name }) => name),
      ...accountsOf(
        trunks.flatMap(({ name, inbound }) =>
          inbound?.digest === undefined ? [] : [{ name, digest: inbound.digest }],
        ),
        ({ name }) => `trunk:${name}`,
      ),
    ]),
    registrations: accountsOf(registrations, ({ name }) => name),
    simStatus: simStatusAccounts(parsed, env),
    channels: accountsOf(channels, ({ gateway, port }) => `${gateway}/${port}`),
  };
}
