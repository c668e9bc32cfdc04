// A process for the crash trial: ends what its predecessor left, then reserves, confirms, renews, settles and releases at
// random until it is killed. Each line of its second file is a fact that the ledger had promised before it was written.
import { openSync, writeSync } from 'node:fs';
import { openJournal } from '../../journal/journal.js';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { openJournalledLedger } from '../journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../ledger-schema.js';
import { CRASH_PAYERS, CRASH_SETUP } from './crash-setup.js';
import { recoverOrphans } from './recover-orphans.js';

const [file = '', promises = '', name = '', durability = ''] = process.argv.slice(2);
const promisesFile = openSync(promises, 'a');
const log = createLogger({ level: 'silent', redactNumbers: false });
const clock = new SystemClock();

function promise(...words: (string | number)[]): void {
  writeSync(promisesFile, `${words.join(' ')}\n`);
  // Whoever kills us counts these: so many promises after the start, not so many milliseconds.
  writeSync(1, '.');
}

const journal = await openJournal({
  file,
  durability: durability === 'power' ? 'power' : 'process',
  timeoutMs: 10_000,
  log,
  clock,
  schema: LEDGER_SCHEMA,
});
const ledger = await openJournalledLedger({ ...CRASH_SETUP, journal, clock, log });
await recoverOrphans(ledger, ({ reservationId, billedSeconds }) => promise('settled', reservationId, billedSeconds));

async function useChannel(channelId: string, simId: string): Promise<never> {
  for (let count = 0; ; count++) {
    const reservationId = `${name}-${channelId}-${count}`;
    const wallMs = clock.wallMs();
    const payers = CRASH_PAYERS.filter(() => Math.random() < 0.5);
    const result = await ledger.reserve({
      ...{ reservationId, callId: reservationId, trunk: 'pbx', direction: 'out', payers, channelId, simId },
      ...{ callee: `+8210${count % 7}`, numberClass: 'mobile', wallMs },
    });
    if (!result.ok) {
      promise('refused', channelId, result.reason);
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const chance = Math.random();
    if (chance < 0.2) {
      const invited = chance < 0.1;
      await ledger.release(reservationId, { invited });
      promise(invited ? 'released' : 'withdrawn', reservationId);
      continue;
    }
    await ledger.confirm(reservationId, wallMs);
    promise('answered', reservationId);
    if (chance < 0.3) {
      const answerId = `${reservationId}/1`;
      const further = await ledger.chargeFurther(reservationId, answerId, wallMs);
      promise('settled', answerId, further?.billedSeconds ?? 0);
    }
    if (chance < 0.4) {
      await ledger.renew(reservationId, wallMs + 60_000);
      promise('renewed', reservationId, 60_000);
    }
    const durationMs = Math.ceil(Math.random() * 30_000);
    const channelInUse = chance < 0.7;
    const settlement = { reservationId, answeredWallMs: wallMs, durationMs, estimated: false, channelInUse };
    promise('settled', reservationId, (await ledger.settle(settlement)).billedSeconds);
    if (channelInUse) await ledger.vacate(reservationId);
    if (chance > 0.9) {
      const amount = Math.ceil(Math.random() * 9);
      const correction = { adjustmentId: reservationId, holder: `sim:${simId}`, allowanceId: 'seconds-month', amount };
      await ledger.adjust({ ...correction, reason: 'crash trial', by: name, wallMs: clock.wallMs() });
      promise('adjusted', reservationId, amount);
    }
  }
}

writeSync(1, 'ready\n');
await Promise.all(CRASH_SETUP.channels.map(({ channelId, simId }) => useChannel(channelId, simId)));
