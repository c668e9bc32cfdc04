// What the operator knows of peers that no packet tells: the network they are in, and whether their Contact is to be believed.
import type { SipPeers } from '../control.js';
import { AddressSet } from '../defence/address-set.js';
import { SourceAddress } from '../defence/source-address.js';

export class PeerList {
  readonly #address = new SourceAddress();
  readonly #groups: readonly { readonly members: AddressSet; readonly peers: SipPeers }[];
  readonly #areSomeBelieved: boolean;

  /** @throws RangeError naming an entry that is no address or CIDR block */
  constructor(groups: readonly SipPeers[]) {
    this.#groups = groups.map((peers) => ({ members: new AddressSet(peers.addresses), peers }));
    this.#areSomeBelieved = groups.some(({ followsContact }) => followsContact === true);
  }

  networkOf(address: string): string | undefined {
    return this.#of(address)?.network;
  }

  /** Asked for every packet. */
  isContactFollowed(address: string): boolean {
    return this.#areSomeBelieved && this.#of(address)?.followsContact === true;
  }

  /** The first group that holds an address. */
  #of(address: string): SipPeers | undefined {
    if (!this.#address.read(address)) return undefined;
    return this.#groups.find(({ members }) => members.has(this.#address))?.peers;
  }
}
