import { strict as assert } from 'node:assert';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { startApp } from '../app.js';
import { createAuthority, type TestCertificate } from '../sip-server/testing/certificate.js';
import { Arena } from './testing/arena.js';

describe('certificates of the config', () => {
  const authority = createAuthority();
  let arena: Arena;
  before(async () => {
    arena = await Arena.open(() => {
      throw new Error('Nobody calls here');
    });
  });
  after(() => arena.close());

  function write({ cert, key }: TestCertificate): void {
    writeFileSync(join(arena.folder, 'sip.pem'), cert);
    writeFileSync(join(arena.folder, 'sip-key.pem'), key);
  }

  function config() {
    const tls = { transport: 'tls', port: 0, cert: 'sip.pem', key: 'sip-key.pem' };
    return arena.config({
      networks: [
        { name: 'lan', bind: '127.0.0.1', mediaPorts: arena.mediaPorts, sip: [{ transport: 'udp', port: 0 }, tls] },
      ],
    });
  }

  async function shown(port: number): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.cert });
    await once(socket, 'secureConnect');
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return new X509Certificate(raw).fingerprint256;
  }

  it('are read at the start, and again when told to; a bad one changes nothing', async () => {
    const first = authority.issue('127.0.0.1');
    write(first);
    const app = await startApp(config());
    try {
      const port = app.listeners.find(({ transport }) => transport === 'tls')?.port ?? 0;
      assert.equal(await shown(port), new X509Certificate(first.cert).fingerprint256);
      const second = authority.issue('127.0.0.1');
      write(second);
      await app.reloadCertificates();
      assert.equal(await shown(port), new X509Certificate(second.cert).fingerprint256);
      write({ cert: 'nonsense', key: second.key });
      await assert.rejects(app.reloadCertificates(), { code: 'CERTIFICATE_UNUSABLE' });
      assert.equal(await shown(port), new X509Certificate(second.cert).fingerprint256);
    } finally {
      await app.close();
    }
  });

  it('that cannot be read or used stop the start, naming the file or the listener', async () => {
    const settings = config();
    write({ cert: 'nonsense', key: 'nonsense' });
    await assert.rejects(startApp(settings), /tls:127\.0\.0\.1:0: The certificate cannot be used/);
    const missing = arena.config({
      networks: [{ ...settings.networks[0], sip: [{ transport: 'tls', port: 0, cert: 'gone.pem', key: 'gone.pem' }] }],
      gateways: [{ name: 'gw1', network: 'lan', address: '127.0.0.1', transport: 'tls' }],
    });
    await assert.rejects(startApp(missing), { code: 'CERTIFICATE_UNUSABLE', message: /gone\.pem/ });
  });
});
