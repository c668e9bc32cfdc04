// One connection to one run of Redis: scripts in order, and the log of changes in the same order. It is never mended: a
// connection that fails, or does not answer in time, is lost, and the next one may find another Redis behind it.
import { createHash } from 'node:crypto';
import { createClient } from '@redis/client';
import { type Clock, type ClockTimer, SystemClock } from '../../lib/clock.js';
import { SimtrunkError } from '../../lib/errors.js';
import { type Operation, scripts } from './lua.js';

export interface RedisLinkOptions {
  /** redis://[user:password@]host[:port][/database], or rediss:// for TLS. */
  readonly url: string;
  /** All keys begin with it; nodes with the same one share their channels. */
  readonly prefix: string;
  /** A command that waits longer means that Redis is away. */
  readonly timeoutMs: number;
  /** Lua that gives the scripts their time. */
  readonly time: string;
  /** Timeouts are of the machine, whatever clock the ledger has. */
  readonly clock?: Clock;
}

/** What a script returns: strings, and lists of them. */
export type Reply = readonly (string | Reply)[];

/** How often the oldest unanswered command is looked at, as a part of its timeout. */
const WATCH_PARTS = 4;

interface Script {
  readonly sha: string;
  readonly text: string;
}

export class RedisLink {
  /** Of this run of Redis: another one may have forgotten what this one knew. */
  readonly runId: string;
  readonly #client: ReturnType<typeof newClient>;
  readonly #scripts: ReadonlyMap<Operation, Script>;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #waiting = 0;
  #lastReplyMs = 0;
  #watch: ClockTimer | undefined;
  #onLost: ((error: Error) => void) | undefined;
  #isLost = false;

  /** @throws whatever kept it from connecting in time */
  static async open(options: RedisLinkOptions, onLog: (message: string) => void): Promise<RedisLink> {
    const clock = options.clock ?? new SystemClock();
    const client = newClient(options);
    // Before anything waits: an error without a listener would end the process.
    let failed = (_error: Error): void => {};
    client.on('error', (error: Error) => failed(error));
    let timer: ClockTimer | undefined;
    try {
      const opened = new Promise<RedisLink>((resolve, reject) => {
        failed = reject;
        timer = clock.after(options.timeoutMs, () => reject(away('Redis did not answer in time')));
        connect(client, options, onLog, clock).then(resolve, reject);
      });
      const link = await opened;
      failed = (error) => link.#lose(error);
      client.on('end', () => link.#lose(away('the connection to Redis has ended')));
      return link;
    } catch (error) {
      failed = () => {};
      destroy(client);
      throw error;
    } finally {
      timer?.cancel();
    }
  }

  /** Use {@link RedisLink.open}. */
  constructor(
    client: ReturnType<typeof newClient>,
    runId: string,
    loaded: ReadonlyMap<Operation, Script>,
    options: RedisLinkOptions,
    clock: Clock,
  ) {
    this.runId = runId;
    this.#client = client;
    this.#scripts = loaded;
    this.#prefix = keyPrefix(options.prefix);
    this.#timeoutMs = options.timeoutMs;
    this.#clock = clock;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Called once. */
  onLost(listener: (error: Error) => void): void {
    this.#onLost = listener;
  }

  /** Rejects when the connection is lost before the reply: whether the script ran is not known then. */
  async run(operation: Operation, args: readonly string[]): Promise<Reply> {
    if (this.#isLost) throw away('Redis is away');
    const script = this.#scripts.get(operation) as Script;
    this.#begin();
    try {
      const rest = ['1', this.#prefix, ...args];
      try {
        return await this.#client.sendCommand<Reply>(['EVALSHA', script.sha, ...rest]);
      } catch (error) {
        // An operator's SCRIPT FLUSH: the text itself runs and is kept again.
        if (!String((error as Error).message).startsWith('NOSCRIPT')) throw error;
        return await this.#client.sendCommand<Reply>(['EVAL', script.text, ...rest]);
      }
    } finally {
      this.#end();
    }
  }

  close(): void {
    this.#isLost = true;
    this.#watch?.cancel();
    destroy(this.#client);
  }

  #begin(): void {
    this.#waiting += 1;
    if (this.#waiting > 1) return;
    this.#lastReplyMs = this.#clock.monotonicMs();
    this.#watch ??= this.#clock.after(this.#timeoutMs / WATCH_PARTS, () => this.#look());
  }

  #end(): void {
    this.#waiting -= 1;
    this.#lastReplyMs = this.#clock.monotonicMs();
  }

  /** Replies come in order: while some come, none is overdue for longer than the queue. */
  #look(): void {
    this.#watch = undefined;
    if (this.#waiting === 0 || this.#isLost) return;
    if (this.#clock.monotonicMs() - this.#lastReplyMs >= this.#timeoutMs) this.#lose(away('Redis does not answer'));
    else this.#watch = this.#clock.after(this.#timeoutMs / WATCH_PARTS, () => this.#look());
  }

  #lose(error: Error): void {
    if (this.#isLost) return;
    this.close();
    this.#onLost?.(error);
  }
}

export function away(why: string): SimtrunkError {
  return new SimtrunkError('REDIS_AWAY', `${why}. The ledger goes on by ledger.redis.whenAway until it is back.`);
}

/** In braces, so that all keys are in one slot of a cluster. */
function keyPrefix(prefix: string): string {
  return `{${prefix}}`;
}

function newClient({ url, timeoutMs }: RedisLinkOptions) {
  return createClient({
    url,
    // RESP3: the log's messages come over the connection that the scripts' replies come over, in one order.
    RESP: 3,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // One watch over all of them is enough: a timer for each cost a tenth of the time.
    commandOptions: { timeout: 0 },
    socket: { connectTimeout: timeoutMs, reconnectStrategy: false },
  });
}

function destroy(client: ReturnType<typeof newClient>): void {
  try {
    client.destroy();
  } catch {
    // It was closed already.
  }
}

async function connect(
  client: ReturnType<typeof newClient>,
  options: RedisLinkOptions,
  onLog: (message: string) => void,
  clock: Clock,
): Promise<RedisLink> {
  await client.connect();
  const info = await client.sendCommand<string>(['INFO', 'server']);
  const runId = /^run_id:(\S+)/m.exec(info)?.[1];
  if (runId === undefined) throw new Error('INFO server tells no run_id');
  await client.subscribe(`${keyPrefix(options.prefix)}:log`, onLog);
  const loaded = new Map<Operation, Script>();
  for (const [name, text] of scripts(options.time))
    loaded.set(name, { sha: createHash('sha1').update(text).digest('hex'), text });
  await Promise.all([...loaded.values()].map(({ text }) => client.sendCommand(['SCRIPT', 'LOAD', text])));
  return new RedisLink(client, runId, loaded, options, clock);
}
