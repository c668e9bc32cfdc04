// Who is at the door: the trunk of a request by its source, by the certificate of its TLS connection, and by its credentials.
// A trunk with several of them needs all. Nothing here answers, and nothing tells a stranger which part of what it brought is wrong.
import { type DigestAccount, DigestGuard, type DigestSettings } from '../digest/digest-guard.js';
import { PeerTable } from './peer-table.js';
import type { SipMessage } from './srf.js';

export interface GatedTrunk {
  readonly name: string;
  readonly sources: readonly string[];
  /** Name that its TLS certificate must speak for. */
  readonly certificate?: string | undefined;
}

export interface GateSettings<T extends GatedTrunk> {
  readonly trunks: readonly T[];
  /** By trunk. */
  readonly accounts: ReadonlyMap<string, DigestAccount>;
  readonly digest: DigestSettings;
}

export type GateVerdict<T> =
  | { readonly kind: 'trunk'; readonly trunk: T }
  /** `headers` go with a 401. */
  | {
      readonly kind: 'challenge';
      readonly headers: Readonly<Record<string, string>>;
      /** `absent`: it brought nothing for us; `stale`: of an old nonce; `refused`: wrong credentials. */
      readonly reason: 'absent' | 'stale' | 'refused';
    }
  | { readonly kind: 'stranger' };

interface TrunkAccount extends DigestAccount {
  readonly trunk: string;
}

export class TrunkGate<T extends GatedTrunk> {
  readonly #bySource = new PeerTable<T>();
  readonly #byCertificate = new Map<string, T>();
  readonly #byName: ReadonlyMap<string, T>;
  readonly #accounts: ReadonlyMap<string, DigestAccount>;
  readonly #guard: DigestGuard<TrunkAccount>;
  /** Some trunk is known by its credentials alone, so any stranger may be it. */
  readonly #asksStrangers: boolean;

  /** `before`: the gate whose place it takes. */
  constructor({ trunks, accounts, digest }: GateSettings<T>, before?: TrunkGate<T>) {
    this.#accounts = accounts;
    this.#byName = new Map(trunks.map((trunk) => [trunk.name, trunk]));
    this.#guard = new DigestGuard(
      digest,
      [...accounts].map(([trunk, { username, password }]) => ({ trunk, username, password })),
      before === undefined ? undefined : before.#guard,
    );
    this.#asksStrangers = trunks.some((trunk) => isAnywhere(trunk) && accounts.has(trunk.name));
    for (const trunk of trunks) {
      if (trunk.certificate !== undefined) this.#byCertificate.set(trunk.certificate.toLowerCase(), trunk);
    }
    for (const trunk of trunks) {
      for (const source of trunk.sources) this.#bySource.add(source, trunk);
    }
  }

  /** The trunk that sends from there, whatever it has yet to prove. */
  bySource(request: SipMessage): T | undefined {
    return this.#bySource.find(request.source_address, request.source_port);
  }

  /** Whether the names of its TLS certificate have to be known to tell who it is. */
  needsNames(request: SipMessage): boolean {
    return request.protocol === 'tls' && this.#byCertificate.size > 0;
  }

  /** @param names of the verified certificate of its connection, in lower case; none without one */
  admit(request: SipMessage, wallMs: number, names: readonly string[] = []): GateVerdict<T> {
    const bySource = this.bySource(request);
    // Behind one address there may be several who are told apart by their certificates.
    const known = bySource !== undefined && hasShown(bySource, names) ? bySource : (this.#certified(names) ?? bySource);
    if (known !== undefined && !hasShown(known, names)) return { kind: 'stranger' };
    if (known !== undefined && !this.#accounts.has(known.name)) return { kind: 'trunk', trunk: known };
    if (known === undefined && !this.#asksStrangers) return { kind: 'stranger' };
    const { method, uri, body = '' } = request;
    const checked = this.#guard.check({ method, uri, body, authorization: request.get('Authorization') }, wallMs);
    if (!checked.ok) return this.#challenge(checked.reason, wallMs);
    const trunk = this.#byName.get(checked.account.trunk);
    const isThere = trunk !== undefined && (known === undefined ? isAnywhere(trunk) : trunk === known);
    return isThere ? { kind: 'trunk', trunk } : this.#challenge('refused', wallMs);
  }

  /** The trunk that a certificate alone, or with credentials, is enough for. */
  #certified(names: readonly string[]): T | undefined {
    const trunks = names.flatMap((name) => this.#byCertificate.get(name) ?? []);
    return trunks.find(({ sources }) => sources.length === 0);
  }

  #challenge(reason: 'absent' | 'stale' | 'refused', wallMs: number): GateVerdict<T> {
    const challenges = this.#guard.challenges(wallMs, reason === 'stale');
    return { kind: 'challenge', reason, headers: { 'WWW-Authenticate': challengeLines(challenges) } };
  }
}

/** It needs no certificate, or this is it. */
function hasShown({ certificate }: GatedTrunk, names: readonly string[]): boolean {
  return certificate === undefined || names.includes(certificate.toLowerCase());
}

/** Known by credentials alone. */
function isAnywhere({ sources, certificate }: GatedTrunk): boolean {
  return sources.length === 0 && certificate === undefined;
}

/**
 * RFC 3261 §7.3.1: challenges may not share a line, and drachtio-srf knows of one line for each header name; what it is given
 * goes out as it stands.
 */
export function challengeLines(challenges: readonly string[]): string {
  return challenges.join('\r\nWWW-Authenticate: ');
}
