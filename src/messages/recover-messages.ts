// What an earlier process left of text messages: those that waited wait again; one that was being sent may have left, so that it
// is charged and never sent again by itself.
import type { Charge } from '../quota/ledger.js';
import type { Message, MessageAttempt } from './message.js';
import type { MessagePorts } from './message-ports.js';

/** Settles what may have been sent; resolves with those that wait for a channel, oldest first. */
export async function settleLeftMessages(
  ports: Pick<MessagePorts, 'books' | 'ledger' | 'clock' | 'log'>,
): Promise<readonly Message[]> {
  const { books, ledger, log } = ports;
  const left = await books.left();
  const held = new Set(ledger.orphans().flatMap(({ isMessage, reservationId }) => (isMessage ? [reservationId] : [])));
  const sending = left.filter(({ state }) => state === 'sending');
  for (const message of sending) {
    const attempt = message.attempts.at(-1);
    try {
      if (attempt !== undefined && held.delete(attempt.attemptId)) {
        await settle(ports, attempt.attemptId, attempt.startedAtMs, (charge) =>
          books.keep(unknown(message, ports.clock.wallMs(), charge), { isNews: true }),
        );
      } else await books.commit(books.keep(unknown(message, ports.clock.wallMs(), null), { isNews: true }));
    } catch (error) {
      log.error(
        { alarm: 'recovery', err: error, messageId: message.messageId },
        'message of an earlier process could not be settled',
      );
    }
  }
  // A row was lost with its reservation kept: charged all the same.
  for (const { reservationId, isMessage } of ledger.orphans()) {
    if (isMessage && held.has(reservationId)) await settle(ports, reservationId, ports.clock.wallMs(), () => []);
  }
  if (sending.length > 0) {
    log.warn({ alarm: 'recovery', messages: sending.length }, 'messages of an earlier process may have been sent');
    books.announce();
  }
  return left.filter(({ state }) => state === 'queued').sort((a, b) => a.takenAtMs - b.takenAtMs);
}

function settle(
  { ledger }: Pick<MessagePorts, 'ledger'>,
  reservationId: string,
  answeredWallMs: number,
  alongside: Parameters<MessagePorts['ledger']['settle']>[1],
): Promise<Charge> {
  return ledger.settle(
    { reservationId, answeredWallMs, durationMs: 0, estimated: true, channelInUse: false },
    alongside,
  );
}

function unknown(message: Message, nowMs: number, charge: Charge | null): Message {
  const attempts = message.attempts.map((attempt): MessageAttempt => {
    if (attempt.outcome !== null) return attempt;
    const charged = charge === null ? {} : { cost: charge.cost, currency: charge.currency, estimated: true };
    return { ...attempt, outcome: 'unknown', endedAtMs: nowMs, detail: 'interrupted', ...charged };
  });
  return { ...message, state: 'unknown', attempts, endedAtMs: nowMs, revision: message.revision + 1 };
}
