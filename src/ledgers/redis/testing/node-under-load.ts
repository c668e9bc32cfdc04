// A simtrunk node reduced to its ledger, as a process that can be killed or paused. It calls on any channel that seems idle,
// and tells its parent when it had a channel and what it was charged, by the machine's monotonic clock.
import { monotonicNowMs } from '../../../lib/clock.js';
import { openSharedNode, requestFor, settlementOf } from './shared-setup.js';

/** What a parent is told, in the order in which it happened. */
export type LoadFact =
  | { readonly kind: 'ready' }
  /** An INVITE might leave now. */
  | { readonly kind: 'took'; readonly channelId: string; readonly reservationId: string; readonly atMs: number }
  /** Nothing of this call is on the channel any more. */
  | { readonly kind: 'gave'; readonly channelId: string; readonly reservationId: string; readonly atMs: number }
  | {
      readonly kind: 'settled';
      readonly simId: string;
      readonly reservationId: string;
      readonly billedSeconds: number;
    }
  /** It keeps the channel that it took until its reservation is lost. */
  | { readonly kind: 'holds'; readonly reservationId: string }
  | { readonly kind: 'lost'; readonly reservationIds: readonly string[] }
  | {
      readonly kind: 'stopped';
      readonly reservations: number;
      readonly lostRaces: number;
      readonly refusals: Readonly<Record<string, number>>;
    };

/** What a parent may say. */
export type LoadOrder = { readonly kind: 'stop' } | { readonly kind: 'hold'; readonly calls: number };

const {
  calls,
  talkMs = 4,
  ...options
} = JSON.parse(process.argv[2] ?? '{}') as {
  url: string;
  folder: string;
  node: string;
  capSeconds: number;
  calls: number;
  /** The longest that a call lasts. */
  talkMs?: number;
};
const node = await openSharedNode(options);
const { ledger } = node;
const channels = Array.from({ length: 12 }, (_, port) => port);
const refusals: Record<string, number> = {};
let isStopping = false;
/** So many of the next calls last until their reservations are lost. */
let toHold = 0;
const held = new Map<string, () => void>();

const tell = (fact: LoadFact) => process.send?.(fact);
process.on('message', (order: LoadOrder) => {
  if (order.kind === 'hold') toHold = order.calls;
  else isStopping = true;
});
process.once('disconnect', () => process.exit());
ledger.events.on('reservations:lost', (reservationIds) => {
  tell({ kind: 'lost', reservationIds });
  for (const reservationId of reservationIds) held.get(reservationId)?.();
});

/** Idle channels in an order of chance, as routing with another seed would have them. */
function candidates(): number[] {
  const idle = channels.filter((port) => ledger.view.channelState(`gw1/${port}`) === 'idle');
  for (let index = idle.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [idle[index], idle[other]] = [idle[other] ?? 0, idle[index] ?? 0];
  }
  return idle.slice(0, 4);
}

async function callAfterCall(): Promise<void> {
  while (!isStopping) {
    const ports = candidates();
    const first = requestFor(ports[0] ?? 0);
    const { reservationId } = first;
    const requests = ports.map((port) => ({ ...first, channelId: `gw1/${port}`, simId: `sim${port}` }));
    const reserved = requests.length === 0 ? undefined : await ledger.reserveFirst(requests);
    if (reserved === undefined || !reserved.ok) {
      const reason = reserved?.reason ?? 'none-idle';
      refusals[reason] = (refusals[reason] ?? 0) + 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
      continue;
    }
    const { channelId } = reserved;
    tell({ kind: 'took', channelId, reservationId, atMs: monotonicNowMs() });
    if (toHold > 0) {
      toHold -= 1;
      const lost = new Promise<void>((resolve) => held.set(reservationId, resolve));
      tell({ kind: 'holds', reservationId });
      await lost;
    } else await new Promise((resolve) => setTimeout(resolve, Math.random() * talkMs));
    if (Math.random() < 0.2) {
      tell({ kind: 'gave', channelId, reservationId, atMs: monotonicNowMs() });
      await ledger.release(reservationId, { invited: Math.random() < 0.5 });
      continue;
    }
    const answeredWallMs = Date.now();
    let { maxCallSeconds, isFinal } = await ledger.confirm(reservationId, answeredWallMs);
    const wishSeconds = 1 + Math.floor(Math.random() * 60);
    if (wishSeconds > maxCallSeconds && !isFinal) {
      ({ maxCallSeconds, isFinal } = await ledger.renew(reservationId, answeredWallMs + (wishSeconds + 2) * 1000));
    }
    // As a call does: it ends a second before what is granted at the latest, and what is charged is no more than is held.
    const seconds = Math.max(0, Math.min(wishSeconds, maxCallSeconds));
    tell({ kind: 'gave', channelId, reservationId, atMs: monotonicNowMs() });
    const { billedSeconds, simId } = await ledger.settle(settlementOf(reservationId, seconds, answeredWallMs));
    tell({ kind: 'settled', simId, reservationId, billedSeconds });
  }
}

tell({ kind: 'ready' });
await Promise.all(Array.from({ length: calls }, () => callAfterCall()));
const { reservations, lostRaces } = ledger.counters;
await node.close();
tell({ kind: 'stopped', reservations, lostRaces, refusals });
process.disconnect();
