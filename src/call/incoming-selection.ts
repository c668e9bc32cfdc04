// Where a call from a mobile goes next. First its channel is reserved, as an attempt's is; then its destinations are tried in
// their order, each with media on its network. An INVITE of ours that it crosses makes way for it (semantics.md, "Inbound").
import type { Clock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { Ledger, ReserveRefusal } from '../quota/ledger.js';
import { payersOf } from '../quota/payers.js';
import type { CallMedia } from './call-media.js';
import type { AttemptRecord, LimitReached } from './call-record.js';
import type { CallRequest, Destination, IncomingCall } from './call-request.js';
import { answerForCaller } from './caller-answer.js';
import type { EndReason } from './end-reason.js';
import type { MediaPort, RoutePort } from './ports.js';
import { openMedia, type Selection } from './select-channel.js';

/** Whose a channel is that a call from a mobile came in by. */
export type ChannelUse =
  /** An attempt that nobody has heard ring: it gives the channel up. */
  | 'yielded'
  /** Its last call is being ended. */
  | 'leaving'
  /** It is in a call, or rings somebody. */
  | 'engaged';

/** The other live calls. */
export interface ChannelUsers {
  /** Has an attempt that was crossed give its channel up; null when no call has it. */
  yieldChannel(channelId: string): ChannelUse | null;
}

export interface IncomingPorts {
  readonly ledger: Ledger;
  readonly media: MediaPort;
  readonly clock: Clock;
  readonly channels: ChannelUsers;
  readonly routes: Pick<RoutePort, 'callReceived'>;
}

/** The call, as where it goes is decided. */
export interface IncomingHolder {
  readonly request: CallRequest;
  readonly incoming: IncomingCall;
  media(): CallMedia;
  /** The caller still waits. */
  isWanted(): boolean;
  /** Entries of the live call, to commit with the reservation. */
  alongside(): readonly JournalEntry[];
  onReserved(): void;
}

/** How long a channel is waited for that is still being left: a CANCEL or a BYE of ours, and its answer. */
const CROSSING_MS = 5_000;
const LOOK_AGAIN_MS = 100;

export class IncomingSelection {
  readonly #ports: IncomingPorts;
  readonly #holder: IncomingHolder;
  #maxCallSeconds: number | null = null;
  #next = 0;

  constructor(ports: IncomingPorts, holder: IncomingHolder) {
    this.#ports = ports;
    this.#holder = holder;
  }

  /** @param last the destination before, and how it failed */
  async select(attemptId: string, last: AttemptRecord | undefined): Promise<Selection> {
    const refusal = this.#maxCallSeconds === null ? await this.#reserve() : null;
    if (refusal !== null) return refusal;
    const { incoming } = this.#holder;
    let unusable: EndReason | null = null;
    for (;;) {
      const destination = incoming.destinations[this.#next];
      if (destination === undefined) return refused(unusable ?? reasonOf(last));
      this.#next += 1;
      unusable = await this.#makeReady(destination);
      if (unusable !== null) continue;
      const { peer, address } = destination;
      const { simId, simNumber } = incoming;
      const maxCallSeconds = this.#maxCallSeconds ?? 0;
      const channel = { attemptId, channelId: peer.name, simId, simNumber, gateway: peer, address, maxCallSeconds };
      return { ok: true, channel, decision: null };
    }
  }

  /** The kind of the destination that is being tried. */
  get destination(): Destination | undefined {
    return this.#holder.incoming.destinations[this.#next - 1];
  }

  /** Null when the channel is reserved. */
  async #reserve(): Promise<Selection | null> {
    const { clock, ledger, channels } = this.#ports;
    const { request, incoming } = this.#holder;
    this.#ports.routes.callReceived?.(incoming.channelId);
    const giveUpMs = clock.monotonicMs() + CROSSING_MS;
    const { reservationId, channelId, simId, caller, numberClass } = incoming;
    for (;;) {
      const reserved = await ledger.reserve(
        {
          reservationId,
          callId: request.callId,
          trunk: request.trunk.name,
          direction: 'in',
          payers: payersOf(request),
          channelId,
          simId,
          callee: caller,
          numberClass,
          wallMs: clock.wallMs(),
        },
        this.#holder.alongside(),
      );
      if (reserved.ok) {
        this.#maxCallSeconds = reserved.maxCallSeconds;
        this.#holder.onReserved();
        return null;
      }
      const { reason, payer: holder, allowanceId } = reserved;
      if (reason !== 'channel-busy') {
        const limit = holder === undefined || allowanceId === undefined ? null : { holder, allowanceId };
        return refused(REFUSALS[reason] ?? 'refused-for-this-call', limit);
      }
      const use = channels.yieldChannel(channelId);
      if (use === 'engaged' || clock.monotonicMs() >= giveUpMs || !this.#holder.isWanted()) return refused('busy');
      await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
    }
  }

  async #makeReady({ peer }: Destination): Promise<EndReason | null> {
    const { request } = this.#holder;
    const media = this.#holder.media();
    const opened = await openMedia(this.#ports.media, { request, media }, { gateway: peer });
    if (opened !== null) return opened;
    return media.offerFor(peer, peer.name).ok ? null : 'no-common-codec';
  }
}

const REFUSALS: { readonly [T in ReserveRefusal]?: EndReason } = {
  'cap-exhausted': 'cap-exhausted',
  'journal-stalled': 'journal-stalled',
  'ledger-away': 'ledger-away',
  'unknown-channel': 'no-destination',
};

function refused(reason: EndReason, limit: LimitReached | null = null): Selection {
  return { ok: false, reason, decision: null, limit };
}

/** What the gateway is told when nothing is left to be tried: what the last destination said of itself. */
function reasonOf(last: AttemptRecord | undefined): EndReason {
  if (last === undefined) return 'no-destination';
  const { outcome, sipStatus, cause, ringingAtMs } = last;
  if (outcome === 'refused' && sipStatus !== null) {
    const { reason } = answerForCaller('callee', sipStatus, cause);
    // The mobile has dialled a number that is there: its PBX does not know whose it is.
    return reason === 'bad-number' ? 'no-destination' : reason;
  }
  return ringingAtMs === null ? 'no-destination' : 'no-answer';
}
