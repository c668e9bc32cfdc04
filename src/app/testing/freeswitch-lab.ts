// A FreeSWITCH as the PBX, with extensions of its own, simtrunk, and a simulated gateway, on free ports.
import assert from 'node:assert/strict';
import { type RunningApp, startApp } from '../../app.js';
import type { Cdr } from '../../cdr/cdr.js';
import { answers, type BehaviourPlan } from '../../lab/callee-behaviour.js';
import { freePort } from '../../lab/sip-tests/free-ports.js';
import { type BaresipPhone, startBaresipPhone } from '../../lab/user-agents/baresip.js';
import {
  type Freeswitch,
  type FreeswitchOrder,
  type FreeswitchRule,
  startFreeswitch,
} from '../../lab/user-agents/freeswitch.js';
import { Arena, until } from './arena.js';
import { Listening, Voice } from './understood.js';

export const AGENT = new Voice(7);
export const CALLEE = new Voice(8);
export const OTHER = new Voice(9);

/** Whose callee speaks with the voice `OTHER`. */
export const OTHER_NUMBER = '01055550002';
export const NUMBER = '01055550001';

export interface FreeswitchLabOrder {
  readonly plan?: BehaviourPlan;
  readonly trunk?: Record<string, unknown>;
  /** The rest of simtrunk's config. */
  readonly config?: Record<string, unknown>;
  readonly profile?: Readonly<Record<string, string>>;
  /** Settings of FreeSWITCH's gateway to simtrunk. */
  readonly gateway?: Readonly<Record<string, string>>;
  /** Variables that each of its bridges has, such as `bypass_media=true`. */
  readonly variables?: readonly string[];
  readonly users?: Readonly<Record<string, string>>;
}

/** Its extensions are 701 and 702; a call to the number of a SIM goes to 701, every other number to simtrunk. */
export class FreeswitchLab {
  readonly arena: Arena;
  app!: RunningApp;
  freeswitch!: Freeswitch;
  #order!: FreeswitchOrder;
  readonly #extensions: Readonly<Record<'701' | '702', number>>;
  readonly #phones: BaresipPhone[] = [];

  private constructor(arena: Arena, one: number, two: number) {
    this.arena = arena;
    this.#extensions = { 701: one, 702: two };
  }

  static async open(order: FreeswitchLabOrder = {}): Promise<FreeswitchLab> {
    const voices: BehaviourPlan = ({ number }) =>
      answers({ afterMs: 200, says: number === OTHER_NUMBER ? OTHER.says : CALLEE.says });
    const [one, two] = [await freePort(), await freePort()];
    const lab = new FreeswitchLab(await Arena.open(order.plan ?? voices), one, two);
    try {
      await lab.#start(order);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  async #start(order: FreeswitchLabOrder): Promise<void> {
    const { arena } = this;
    const { 701: one, 702: two } = this.#extensions;
    const sipPort = await freePort();
    const trunk = { name: 'pbx', network: 'lan', sources: ['127.0.0.1'], agentFrom: 'from-user' };
    const inbound = { address: `127.0.0.1:${sipPort}`, ...(order.trunk?.inbound as object | undefined) };
    // FreeSWITCH and the phones have these clocks.
    const config = { sip: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 }, ...order.config };
    this.app = await startApp(arena.config({ trunks: [{ ...trunk, ...order.trunk, inbound }], ...config }));
    this.#order = {
      folder: arena.subfolder('freeswitch'),
      sipPort,
      says: AGENT.says,
      trunks: {
        simtrunk: { proxy: `127.0.0.1:${arena.sipPort}`, 'caller-id-in-from': 'true', ...order.gateway },
      },
      dialplan: dialplan(order.variables ?? [], one, two),
      ...(order.profile && { profile: order.profile }),
      ...(order.users && { users: order.users }),
    };
    this.freeswitch = await startFreeswitch(this.#order);
  }

  get sipPort(): number {
    return this.#order.sipPort;
  }

  /** An extension of FreeSWITCH, with the voice of an agent or another. */
  extension(user: '701' | '702', { says } = AGENT): Promise<BaresipPhone> {
    const account = ['regint=0', `outbound="sip:127.0.0.1:${this.sipPort};transport=udp"`];
    return this.phone(user, { says, sipPort: this.#extensions[user], account });
  }

  async phone(
    user: string,
    order: { readonly says: Int16Array; readonly sipPort: number; readonly account?: readonly string[] },
  ): Promise<BaresipPhone> {
    const phone = await startBaresipPhone({ folder: this.arena.subfolder(`baresip-${user}`), user, ...order });
    this.#phones.push(phone);
    return phone;
  }

  /** FreeSWITCH itself calls, and talks when it was answered. */
  async talk(number: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
    const leg = await this.freeswitch.call(number, variables);
    await until('it is answered', () => this.freeswitch.isAnswered(leg));
    await this.freeswitch.listen(leg);
    return leg;
  }

  /** As its user dials it; resolves when they talk. */
  async dial(phone: BaresipPhone, number: string): Promise<void> {
    phone.dial(`sip:${number}@127.0.0.1:${this.sipPort}`);
    await until('they talk', () => phone.isTalking());
  }

  /** Waits until FreeSWITCH understands a half second more of this voice in its leg. */
  async hears(leg: string, voice: Voice = CALLEE): Promise<void> {
    const listening = new Listening(voice, this.freeswitch.heard(leg));
    await until('the PBX hears', () => listening.halfSecondsOf(this.freeswitch.heard(leg)) > 0);
  }

  async phoneHears(phone: BaresipPhone, voice: Voice): Promise<void> {
    const listening = new Listening(voice, phone.heard());
    await until('the phone hears', () => listening.halfSecondsOf(phone.heard()) > 0);
  }

  /** The same of the callee whose call began `fromLast` calls before the last one. */
  async calleeHears(voice: Voice, fromLast = 0): Promise<void> {
    const { gateway } = this.arena;
    const { sipCallId } = gateway.callsSince(0).at(-1 - fromLast) ?? assert.fail('nobody was called');
    const listening = new Listening(voice, gateway.heardIn(sipCallId));
    await until('the callee hears', () => listening.halfSecondsOf(gateway.heardIn(sipCallId)) > 0);
  }

  async hold(phone: BaresipPhone): Promise<void> {
    phone.hold();
    await until('it holds', () => phone.isHolding());
    phone.resume();
    await until('it holds no more', () => !phone.isHolding());
  }

  /** Its word for the end of a leg. */
  async cause(leg: string): Promise<string | undefined> {
    await until('the leg is over', () => this.freeswitch.causeOf(leg) !== undefined);
    return this.freeswitch.causeOf(leg);
  }

  async cdrs(count: number): Promise<readonly Cdr[]> {
    await until('the CDRs are published', () => this.arena.cdrLines().length === count);
    return this.arena.cdrLines();
  }

  /** It ends without a word, and one with the same settings takes its place and its calls. */
  async replaceFreeswitch(): Promise<void> {
    await this.freeswitch.kill();
    this.freeswitch = await startFreeswitch(this.#order);
    await this.freeswitch.api('sofia recover');
  }

  log(): string {
    return [this.freeswitch, ...this.#phones].map((program) => program?.log()).join('\n');
  }

  /** Idempotent; what failed to start is not there to be closed. */
  async close(): Promise<void> {
    const parts: readonly ({ close(): Promise<void> } | undefined)[] = [
      ...this.#phones.splice(0),
      this.freeswitch,
      this.app,
      this.arena,
    ];
    for (const part of parts) await part?.close();
  }
}

function dialplan(variables: readonly string[], one: number, two: number): FreeswitchRule[] {
  const bridge = (to: string) => [
    ...[...variables, 'hangup_after_bridge=true'].map((variable) => ['set', variable] as const),
    ['bridge', to] as const,
  ];
  return [
    { number: '^701$', apply: bridge(`sofia/pbx/701@127.0.0.1:${one}`) },
    { number: '^702$', apply: bridge(`sofia/pbx/702@127.0.0.1:${two}`) },
    { number: '^\\+82.*$', apply: bridge(`sofia/pbx/701@127.0.0.1:${one}`) },
    { number: '^(0\\d+)$', apply: bridge('sofia/gateway/simtrunk/$1') },
  ];
}
