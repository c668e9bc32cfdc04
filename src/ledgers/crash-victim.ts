// A process for the crash test: ends what its predecessor left, then reserves, confirms and settles at random until it is
// killed. Each line of its second file is a fact that the ledger had promised before the line was written.
import { openSync, writeSync } from 'node:fs';
import { openJournal } from '../journal/journal.js';
import { SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { CRASH_SETUP } from './crash-setup.js';
import { openJournalledLedger } from './journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';

const [file = '', promises = '', name = ''] = process.argv.slice(2);
const promisesFile = openSync(promises, 'a');
const log = createLogger({ level: 'silent', redactNumbers: false });
const clock = new SystemClock();

function promise(...words: (string | number)[]): void {
  writeSync(promisesFile, `${words.join(' ')}\n`);
}

const journal = await openJournal({
  file,
  durability: 'process',
  timeoutMs: 10_000,
  log,
  clock,
  schema: LEDGER_SCHEMA,
});
const ledger = await openJournalledLedger({ ...CRASH_SETUP, journal, clock, log });

for (const orphan of ledger.orphans()) {
  const { reservationId, answeredWallMs, coveredUntilWallMs, settled } = orphan;
  if (settled) await ledger.vacate(reservationId);
  else if (answeredWallMs === null) await ledger.release(reservationId, { invited: true });
  else {
    const durationMs = (coveredUntilWallMs ?? answeredWallMs) - answeredWallMs;
    const settlement = { reservationId, answeredWallMs, durationMs, estimated: true, channelInUse: false };
    promise('settled', reservationId, (await ledger.settle(settlement)).billedSeconds);
  }
}

async function useChannel(channelId: string, simId: string): Promise<never> {
  for (let count = 0; ; count++) {
    const reservationId = `${name} ${channelId} ${count}`.replaceAll(' ', '-');
    const wallMs = clock.wallMs();
    const call = {
      reservationId,
      callId: reservationId,
      trunk: 'pbx',
      channelId,
      simId,
      direction: 'out',
      payers: [],
    } as const;
    const result = await ledger.reserve({ ...call, callee: `+8210${count % 7}`, numberClass: 'mobile', wallMs });
    if (!result.ok) {
      promise('refused', channelId, result.reason);
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const chance = Math.random();
    if (chance < 0.2) {
      await ledger.release(reservationId, { invited: true });
      promise('released', reservationId);
      continue;
    }
    await ledger.confirm(reservationId, wallMs);
    promise('answered', reservationId);
    if (chance < 0.4) await ledger.renew(reservationId, wallMs + 60_000);
    const durationMs = Math.ceil(Math.random() * 30_000);
    const channelInUse = chance < 0.7;
    const settlement = { reservationId, answeredWallMs: wallMs, durationMs, estimated: false, channelInUse };
    promise('settled', reservationId, (await ledger.settle(settlement)).billedSeconds);
    if (channelInUse) await ledger.vacate(reservationId);
  }
}

writeSync(1, 'ready\n');
await Promise.all(CRASH_SETUP.channels.map(({ channelId, simId }) => useChannel(channelId, simId)));
