// Over which TCP or TLS connection a PBX is there, as its own requests tell: one behind a NAT cannot be reached otherwise. Only what
// it has proved to be its own counts (trunk-gate.ts), and of several connections the one that was used last.
import { openConnectionTo, sourceUri } from './leg-identity.js';
import { withTransport } from './line-uri.js';
import { contactUri } from './message-parts.js';
import type { SignallingTrunk } from './signalling-settings.js';
import type { SipMessage } from './srf.js';

export interface OpenConnection {
  /** URI of the PBX as it says it, at an address that may mean nothing here; with the connection's transport where it names none. */
  readonly contact: string;
  /** SIP URI of the far end, for this connection alone. */
  readonly nextHop: string;
}

export class TrunkConnections {
  readonly #latest = new Map<string, OpenConnection>();

  /** Whether a request of the trunk outside of a dialog tells of a connection that it is called over. */
  mayNote({ inbound }: SignallingTrunk, request: SipMessage): boolean {
    return inbound?.connection === true && transportOf(request) !== null && contactUri(request) !== undefined;
  }

  /** The trunk has proved that this request is its own. */
  note(trunk: SignallingTrunk, request: SipMessage): void {
    const [contact, transport] = [contactUri(request), transportOf(request)];
    if (!this.mayNote(trunk, request) || contact === undefined || transport === null) return;
    const nextHop = openConnectionTo(sourceUri(request));
    this.#latest.set(trunk.name, { contact: withTransport(contact, transport), nextHop });
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

function transportOf({ protocol }: SipMessage): 'tcp' | 'tls' | null {
  return protocol === 'tcp' || protocol === 'tls' ? protocol : null;
}
