import assert from 'node:assert/strict';
import type { PeerCertificate } from 'node:tls';
import { namesOf } from './tls-identity.js';

describe('the names of a certificate', () => {
  const names = (CN: string | undefined, subjectaltname?: string) =>
    namesOf({ subject: { CN }, subjectaltname } as unknown as PeerCertificate);

  it('are its common name, its host names and the hosts of its SIP URIs, in lower case', () => {
    const alternatives = 'DNS:pbx.Example, URI:sip:trunk.example, IP Address:10.0.0.5, DNS:*.example';
    assert.deepEqual(names('PBX', alternatives), ['pbx', 'pbx.example', 'trunk.example']);
    assert.deepEqual(names(undefined), []);
  });

  it('hold none that stands inside another', () => {
    assert.deepEqual(names('a', 'DNS:"evil, DNS:pbx.example, x", DNS:b'), ['a', 'b']);
    assert.deepEqual(names('a', 'DNS:"evil\\", DNS:pbx.example, x", DNS:b'), ['a', 'b']);
  });
});
