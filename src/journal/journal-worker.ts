// The journal's thread: owns the SQLite connection, commits groups in order and answers queries.
import { parentPort, workerData } from 'node:worker_threads';
import { GroupCommitter } from './group-committer.js';
import type { FromJournalWorker, JournalWorkerData, ToJournalWorker } from './journal-protocol.js';
import { SqliteFile } from './sqlite-file.js';

const port = parentPort;
if (port === null) throw new Error('journal-worker runs as a worker thread only');

const say = (message: FromJournalWorker) => port.postMessage(message);

try {
  const { file, durability, schema } = workerData as JournalWorkerData;
  const sqlite = new SqliteFile(file, durability);
  const committer = new GroupCommitter(sqlite, schema);
  port.on('message', (message: ToJournalWorker) => {
    switch (message.kind) {
      case 'group':
        say({
          kind: 'group-done',
          groupId: message.groupId,
          failures: committer.commit(message.groupId, message.submissions),
        });
        break;
      case 'query':
        answer(sqlite, message);
        break;
      case 'close':
        sqlite.close();
        port.close();
        break;
    }
  });
  say({ kind: 'ready', ...committer.lastGroup() });
} catch (error) {
  say({ kind: 'unavailable', message: (error as Error).message });
  port.close();
}

function answer(
  sqlite: SqliteFile,
  { queryId, statement, parameters }: Extract<ToJournalWorker, { kind: 'query' }>,
): void {
  try {
    say({ kind: 'rows', queryId, rows: sqlite.query(statement, parameters) });
  } catch (error) {
    say({ kind: 'query-failed', queryId, message: (error as Error).message });
  }
}
