// A list fetched by URL into a file: within a time and a size, whole or not at all. The first line of the copy says where it came
// from; the time of the copy is when the server last said that it is current.
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

export interface FetchedList {
  readonly url: string;
  /** Value of the Authorization header, or undefined for none. */
  readonly authorization: string | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Where the copy is kept. */
  readonly copy: string;
}

/** The first line of a copy. */
interface Origin {
  readonly url: string;
  readonly etag: string | null;
}

const MARK = '# simtrunk ';
const MAX_ORIGIN_BYTES = 8_192;

/** Whether there is a copy, and of this URL: that of another is another list. */
export async function hasCopy({ url, copy }: FetchedList): Promise<boolean> {
  return (await originOf(copy))?.url === url;
}

/**
 * Fetches the list, or learns that the copy is current; the copy has the time `nowWallMs` then. `accept` reads what came before
 * it takes the copy's place.
 * @throws Error that says why not, or what `accept` throws; the copy is what it was.
 */
export async function fetchList(
  list: FetchedList,
  nowWallMs: number,
  signal: AbortSignal,
  accept: (file: string) => Promise<void>,
): Promise<'new' | 'current'> {
  const origin = await originOf(list.copy);
  const etag = origin?.url === list.url ? origin.etag : null;
  const within = AbortSignal.any([signal, AbortSignal.timeout(list.timeoutMs)]);
  const response = await fetch(list.url, {
    signal: within,
    headers: {
      ...(list.authorization === undefined ? {} : { Authorization: list.authorization }),
      ...(etag === null ? {} : { 'If-None-Match': etag }),
    },
  });
  if (response.status === 304 && etag !== null) {
    await response.body?.cancel();
    await dated(list.copy, nowWallMs);
    return 'current';
  }
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the server answered ${response.status}`);
  }
  await mkdir(dirname(list.copy), { recursive: true });
  const partial = `${list.copy}.partial`;
  try {
    await write(partial, headingOf(list.url, response), response, list.maxBytes);
    await dated(partial, nowWallMs);
    await accept(partial);
    await rename(partial, list.copy);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return 'new';
}

function headingOf(url: string, response: Response): string {
  const heading = (etag: string | null) => `${MARK}${JSON.stringify({ url, etag } satisfies Origin)}\n`;
  const whole = heading(response.headers.get('ETag'));
  return Buffer.byteLength(whole) > MAX_ORIGIN_BYTES ? heading(null) : whole;
}

async function write(path: string, heading: string, response: Response, maxBytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.write(heading);
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`it has more than ${maxBytes} bytes, which maxBytes allows`);
      await file.write(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function dated(file: string, wallMs: number): Promise<void> {
  await utimes(file, wallMs / 1000, wallMs / 1000);
}

async function originOf(copy: string): Promise<Origin | null> {
  const stream = createReadStream(copy, { end: MAX_ORIGIN_BYTES - 1, encoding: 'utf8' });
  try {
    for await (const line of createInterface({ input: stream })) {
      return line.startsWith(MARK) ? (JSON.parse(line.slice(MARK.length)) as Origin) : null;
    }
  } catch {
    // No copy yet, or none that we wrote.
  } finally {
    stream.destroy();
  }
  return null;
}
