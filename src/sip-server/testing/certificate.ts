// Certificates for tests, made here: X.509 v3 in DER (RFC 5280 §4.1) by hand, since Node reads but does not write them.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { addressBytes } from './address-bytes.js';

export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority extends TestCertificate {
  /** @param names host names, addresses or `sip:` URIs that the certificate speaks for */
  issue(...names: string[]): TestCertificate;
}

/** A certificate authority of its own, valid for a day. */
export function createAuthority(name = 'Test authority'): TestAuthority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = certificateOf(name, publicKey, name, privateKey, [['2.5.29.19', sequence(tagged(0x01, [0xff]))]]);
  return {
    cert,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    issue(...names) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const alternatives = sequence(...names.map(generalName));
      const issued = certificateOf(names[0] ?? 'nobody', own.publicKey, name, privateKey, [
        ['2.5.29.17', alternatives],
      ]);
      return { cert: issued, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

function certificateOf(
  subject: string,
  publicKey: KeyObject,
  issuer: string,
  issuerKey: KeyObject,
  extensions: readonly (readonly [oid: string, value: Buffer])[],
): string {
  const algorithm = sequence(objectId('1.2.840.10045.4.3.2'));
  const dayMs = 86_400_000;
  const body = sequence(
    tagged(0xa0, tagged(0x02, [2])),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer),
    sequence(time(Date.now() - dayMs), time(Date.now() + dayMs)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions.map(([oid, value]) => sequence(objectId(oid), tagged(0x04, value))))),
  );
  const signature = sign('sha256', body, issuerKey);
  const der = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** RFC 5280 §4.2.1.6. */
function generalName(name: string): Buffer {
  if (isIPv4(name) || isIPv6(name)) return tagged(0x87, addressBytes(name));
  return tagged(name.includes(':') ? 0x86 : 0x82, Buffer.from(name));
}

/** A common name that is unique to its text: OpenSSL finds issuers by it. */
function distinguishedName(text: string): Buffer {
  const short = text.length <= 60 ? text : createHash('sha256').update(text).digest('hex');
  return sequence(tagged(0x31, sequence(objectId('2.5.4.3'), tagged(0x0c, Buffer.from(short)))));
}

function time(ms: number): Buffer {
  return tagged(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, bytes);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer | readonly number[]): Buffer {
  const bytes = Buffer.from(content);
  const { length } = bytes;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), bytes]);
}
