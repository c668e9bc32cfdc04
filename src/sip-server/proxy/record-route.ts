// The Record-Route values that keep us in a dialog, and how we know them again. RFC 3261 §16.6 step 4; RFC 5658 where a call
// crosses from one listener to another. Each is signed for its Call-ID: we forward inside dialogs that we took part in, not for
// anybody, and nothing has to be remembered for it.
import { createHmac, randomBytes } from 'node:crypto';
import { parseNameAddress, splitElements } from '../message/name-address.js';
import type { SipMessage } from '../message/sip-message.js';
import { parseSipUri, uriParameter } from '../message/uri.js';
import type { Listener } from '../transport/flow.js';

export class RecordRoutes {
  readonly #secret = randomBytes(32);

  /** The values for a request that came in by one listener and goes out by another, topmost first. */
  valuesFor(callId: string, arrival: Listener, departure: Listener): string[] {
    const signature = this.#sign(callId);
    const value = (listener: Listener): string => `<${listener.contactUri};lr;rr=${signature}>`;
    return arrival === departure ? [value(departure)] : [value(departure), value(arrival)];
  }

  /** Whether a URI is one that we wrote for this call. */
  isOurs(uri: string, callId: string): boolean {
    const parsed = parseSipUri(uri);
    return parsed !== null && uriParameter(parsed, 'rr') === this.#sign(callId);
  }

  /**
   * How a request inside a dialog goes on when we are in its route: its request-URI and the routes left; null when we are not.
   * RFC 3261 §16.4.
   */
  onwards(request: SipMessage): { readonly uri: string; readonly routes: readonly string[] } | null {
    const { callId } = request;
    let { uri } = request;
    const routes = splitElements(request.values('route'));
    let isOnRoute = false;
    if (this.isOurs(uri, callId)) {
      // A strict router before us put our value into the request-URI, and the target behind the routes.
      const target = parseNameAddress(routes.pop() ?? '')?.uri;
      if (target === undefined) return null;
      uri = target;
      isOnRoute = true;
    }
    while (routes[0] !== undefined && this.isOurs(parseNameAddress(routes[0])?.uri ?? '', callId)) {
      routes.shift();
      isOnRoute = true;
    }
    return isOnRoute ? { uri, routes } : null;
  }

  #sign(callId: string): string {
    return createHmac('sha256', this.#secret).update(callId, 'latin1').digest('hex').slice(0, 16);
  }
}
