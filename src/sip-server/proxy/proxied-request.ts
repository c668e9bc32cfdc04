// One request that is proxied: its targets, one after the other or all at once, and what goes back. RFC 3261 §16.5 to §16.10.
import { parseNameAddress, splitElements } from '../message/name-address.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';
import { bestResponse, challengesOf } from './best-response.js';
import { forwardedResponse } from './forwarded-response.js';
import type { ProxyBranch, ProxyBranchEvents } from './proxy-branch.js';
import type { ProxyOptions } from './proxy-options.js';

/** Targets that redirections may add; more is no honest answer. */
const MAX_TARGETS = 20;

/** What a proxied request needs of the server around it. */
export interface ProxyHost {
  readonly isInvite: boolean;
  /** Makes a branch; null when no way leads to the target. A promise when it is a name. */
  branchTo(
    target: string,
    isRedirected: boolean,
    events: ProxyBranchEvents,
  ): ProxyBranch | null | Promise<ProxyBranch | null>;
  /** Sends a response back. */
  reply(status: number, text: string): void;
  /** Answers by ourselves. */
  refuse(status: number): void;
  /** A final response has come, or stands for one that has not. */
  told(branch: ProxyBranch, response: SipMessage | null, flow: Flow, status: number): void;
  /** What goes back has gone back. @param isReachable false when no target could be reached at all */
  done(isReachable: boolean, status: number): void;
}

export class ProxiedRequest implements ProxyBranchEvents {
  readonly #host: ProxyHost;
  readonly #options: ProxyOptions;
  readonly #queue: { readonly target: string; readonly isRedirected: boolean }[];
  readonly #known: Set<string>;
  readonly #branches: ProxyBranch[] = [];
  readonly #finals: SipMessage[] = [];
  /** Statuses that stand for answers that never came. */
  #failures: (408 | 503)[] = [];
  /** Targets whose names are being looked up. */
  #searching = 0;
  #isCancelled = false;
  #isAnswered = false;
  #isDone = false;

  constructor(host: ProxyHost, options: ProxyOptions) {
    this.#host = host;
    this.#options = options;
    this.#queue = options.targets.map((target) => ({ target, isRedirected: false }));
    this.#known = new Set(options.targets);
  }

  start(): void {
    this.#advance();
  }

  /** The peer sent CANCEL: every branch is cancelled, and what they say then goes back. RFC 3261 §16.10. */
  cancelled(): void {
    this.#isCancelled = true;
    this.#cancelBranches();
    this.#advance();
  }

  /** The server transaction is over. */
  ended(): void {
    this.#isDone = true;
    this.#queue.length = 0;
  }

  provisional(_branch: ProxyBranch, response: SipMessage): void {
    // RFC 4320 §4.1: no provisional response but 100 to anything else.
    if (this.#host.isInvite && !this.#isDone) this.#host.reply(response.status, forwardedResponse(response));
  }

  final(branch: ProxyBranch, response: SipMessage, flow: Flow): void {
    const { status } = response;
    if (status < 300) {
      this.#succeeded(branch, response, flow);
      return;
    }
    this.#host.told(branch, response, flow, status);
    if (status < 400 && this.#options.followsRedirects && this.#follow(response)) {
      this.#advance();
      return;
    }
    this.#finals.push(response);
    // RFC 3261 §16.7 step 5: nobody else need be asked; a challenge must be answered before anybody else is.
    if (status >= 600) this.#cancelBranches();
    if (status === 401 || status === 407) this.#queue.length = 0;
    this.#advance();
  }

  failed(branch: ProxyBranch, status: 408 | 503): void {
    this.#failures.push(status);
    this.#host.told(branch, null, branch.flow, status);
    this.#advance();
  }

  #succeeded(branch: ProxyBranch, response: SipMessage, flow: Flow): void {
    const isFirst = !this.#isAnswered;
    this.#isAnswered = true;
    // Every 2xx to an INVITE goes back, its repetitions and those of other branches too (RFC 3261 §16.7 step 5).
    if (isFirst || this.#host.isInvite) this.#host.reply(response.status, forwardedResponse(response));
    if (!isFirst) return;
    this.#cancelBranches();
    this.#host.told(branch, response, flow, response.status);
    this.#finish(true, response.status);
  }

  #cancelBranches(): void {
    this.#queue.length = 0;
    // Also those that took too long: a late provisional response lets their CANCEL out.
    for (const branch of this.#branches) branch.cancel();
  }

  /** @returns whether it led anywhere */
  #follow(response: SipMessage): boolean {
    const contacts = splitElements(response.values('contact'))
      .map((value) => parseNameAddress(value))
      .filter((address) => address !== null)
      .map(({ uri, parameters }) => ({ uri, q: Number(/;\s*q\s*=\s*([\d.]+)/i.exec(parameters)?.[1] ?? 1) }))
      .sort((a, b) => b.q - a.q);
    let isFollowed = false;
    for (const { uri } of contacts) {
      if (this.#known.has(uri) || this.#known.size >= MAX_TARGETS) continue;
      this.#known.add(uri);
      this.#queue.push({ target: uri, isRedirected: true });
      isFollowed = true;
    }
    return isFollowed && !this.#isCancelled;
  }

  /** Goes to the next target, or ends. */
  #advance(): void {
    if (this.#isDone) return;
    while (this.#queue.length > 0) {
      if (!this.#options.isSimultaneous && this.#isBusy()) return;
      const next = this.#queue.shift();
      if (next !== undefined) this.#begin(next.target, next.isRedirected);
    }
    if (!this.#isBusy() && !this.#isDone) this.#conclude();
  }

  #isBusy(): boolean {
    return this.#searching > 0 || this.#branches.some(({ isOver }) => !isOver);
  }

  #begin(target: string, isRedirected: boolean): void {
    const found = this.#host.branchTo(target, isRedirected, this);
    if (!(found instanceof Promise)) {
      if (found !== null) this.#enter(found);
      return;
    }
    this.#searching++;
    found
      .catch(() => null)
      .then((branch) => {
        this.#searching--;
        if (branch !== null && !this.#isDone && !this.#isCancelled) this.#enter(branch);
        this.#advance();
      })
      // The server's own timers guard what a defect leaves undone here.
      .catch(() => undefined);
  }

  #enter(branch: ProxyBranch): void {
    this.#branches.push(branch);
    branch.start();
  }

  /** All targets have had their say, and none has answered. RFC 3261 §16.7 step 6. */
  #conclude(): void {
    const best = bestResponse(this.#finals);
    if (best === undefined) {
      const isReachable = this.#branches.length > 0;
      // RFC 4320 §4.2: a request other than INVITE is never answered 408.
      const status = this.#isCancelled ? 487 : this.#failures.includes(408) ? 408 : 500;
      if (this.#host.isInvite || status !== 408) this.#host.refuse(status);
      this.#finish(isReachable, status);
      return;
    }
    const { status } = best;
    let challenges = '';
    if (status === 401 || status === 407) {
      for (const other of this.#finals) if (other !== best) challenges += challengesOf(other);
    }
    // A 503 would tell the peer that it was we who are overloaded.
    const sent = status === 503 ? 500 : status;
    if (this.#host.isInvite || sent !== 408) this.#host.reply(sent, forwardedResponse(best, sent, challenges));
    this.#finish(true, sent);
  }

  #finish(isReachable: boolean, status: number): void {
    this.#isDone = true;
    this.#queue.length = 0;
    this.#host.done(isReachable, status);
  }
}
