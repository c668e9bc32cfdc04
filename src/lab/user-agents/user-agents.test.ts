// Two user agents that we have not written register and call each other, on the embedded server.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningSipServer } from '../../sip-server/control.js';
import { startSipServer } from '../../sip-server/start-sip-server.js';
import { createAuthority } from '../../sip-server/testing/certificate.js';
import { freePort } from '../sip-tests/free-ports.js';
import { type RegistrarApplication, startRegistrarApplication } from './registrar-application.js';
import { isInstalled, startBaresip, startLinphone, type UserAgent } from './user-agent.js';

const MISSING = (['baresip', 'linphonec'] as const).filter((command) => !isInstalled(command));

describe('baresip and linphone', function () {
  this.timeout(60_000);
  let server: RunningSipServer;
  let application: RegistrarApplication;
  let folder: string;
  let userAgents: UserAgent[];
  let events: string[];
  const authority = createAuthority();
  let onEvent: () => void;

  before(function () {
    if (MISSING.length === 0) return;
    console.log(`      skipped: ${MISSING.join(' and ')} not installed (Debian: baresip-core, linphone-cli)`);
    this.skip();
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
    if (MISSING.length > 0) return;
    await Promise.all(userAgents.map((userAgent) => userAgent.close()));
    application.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function order(name: string): { name: string; folder: string; registrarPort: number } {
    const own = join(folder, name);
    mkdirSync(own);
    return { name, folder: own, registrarPort: server.listeners[0]?.port ?? 0 };
  }

  function keep(userAgent: UserAgent): UserAgent {
    userAgents.push(userAgent);
    return userAgent;
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
    keep(startBaresip(order('bob')));
    await told('bob registered');
    const alice = keep(startLinphone(order('alice'), await freePort(), false));
    await told('alice registered');
    alice.type(`call sip:bob@127.0.0.1:${server.listeners[0]?.port}`);
    await told('alice talks to bob');
    alice.type('terminate');
    await told('alice hung up on bob');
    await Promise.all(userAgents.splice(0).map((userAgent) => userAgent.close()));
    await told('bob left');
  });

  it('register, baresip over TLS, and linphone over UDP calls it', async () => {
    const registrarPort = server.listeners[1]?.port ?? 0;
    keep(startBaresip({ ...order('bob'), registrarPort, authority: authority.cert }));
    await told('bob registered');
    assert.match(application.registered.get('bob') ?? '', /transport=tls/);
    const alice = keep(startLinphone(order('alice'), await freePort(), false));
    await told('alice registered');
    alice.type(`call sip:bob@127.0.0.1:${server.listeners[0]?.port}`);
    await told('alice talks to bob');
    alice.type('terminate');
    await told('alice hung up on bob');
  });

  it('register, baresip calls linphone, they talk, and linphone hangs up', async () => {
    const alice = keep(startLinphone(order('alice'), await freePort(), true));
    await told('alice registered');
    keep(startBaresip(order('bob'), 'alice'));
    await told('bob talks to alice');
    alice.type('terminate');
    await told('alice hung up on bob');
  });
});
