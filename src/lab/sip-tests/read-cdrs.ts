// CDRs as the NDJSON sink leaves them on disk, read as a consumer would.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type CdrLine = Readonly<Record<string, unknown>>;

/** Every complete line of every file in the folder; the last line may be half written while the service runs. */
export function readCdrLines(folder: string, kind: 'cdr' | 'messages' = 'cdr'): CdrLine[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${kind}-`))
    .sort()
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as CdrLine);
}

/** The highest revision of each CDR, in the order in which the calls were offered. */
export function readLatestCdrs(folder: string): CdrLine[] {
  const latest = new Map<unknown, CdrLine>();
  for (const cdr of readCdrLines(folder)) {
    const known = latest.get(cdr.callId);
    if (known === undefined || Number(cdr.revision) > Number(known.revision)) latest.set(cdr.callId, cdr);
  }
  return [...latest.values()].sort((a, b) => String(a.offeredAt).localeCompare(String(b.offeredAt)));
}

/** The highest revision of each text message's record, in the order in which they were taken. */
export function readLatestMessages(folder: string): CdrLine[] {
  const latest = new Map<unknown, CdrLine>();
  for (const record of readCdrLines(folder, 'messages')) {
    const known = latest.get(record.messageId);
    if (known === undefined || Number(record.revision) > Number(known.revision)) latest.set(record.messageId, record);
  }
  return [...latest.values()].sort((a, b) => String(a.takenAt).localeCompare(String(b.takenAt)));
}
