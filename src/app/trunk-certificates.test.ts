import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { type RunningApp, startApp } from '../app.js';
import { createAuthority } from '../sip-server/testing/certificate.js';
import { branch, sipText, token } from '../sip-server/testing/sip-script.js';
import { Arena } from './testing/arena.js';

/** The SIPp that Debian has speaks no TLS, so these calls are placed here. */
describe('a trunk that is known by its TLS certificate', () => {
  const authority = createAuthority();
  let arena: Arena;
  let app: RunningApp;
  let port: number;

  before(async () => {
    arena = await Arena.open(() => {
      throw new Error('Nobody is called here');
    });
    const ours = authority.issue('127.0.0.1');
    for (const [name, text] of [
      ['sip.pem', ours.cert],
      ['sip-key.pem', ours.key],
      ['ca.pem', authority.cert],
    ] as const) {
      writeFileSync(join(arena.folder, name), text);
    }
    const tls = {
      transport: 'tls',
      port: 0,
      cert: 'sip.pem',
      key: 'sip-key.pem',
      ca: 'ca.pem',
      requestClientCertificate: true,
    };
    const network = { name: 'lan', bind: '127.0.0.1', mediaPorts: arena.mediaPorts };
    const digest = { username: 'branch', password: 'sesame' };
    app = await startApp(
      arena.config({
        networks: [{ ...network, sip: [{ transport: 'udp', port: 0 }, tls] }],
        trunks: [
          { sources: null, certificate: 'PBX.example' },
          { name: 'branch', network: 'lan', certificate: 'branch.example', digest },
          { name: 'placed', network: 'lan', certificate: 'placed.example', sources: ['127.0.0.9'] },
        ],
      }),
    );
    port = app.listeners.find(({ transport }) => transport === 'tls')?.port ?? 0;
  });

  after(async () => {
    await app.close();
    await arena.close();
  });

  /** The final response to a request over a connection with a certificate for this name. */
  async function answerTo(method: string, name: string): Promise<string> {
    const { cert, key } = authority.issue(name);
    const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, cert, key });
    await once(socket, 'secureConnect');
    socket.write(
      sipText(`${method} sip:hello@127.0.0.1 SIP/2.0`, [
        `Via: SIP/2.0/TLS 127.0.0.1:${socket.localPort};branch=${branch()}`,
        `From: <sip:701@pbx.example>;tag=${token()}`,
        'To: <sip:hello@127.0.0.1>',
        `Call-ID: ${token()}`,
        `CSeq: 1 ${method}`,
        'Max-Forwards: 70',
        `Contact: <sip:701@127.0.0.1:${socket.localPort};transport=tls>`,
      ]),
    );
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      const final = /^SIP\/2\.0 ([2-6]\d\d)/m.exec(text);
      if (final !== null) return final[1] ?? '';
    }
    return '';
  }

  it('is let in with it, whatever its address and the case of the name', async () => {
    assert.equal(await answerTo('OPTIONS', 'pbx.example'), '200');
    // What is no number gets 484: it was the trunk's call, and not a stranger's.
    assert.equal(await answerTo('INVITE', 'pbx.example'), '484');
  });

  it('is a stranger with another', async () => {
    for (const name of ['other.example', 'sub.pbx.example', '*.example']) {
      assert.equal(await answerTo('INVITE', name), '403', name);
    }
  });

  it('is asked for its credentials too, where it has some', async () => {
    assert.equal(await answerTo('INVITE', 'branch.example'), '401');
  });

  it('is a stranger from an address that is not among its sources', async () => {
    assert.equal(await answerTo('INVITE', 'placed.example'), '403');
  });
});
