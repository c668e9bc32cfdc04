// Over which TCP or TLS connection a PBX is there, as its own requests tell: one behind a NAT cannot be reached otherwise. Only what
// it has proved to be its own counts (trunk-gate.ts), and of several connections the one that was used last.
import { openConnectionTo, sourceUri } from './leg-identity.js';
import { contactUri } from './message-parts.js';
import type { SignallingTrunk } from './signalling-settings.js';
import type { SipMessage } from './srf.js';

export interface OpenConnection {
  /** URI of the PBX as it says it itself, at an address that may mean nothing here. */
  readonly contact: string;
  /** SIP URI of the far end, for this connection alone. */
  readonly nextHop: string;
}

export class TrunkConnections {
  readonly #latest = new Map<string, OpenConnection>();

  /** A request of the trunk outside of a dialog. */
  note({ name, inbound }: SignallingTrunk, request: SipMessage): void {
    const { protocol } = request;
    if (inbound?.connection !== true || (protocol !== 'tcp' && protocol !== 'tls')) return;
    const contact = contactUri(request);
    if (contact !== undefined) this.#latest.set(name, { contact, nextHop: openConnectionTo(sourceUri(request)) });
  }

  /** Perhaps closed meanwhile: who sends to it finds out. */
  of(trunk: string): OpenConnection | undefined {
    return this.#latest.get(trunk);
  }

  /** Of other trunks nothing is known from now on. */
  keepThoseOf(trunks: readonly SignallingTrunk[]): void {
    for (const name of [...this.#latest.keys()]) {
      if (!trunks.some((trunk) => trunk.name === name && trunk.inbound?.connection === true)) this.#latest.delete(name);
    }
  }
}
