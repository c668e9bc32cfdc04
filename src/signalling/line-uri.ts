// The request-URI of a call to a line that has registered: who is called by the dial template, where by the line's contact.
import type { DialAddress } from '../call/call-request.js';

/** What an INVITE says of a channel, with the line's contact for the gateway: in the caller ID's own headers too. */
export function addressAtContact(address: DialAddress, contact: string): DialAddress {
  const { requestUri, fromUser } = address;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(address.headers)) {
    headers[name] = value.replaceAll(`@${hostOf(requestUri)}>`, `@${hostOf(contact)}>`);
  }
  return { requestUri: uriAtContact(requestUri, contact), fromUser, headers };
}

/** @param dialled as the dial template has it for the gateway, with its parameters */
export function uriAtContact(dialled: string, contact: string): string {
  const [user = '', rest = ''] = splitAtHost(dialled);
  const [, place = ''] = splitAtHost(contact);
  const hostPort = place.split(';')[0] ?? '';
  const parameters = new Map<string, string>();
  // The contact's own come first: a line may be told from others of its gateway by them.
  for (const parameter of [...place.split(';').slice(1), ...rest.split(';').slice(1)]) {
    const name = parameter.split('=')[0]?.toLowerCase() ?? '';
    if (name !== '' && name !== 'transport') parameters.set(name, `;${parameter}`);
  }
  const transport = /;transport=([a-z]+)/i.exec(place)?.[1] ?? 'udp';
  return `sip:${user === '' ? '' : `${user}@`}${hostPort};transport=${transport.toLowerCase()}${[...parameters.values()].join('')}`;
}

/** A contact with the transport by which it is reached, where it names none or says it by `sips`. */
export function withTransport(contact: string, transport: 'tcp' | 'tls'): string {
  const isSecure = /^sips:/i.test(contact);
  const [user, place] = splitAtHost(contact);
  const parameter = /;transport=[^;?]*/i;
  const named =
    isSecure || !parameter.test(place)
      ? place.replace(parameter, '').replace(/(?=\?|$)/, `;transport=${transport}`)
      : place;
  return `sip:${user === '' ? '' : `${user}@`}${named}`;
}

/** Host and port of a contact. */
export function hostOf(contact: string): string {
  return (splitAtHost(contact)[1] ?? '').split(';')[0]?.replace(/:\d+$/, '') ?? '';
}

/** User, and what follows the "@"; a user may hold ";" but no "@". */
function splitAtHost(uri: string): readonly [string, string] {
  const bare = uri.replace(/^sips?:/i, '');
  const at = bare.indexOf('@');
  return at === -1 ? ['', bare] : [bare.slice(0, at), bare.slice(at + 1)];
}
