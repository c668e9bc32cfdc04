// The questions that locating a SIP server asks of the DNS, and who answers them on this machine.
// Node's resolver tells the time to live of addresses alone; the other records are kept for a fixed, short time.
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

export interface Answer<T> {
  /** Empty when there are none, or when nobody could be asked. */
  readonly records: readonly T[];
  /** How long this may be remembered. */
  readonly ttlSeconds: number;
}

/** RFC 2782. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** RFC 3403, the fields that RFC 3263 §4.1 reads. */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
}

/** Never rejects: a failure is an empty answer that is soon forgotten. */
export interface DnsClient {
  naptr(name: string): Promise<Answer<NaptrRecord>>;
  srv(name: string): Promise<Answer<SrvRecord>>;
  /** IPv4 addresses, then IPv6. */
  addresses(name: string): Promise<Answer<string>>;
}

export const NEGATIVE_TTL_SECONDS = 5;
const FIXED_TTL_SECONDS = 30;
const NOTHING: Answer<never> = { records: [], ttlSeconds: NEGATIVE_TTL_SECONDS };

export class SystemDns implements DnsClient {
  readonly #resolver = new Resolver({ timeout: 1_500, tries: 2 });
  readonly #hostsFile: string;
  readonly #asksSystem: boolean;

  /** @param servers `address` or `address:port` of name servers; left out, those of the system */
  constructor(servers?: readonly string[], hostsFile = '/etc/hosts') {
    this.#asksSystem = servers === undefined;
    if (servers !== undefined) this.#resolver.setServers(servers);
    this.#hostsFile = hostsFile;
  }

  async naptr(name: string): Promise<Answer<NaptrRecord>> {
    return ask(this.#resolver.resolveNaptr(name));
  }

  async srv(name: string): Promise<Answer<SrvRecord>> {
    return ask(this.#resolver.resolveSrv(name));
  }

  async addresses(name: string): Promise<Answer<string>> {
    const local = await this.#local(name);
    if (local.length > 0) return { records: local, ttlSeconds: NEGATIVE_TTL_SECONDS };
    const found = (
      await Promise.all([
        this.#resolver.resolve4(name, { ttl: true }).catch(() => []),
        this.#resolver.resolve6(name, { ttl: true }).catch(() => []),
      ])
    ).flat();
    if (found.length > 0) {
      return { records: found.map(({ address }) => address), ttlSeconds: Math.min(...found.map(({ ttl }) => ttl)) };
    }
    if (!this.#asksSystem) return NOTHING;
    // What the system knows by other means than DNS (mDNS, NIS).
    const others = await lookup(name, { all: true, verbatim: true }).catch(() => []);
    return { records: others.map(({ address }) => address), ttlSeconds: NEGATIVE_TTL_SECONDS };
  }

  /** The file of hosts, and RFC 6761 §6.3: `localhost` is never asked for. */
  async #local(name: string): Promise<string[]> {
    const file = await readFile(this.#hostsFile, 'utf8').catch(() => '');
    const found = addressesInHosts(file, name);
    if (found.length === 0 && /(^|\.)localhost\.?$/i.test(name)) return ['127.0.0.1', '::1'];
    return found;
  }
}

/** hosts(5); IPv4 first. */
export function addressesInHosts(file: string, name: string): string[] {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const found = new Set<string>();
  for (const line of file.split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    if (isIP(address) !== 0 && names.some((other) => other.toLowerCase() === wanted)) found.add(address);
  }
  return [...found].sort((a, b) => isIP(a) - isIP(b));
}

async function ask<T>(question: Promise<T[]>): Promise<Answer<T>> {
  try {
    const records = await question;
    return { records, ttlSeconds: records.length === 0 ? NEGATIVE_TTL_SECONDS : FIXED_TTL_SECONDS };
  } catch {
    return NOTHING;
  }
}
