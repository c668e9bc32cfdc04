// Who may talk to us, by the address of the packet. Answers are remembered, so that a packet costs one look-up.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { SipSources } from '../control.js';

const REMEMBERED_ADDRESSES = 10_000;

export class SourceList {
  #allowed: BlockList | null = null;
  readonly #remembered = new Map<string, boolean>();

  /** Replaces the list. An entry that is no address or CIDR block is refused by an exception, and nothing changes. */
  set(sources: SipSources): void {
    let allowed: BlockList | null = null;
    if (sources.allow !== null) {
      allowed = new BlockList();
      for (const entry of sources.allow) addEntry(allowed, entry);
    }
    this.#allowed = allowed;
    this.#remembered.clear();
  }

  allows(address: string): boolean {
    if (this.#allowed === null) return true;
    let isAllowed = this.#remembered.get(address);
    if (isAllowed === undefined) {
      isAllowed = this.#allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
      if (this.#remembered.size >= REMEMBERED_ADDRESSES) this.#remembered.clear();
      this.#remembered.set(address, isAllowed);
    }
    return isAllowed;
  }
}

function addEntry(list: BlockList, entry: string): void {
  const slash = entry.indexOf('/');
  const address = slash === -1 ? entry : entry.slice(0, slash);
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (family === undefined) throw new RangeError(`Not an address or CIDR block: ${entry}`);
  if (slash === -1) {
    list.addAddress(address, family);
    return;
  }
  const prefix = entry.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix)) throw new RangeError(`Not an address or CIDR block: ${entry}`);
  list.addSubnet(address, Number(prefix), family);
}
