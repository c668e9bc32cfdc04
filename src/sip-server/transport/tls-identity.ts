// What a listener's certificates are made into, and whose name a peer's certificate may speak. RFC 5922 §7.
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import type { SipTlsSettings } from '../control.js';

export function secureContextOptions(settings: SipTlsSettings): SecureContextOptions {
  const { cert, key, ca } = settings;
  return ca === undefined ? { cert, key } : { cert, key, ca };
}

/** @throws RangeError when the certificate or its key cannot be used; says which. */
export function readCertificate(settings: SipTlsSettings): SecureContext {
  try {
    return createSecureContext(secureContextOptions(settings));
  } catch (cause) {
    throw new RangeError(`The certificate cannot be used: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** RFC 5922 §7.1: a `sip:` URI among the subject's names counts before its host names. */
export function checkSipIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const domains = [...(certificate.subjectaltname ?? '').matchAll(/URI:sips?:([^,;:\s"]+)/gi)].map(([, name]) =>
    name?.toLowerCase(),
  );
  return domains.includes(host.toLowerCase()) ? undefined : checkServerIdentity(host, certificate);
}

/** The names that a verified certificate speaks for: its subject's common name, host names and the hosts of `sip:` URIs. */
export function namesOf(certificate: PeerCertificate): readonly string[] {
  const common = certificate.subject?.CN;
  // Node quotes a name that could be taken for several; such a one is nobody's.
  const unquoted = (certificate.subjectaltname ?? '').replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const alternatives = unquoted.split(', ').flatMap((text) => {
    const name = /^(?:DNS:|URI:sips?:)([A-Za-z0-9._-]+)$/i.exec(text)?.[1];
    return name === undefined ? [] : [name];
  });
  return [...(typeof common === 'string' ? [common] : []), ...alternatives].map((name) => name.toLowerCase());
}

/** How a server that we connect to is looked at. */
export function verification(settings: SipTlsSettings): ConnectionOptions {
  switch (settings.verifyServer) {
    case 'off':
      return { rejectUnauthorized: false };
    case 'chain':
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined };
    default:
      return { rejectUnauthorized: true, checkServerIdentity: checkSipIdentity };
  }
}
