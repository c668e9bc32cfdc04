// A start that fails says what to do and leaves nothing: the same process starts afterwards on the same ports, journal and
// folders, and ends by itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Arena } from './app/testing/arena.js';
import { openJournal } from './journal/journal.js';
import { answers } from './lab/callee-behaviour.js';
import { freePort, isTaken } from './lab/sip-tests/free-ports.js';
import { SystemClock } from './lib/clock.js';
import { createLogger } from './lib/logger.js';
import { startSipServer } from './sip-server/start-sip-server.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const CHILD = fileURLToPath(new URL('./app/testing/start-and-close.js', import.meta.url));

type Outcome = { started: number } | { code: string; message: string };

describe('a start that fails', function () {
  this.timeout(30_000);
  let arena: Arena;
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    arena = await Arena.open(() => answers());
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await arena.close();
  });

  function configFile(name: string, over: Record<string, unknown> = {}): string {
    const file = join(arena.folder, `${name}.yaml`);
    writeFileSync(file, JSON.stringify(arena.configValue(over)));
    return file;
  }

  /** Starts with each file in one process that has to end by itself, without a word of its own on standard error. */
  async function startEach(...files: string[]): Promise<Outcome[]> {
    const child = spawn(process.execPath, [CHILD, ...files], { stdio: ['ignore', 'pipe', 'pipe'] });
    closing.push(() => child.kill('SIGKILL'));
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (chunk: string) => {
        said[stream] += chunk;
      });
    }
    const [code, signal] = await once(child, 'close');
    assert.deepEqual([code, signal, said.stderr], [0, null, '']);
    return said.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  /** The start with `over` is refused so; the one after it, in the same process, is not. */
  async function refuses(over: Record<string, unknown>, code: string, message: RegExp): Promise<void> {
    const [refused, started, ...further] = await startEach(configFile('bad', over), configFile('good'));
    assert.ok(refused && 'code' in refused, `it started: ${JSON.stringify(refused)}`);
    assert.equal(refused.code, code);
    assert.match(refused.message, message);
    assert.deepEqual([started, further], [{ started: 2 }, []]);
    for (const transport of ['udp', 'tcp'] as const) {
      assert.equal(await isTaken(transport, '127.0.0.1', arena.sipPort), false);
    }
  }

  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  it('names the SIP port that is taken, and gives back the one that was not', async () => {
    const port = await listening(createServer());
    const sip = [{}, { transport: 'tcp', port }];
    await refuses({ networks: [{ sip }] }, 'LISTENER_UNAVAILABLE', new RegExp(`127\\.0\\.0\\.1:${port}.*[Ff]ree`));
  });

  it('says whose journal it is', async () => {
    const file = join(arena.folder, 'theirs.db');
    const options = {
      file,
      durability: 'process',
      timeoutMs: 2_000,
      schema: [],
      clock: new SystemClock(),
      log,
    } as const;
    const theirs = await openJournal(options);
    closing.push(() => theirs.close());
    await refuses({ ledger: { file } }, 'JOURNAL_IN_USE', /theirs\.db.*ledger\.file/);
  });

  it('says that the journal cannot be written', async () => {
    const file = join(configFile('a-file'), 'simtrunk.db');
    await refuses({ ledger: { file } }, 'JOURNAL_UNAVAILABLE', /a-file\.yaml.*ledger\.file/);
  });

  it('says that recordings cannot be written', async () => {
    const dir = join(configFile('a-file'), 'recordings');
    await refuses({ recording: { dir } }, 'RECORDING_UNAVAILABLE', /a-file\.yaml.*recording\.dir/);
  });

  it('says that an address for media is not of this machine', async () => {
    // RFC 5737: an address for documents, so nobody's.
    await refuses({ networks: [{ bind: '192.0.2.1' }] }, 'LISTENER_UNAVAILABLE', /lan.*192\.0\.2\.1.*networks/);
  });

  it('says that no drachtio server listens', async () => {
    const drachtio = { host: '127.0.0.1', port: await freePort(), secret: 'right' };
    await refuses({ sip: { drachtio } }, 'SIP_SERVER_UNREACHABLE', /ECONNREFUSED.*sip\.drachtio/);
  });

  it('says that what listens is no drachtio server', async () => {
    const port = await listening(createServer((socket) => socket.on('error', () => undefined).resume()));
    const drachtio = { host: '127.0.0.1', port, secret: 'right' };
    await refuses({ sip: { drachtio } }, 'SIP_SERVER_UNREACHABLE', /does not speak.*sip\.drachtio/);
  });

  it('says that the drachtio server refused the secret', async () => {
    const { t1Ms, t2Ms, t4Ms } = arena.config().sip;
    const server = await startSipServer({
      listeners: [{ transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' }],
      admin: { address: '127.0.0.1', port: 0, secret: 'right' },
      timers: { t1Ms, t2Ms, t4Ms },
      maxMessageBytes: 65_535,
    });
    closing.push(() => server.close());
    const drachtio = { host: '127.0.0.1', port: server.adminPort, secret: 'wrong' };
    await refuses({ sip: { drachtio } }, 'SIP_SERVER_UNREACHABLE', /refused our secret.*sip\.drachtio\.secret/);
  });

  it('can be followed by as many starts and closes as one likes', async () => {
    const file = configFile('good');
    assert.deepEqual(await startEach(file, file, file), [{ started: 2 }, { started: 2 }, { started: 2 }]);
  });
});
