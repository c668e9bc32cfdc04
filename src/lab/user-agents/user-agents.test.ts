// Two user agents that we have not written register and call each other, on the embedded server.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningSipServer } from '../../sip-server/control.js';
import { startSipServer } from '../../sip-server/start-sip-server.js';
import { createAuthority } from '../../sip-server/testing/certificate.js';
import { freePort } from '../sip-tests/free-ports.js';
import { startBaresipPhone } from './baresip.js';
import { startLinphonePhone } from './linphone.js';
import type { Phone } from './phone.js';
import { needPrograms } from './program.js';
import { type RegistrarApplication, startRegistrarApplication } from './registrar-application.js';

const SILENCE = new Int16Array(60 * 8_000);

describe('baresip and linphone', function () {
  this.timeout(60_000);
  let server: RunningSipServer;
  let application: RegistrarApplication;
  let folder: string;
  let userAgents: Phone[];
  let events: string[];
  const authority = createAuthority();
  let onEvent: () => void;

  before(function () {
    needPrograms(this, ['baresip', 'linphonec'], 'Debian: baresip-core, linphone-cli');
  });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-user-agents-'));
    userAgents = [];
    events = [];
    onEvent = () => undefined;
    server = await startSipServer({
      listeners: [
        { transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' },
        { transport: 'tls', address: '127.0.0.1', port: 0, advertise: '127.0.0.1', tls: authority.issue('127.0.0.1') },
      ],
      admin: { address: '127.0.0.1', port: 0, secret: 'lab' },
      timers: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 },
      maxMessageBytes: 65_535,
    });
    application = await startRegistrarApplication({ host: '127.0.0.1', port: server.adminPort, secret: 'lab' });
    application.onEvent((what) => {
      events.push(what);
      onEvent();
    });
  });

  afterEach(async () => {
    await Promise.all(userAgents.map((userAgent) => userAgent.close()));
    application.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function folderOf(name: string): string {
    const own = join(folder, name);
    mkdirSync(own);
    return own;
  }

  function listenerPort(index: number): number {
    return server.listeners[index]?.port ?? 0;
  }

  async function startBaresip(user: string, transport: 'udp' | 'tls'): Promise<Phone> {
    const own = folderOf(user);
    const authorityFile = join(own, 'authority.pem');
    writeFileSync(authorityFile, authority.cert);
    const phone = await startBaresipPhone({
      folder: own,
      user,
      says: SILENCE,
      domain: `127.0.0.1:${listenerPort(transport === 'udp' ? 0 : 1)};transport=${transport}`,
      account: [`auth_user=${user}`, 'auth_pass=none', 'regint=60'],
      configuration: [`sip_cafile ${authorityFile}`],
    });
    userAgents.push(phone);
    return phone;
  }

  async function startLinphone(user: string): Promise<Phone> {
    const phone = await startLinphonePhone({
      folder: folderOf(user),
      sipPort: await freePort(),
      rtpPort: await freePort(),
      says: SILENCE,
      registers: { user, password: 'none', registrar: `127.0.0.1:${listenerPort(0)}` },
    });
    userAgents.push(phone);
    return phone;
  }

  /** Resolves when the application has told so; what the user agents printed is in the error. */
  async function told(what: string): Promise<void> {
    const deadline = AbortSignal.timeout(20_000);
    while (!events.includes(what)) {
      await new Promise<void>((resolve, reject) => {
        onEvent = resolve;
        deadline.onabort = () => {
          const logs = userAgents.map((userAgent) => userAgent.log()).join('\n--\n');
          reject(new Error(`not told: ${what}\ntold: ${events.join(', ')}\n${logs}`));
        };
      });
    }
  }

  it('register, linphone calls baresip, they talk, and linphone hangs up', async () => {
    await startBaresip('bob', 'udp');
    await told('bob registered');
    const alice = await startLinphone('alice');
    await told('alice registered');
    alice.dial(`sip:bob@127.0.0.1:${listenerPort(0)}`);
    await told('alice talks to bob');
    alice.hangUp();
    await told('alice hung up on bob');
    await Promise.all(userAgents.splice(0).map((userAgent) => userAgent.close()));
    await told('bob left');
  });

  it('register, baresip over TLS, and linphone over UDP calls it', async () => {
    await startBaresip('bob', 'tls');
    await told('bob registered');
    assert.match(application.registered.get('bob') ?? '', /transport=tls/);
    const alice = await startLinphone('alice');
    await told('alice registered');
    alice.dial(`sip:bob@127.0.0.1:${listenerPort(0)}`);
    await told('alice talks to bob');
    alice.hangUp();
    await told('alice hung up on bob');
  });

  it('register, baresip calls linphone, they talk, and linphone hangs up', async () => {
    const alice = await startLinphone('alice');
    await told('alice registered');
    const bob = await startBaresip('bob', 'udp');
    await told('bob registered');
    bob.dial(`sip:alice@127.0.0.1:${listenerPort(0)}`);
    await told('bob talks to alice');
    alice.hangUp();
    await told('alice hung up on bob');
  });
});
