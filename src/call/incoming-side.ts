// What differs in a call from a mobile: a gateway is the caller, the trunk is called, and the reservation is that of the channel
// which the call came in by (docs/decisions/calls-from-mobiles.md). All else is a call as any other.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Ledger } from '../quota/ledger.js';
import { withAnnouncements } from './announcement-leg.js';
import type { AccountHolder } from './call-account.js';
import type { CallMedia } from './call-media.js';
import type { CallRecord } from './call-record.js';
import type { CallRequest, IncomingCall } from './call-request.js';
import { type AnswerProgress, IncomingAccount } from './incoming-account.js';
import { type ChannelUse, type ChannelUsers, IncomingSelection } from './incoming-selection.js';
import type { CallBooks, DialPort, MediaPort, RoutePort } from './ports.js';
import type { Selection } from './select-channel.js';

export interface IncomingSidePorts {
  readonly ledger: Ledger;
  readonly media: MediaPort;
  readonly dialler: DialPort;
  readonly books: CallBooks;
  readonly channels: ChannelUsers;
  readonly routes: Pick<RoutePort, 'callReceived'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface IncomingSideHolder extends AccountHolder {
  answerProgress(): AnswerProgress;
  amend(change: Partial<CallRecord>): void;
  media(): CallMedia | null;
}

export class IncomingSide {
  readonly account: IncomingAccount;
  /** Dials the trunk, and plays announcements. */
  readonly dialler: DialPort;
  readonly #ports: IncomingSidePorts;
  readonly #request: CallRequest;
  readonly #incoming: IncomingCall;
  readonly #holder: IncomingSideHolder;
  #selection: IncomingSelection | null = null;

  constructor(
    ports: IncomingSidePorts,
    journalTimeoutMs: number,
    request: CallRequest,
    incoming: IncomingCall,
    holder: IncomingSideHolder,
  ) {
    this.#ports = ports;
    this.#request = request;
    this.#incoming = incoming;
    this.#holder = holder;
    const { clock, log } = ports;
    this.account = new IncomingAccount(ports, journalTimeoutMs, incoming, {
      ...holder,
      amendIncoming: (change) => this.#amend(change),
    });
    this.dialler = withAnnouncements(ports.dialler, { clock, log, session: () => holder.media()?.session ?? null });
  }

  /** Where the call goes next. */
  async select(attemptId: string, media: CallMedia): Promise<Selection> {
    this.#selection ??= new IncomingSelection(this.#ports, {
      request: this.#request,
      incoming: this.#incoming,
      media: () => media,
      isWanted: () => this.#holder.state().pendingEnd === null,
      alongside: () => this.#ports.books.keepLive(this.account.liveCallWith()),
      onReserved: () => this.account.reserved(),
    });
    const selection = await this.#selection.select(attemptId, this.#holder.state().attempts.at(-1)?.record);
    if (selection.ok) this.#amend({ destination: this.#selection.destination?.kind ?? null });
    return selection;
  }

  /** Whether the channel is this call's. */
  useOf(channelId: string): ChannelUse | null {
    if (channelId !== this.#incoming.channelId || !this.account.holdsChannel) return null;
    return this.#holder.state().record.endReason === null ? 'engaged' : 'leaving';
  }

  #amend(change: Partial<NonNullable<CallRecord['incoming']>>): void {
    const { incoming } = this.#holder.state().record;
    if (incoming !== null) this.#holder.amend({ incoming: { ...incoming, ...change } });
  }
}
