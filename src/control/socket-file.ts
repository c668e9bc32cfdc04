// The control socket as a file: 0600 from the instant in which it can be found, a dead one replaced, a live one never.
// It is bound in a folder that only its owner can enter, and linked to its place when its mode is set.
import { chmod, type FileHandle, link, lstat, mkdir, open, rm } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { SimtrunkError } from '../lib/errors.js';

/** sun_path has 104 bytes on BSD and macOS, 108 on Linux, the closing zero included. */
const MAX_PATH_BYTES = 103;
/** Another process may take or leave the place while we look at it. */
const ATTEMPTS = 5;

/** A path that fits into a socket's address; usable until it is released. */
interface ShortPath {
  readonly path: string;
  release(): Promise<void>;
}

/** @throws SimtrunkError CONTROL_IN_USE when a process answers there, CONTROL_UNAVAILABLE when it cannot be made */
export async function listenAt(server: Server, path: string): Promise<{ release(): Promise<void> }> {
  const folder = `${path}.new`;
  let short: ShortPath | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    // A start that was killed may have left it.
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { mode: 0o700 });
    const bound = join(folder, 's');
    short = await shorten(bound);
    await listen(server, short.path);
    await chmod(bound, 0o600);
    const { ino } = await lstat(bound);
    await linkTo(bound, path);
    return { release: () => release(server, path, ino, short) };
  } catch (error) {
    await closeServer(server);
    await short?.release();
    throw error instanceof SimtrunkError ? error : unavailable(path, error);
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** @throws the system's error: ENOENT or ECONNREFUSED when nobody listens */
export async function connectTo(path: string): Promise<Socket> {
  const short = await shorten(path);
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path: short.path });
      // Left in place: an error may come before its new owner listens.
      socket.on('error', reject);
      socket.once('connect', () => resolve(socket));
    });
  } finally {
    // Not awaited: the connection's events would pass unheard meanwhile.
    void short.release();
  }
}

async function linkTo(bound: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await link(bound, path);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const stat = await lstat(path).catch(() => null);
    if (stat === null) continue;
    if (!stat.isSocket()) throw unavailable(path, new Error('something else has this name; move it away'));
    const before = await occupantOf(path);
    if (before === 'live') {
      throw new SimtrunkError(
        'CONTROL_IN_USE',
        `Another simtrunk answers on ${path}: it uses the same dataDir. Stop it, or give this one a dataDir of its own.`,
      );
    }
    await rm(path, { force: true });
  }
  throw unavailable(path, new Error('other processes keep taking it'));
}

async function occupantOf(path: string): Promise<'live' | 'dead'> {
  try {
    const socket = await connectTo(path);
    socket.destroy();
    return 'live';
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'dead';
    // Its queue of connections is full: it lives.
    if (code === 'EAGAIN') return 'live';
    throw error;
  }
}

async function release(server: Server, path: string, ino: number, short: ShortPath | undefined): Promise<void> {
  const stat = await lstat(path).catch(() => null);
  if (stat?.ino === ino) await rm(path, { force: true });
  await closeServer(server);
  // After the server, which removes the path that it was bound to by the same short name.
  await short?.release();
}

/** Where a path is too long for a socket's address, its folder is reached by a descriptor. */
async function shorten(path: string): Promise<ShortPath> {
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, release: async () => undefined };
  if (process.platform !== 'linux') {
    const message = `the path has more than ${MAX_PATH_BYTES} bytes, which a socket cannot have here; use a shorter dataDir`;
    throw unavailable(path, new Error(message));
  }
  const folder: FileHandle = await open(dirname(path));
  return { path: `/proc/self/fd/${folder.fd}/${basename(path)}`, release: () => folder.close() };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function unavailable(path: string, cause: unknown): SimtrunkError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SimtrunkError('CONTROL_UNAVAILABLE', `Cannot make the control socket ${path}: ${reason}`, { cause });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
