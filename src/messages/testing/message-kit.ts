// Text messages over a real journal, ledger, router and policy, with gateways that tests answer for; a crash leaves what had committed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, openJournal } from '../../journal/journal.js';
import { type JournalledMemoryLedger, openJournalledLedger } from '../../ledgers/journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../../ledgers/ledger-schema.js';
import { SHARED_LEDGER_SCHEMA } from '../../ledgers/redis/local-rows.js';
import { CALLERS_TIME } from '../../ledgers/redis/lua.js';
import { openRedisLedger, type RedisLedger } from '../../ledgers/redis/redis-ledger.js';
import { ManualClock, SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { HELD_SCHEMA } from '../../messaging/held-messages.js';
import { MESSAGES_SCHEMA, MessageStore } from '../../messaging/message-store.js';
import { POLL_SCHEMA } from '../../messaging/poll-book.js';
import { createPolicy } from '../../policy/admit-call.js';
import { OPEN_POLICY } from '../../policy/trunk-policy.js';
import type { Allowance, Caps } from '../../quota/plan.js';
import { allowanceOf, planOf } from '../../quota/plan-defaults.js';
import { createRouting, type Routing } from '../../routing/routing.js';
import type { Message, MessageRequest } from '../message.js';
import { MessageInbox } from '../message-inbox.js';
import type { MessageGateway, MessagePorts, MessageSettings, SendOutcome, SendRequest } from '../message-ports.js';
import { MessageService } from '../message-service.js';

export const log = createLogger({ level: 'silent', redactNumbers: false });
export const CALLEE = '01012345678';
export const GAP_MS = 1_000;
/** Tests move their clock by hours: leases are not their subject. */
const ENDLESS_MS = 1e12;

const GSM = { alphabet: 'gsm', smsParts: 3, smsBytes: 90, lmsBytes: 0, hasMms: false } as const;

/** Gateways that keep what they are sent until they are told what to answer. */
export class HandGateway {
  readonly sent: SendRequest[] = [];
  readonly #answers: ((outcome: SendOutcome) => void)[] = [];
  #default: ((request: SendRequest) => SendOutcome) | null = null;

  send(request: SendRequest): Promise<SendOutcome> {
    this.sent.push(request);
    if (this.#default !== null) return Promise.resolve(this.#default(request));
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  /** To the oldest that waits. */
  answer(outcome: SendOutcome): void {
    const resolve = this.#answers.shift();
    if (resolve === undefined) throw new Error('nothing waits for an answer');
    resolve(outcome);
  }

  answerAllBy(answer: (request: SendRequest) => SendOutcome): void {
    this.#default = answer;
  }
}

export const SENT: SendOutcome = { kind: 'sent', status: 200, reference: null };
export const BUSY: SendOutcome = { kind: 'refused', means: 'channel', status: 503, detail: null };
export const SILENT: SendOutcome = { kind: 'silent', detail: 'no answer' };

export interface WorldSetup {
  readonly channels: number;
  readonly allowances: readonly Allowance[];
  readonly settings: Partial<MessageSettings>;
  readonly gateway: Partial<MessageGateway>;
  readonly caps: Caps | undefined;
  /** A Redis that keeps the ledger; null for the default one. */
  readonly redis: { readonly url: string; readonly prefix: string } | null;
  readonly node: string;
}

const SETUP: WorldSetup = {
  channels: 2,
  allowances: [allowanceOf({ id: 'sms-day', counts: 'sms', limit: 100 })],
  settings: {},
  gateway: {},
  caps: undefined,
  redis: null,
  node: 'node-a',
};

export class MessageWorld {
  readonly clock = new ManualClock();
  readonly #folder: string;
  readonly #setup: WorldSetup;
  gateway = new HandGateway();
  journal!: Journal;
  ledger!: JournalledMemoryLedger | RedisLedger;
  routes!: Routing<{ readonly name: string }>;
  store!: MessageStore;
  service!: MessageService;
  inbox!: MessageInbox;
  /** Every message that was kept as over, in order. */
  readonly records: Message[] = [];
  readonly news: Message[] = [];

  private constructor(folder: string, setup: WorldSetup) {
    this.#folder = folder;
    this.#setup = setup;
  }

  static async open(setup: Partial<WorldSetup> = {}): Promise<MessageWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-messages-'));
    const world = new MessageWorld(folder, { ...SETUP, ...setup });
    await world.#start();
    return world;
  }

  get settings(): MessageSettings {
    const gateway = { name: 'gw1', limits: GSM, gapMs: 0, onSilence: 'stop' as const, ...this.#setup.gateway };
    return {
      gateways: [gateway],
      ...{ maxAttempts: 3, maxWaitMs: 60_000, maxQueued: 10, defaultTrunk: null, affinityMs: 3_600_000 },
      ...this.#setup.settings,
    };
  }

  request(changes: Partial<MessageRequest> = {}): MessageRequest {
    return {
      ...{ origin: 'sip', trunk: { name: 'pbx', traffic: 'commercial' }, agent: null, account: null, calling: '701' },
      ...{ dialled: CALLEE, text: 'hello', pictures: [], reference: null, key: null },
      ...changes,
    };
  }

  /** What the SIMs have used of their SMS in all. */
  used(): number {
    const sims = Array.from({ length: this.#setup.channels }, (_, index) => `sim${index + 1}`);
    return sims.reduce((sum, simId) => {
      const [sms] = this.ledger.usageOf(simId, this.clock.wallMs())?.allowances ?? [];
      return sum + (sms?.used ?? 0);
    }, 0);
  }

  /** Resolves when what is under way has come to where it waits for a gateway, for time or for a channel. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet++) {
      await this.journal.query('SELECT 1', []);
      // A Redis answers over a socket.
      if (this.#setup.redis !== null) await this.ledger.verify();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends the process as kill -9 does, and starts the next one on what had committed. */
  async crash(): Promise<void> {
    await this.#end();
    this.gateway = new HandGateway();
    await this.#start();
  }

  async close(): Promise<void> {
    await this.#end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    this.store.close();
    this.routes.close();
    await this.ledger.close();
    await this.journal.close();
  }

  async #start(): Promise<void> {
    const { channels: count, allowances, caps, redis, node } = this.#setup;
    const { clock } = this;
    const plan = planOf({
      name: 'texts',
      messageRates: { sms: '22', lms: '44', mms: '220' },
      allowances: [...allowances],
    });
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const sims = numbers.map((port) => ({ simId: `sim${port}`, number: `+82104000000${port}`, plan: 'texts' }));
    const channels = numbers.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: GAP_MS }));
    this.journal = await openJournal({
      ...{ file: join(this.#folder, 'journal.db'), durability: 'process', timeoutMs: 60_000, log },
      clock: new SystemClock(),
      schema: [...LEDGER_SCHEMA, ...SHARED_LEDGER_SCHEMA, ...MESSAGES_SCHEMA, ...POLL_SCHEMA, ...HELD_SCHEMA],
    });
    const parts = {
      ...{ plans: [plan], sims, channels, sliceSeconds: 30, journal: this.journal, clock, log },
      capsOf: (payer: string) => (payer === 'trunk:pbx' ? caps : undefined),
    };
    this.ledger =
      redis === null
        ? await openJournalledLedger(parts)
        : await openRedisLedger({
            ...parts,
            ...{ node, leaseMs: ENDLESS_MS, guardMs: 0, awayLimitMs: 1_000, whenAway: 'refuse' },
            ...{ heldBack: [], capSharePercent: 25 },
            link: { ...redis, timeoutMs: 10_000, time: CALLERS_TIME },
          });
    this.routes = createRouting({
      gateways: [
        {
          ...{ name: 'gw1', codecs: [], host: 'gw', port: 5060, transport: 'udp', dial: '{number}' },
          probe: false,
          terms: { name: 'gw1' },
        },
      ],
      channels: channels.map((channel, index) => ({ ...channel, gateway: 'gw1', port: index + 1, enabled: true })),
      ...{ plans: [plan], sims, view: this.ledger.view, clock },
    });
    const policy = { ...OPEN_POLICY, name: 'pbx', dialling: { country: 'KR' }, timeZone: 'Asia/Seoul' };
    const admission = createPolicy({
      trunks: [{ ...policy, classes: ['mobile', 'landline', 'emergency'] }],
      ledger: this.ledger,
      clock,
    });
    this.store = new MessageStore({
      ...{ journal: this.journal, clock, log, keepDays: () => 8 },
      noticesOf: (message) => {
        this.news.push(message);
        return [];
      },
      recordOf: (message) => {
        this.records.push(message);
        return [];
      },
    });
    const { gateway } = this;
    const ports: MessagePorts = {
      ...{ admission, routes: this.routes, ledger: this.ledger, books: this.store, clock, log },
      sender: { send: (request) => gateway.send(request) },
      keys: 'keys' in this.ledger ? this.ledger.keys : undefined,
    };
    this.service = new MessageService(ports, this.settings);
    this.inbox = new MessageInbox(ports, this.settings);
    const { service, inbox } = this;
    this.store.onNews(() => inbox.lookAgain());
    this.ledger.view.events.on('channel:changed', (_, state) => {
      if (state === 'idle') service.look();
    });
    await this.service.start();
    await this.inbox.start();
  }
}
