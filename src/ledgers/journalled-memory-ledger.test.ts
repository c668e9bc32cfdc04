import { describeLedger } from '../quota/ledger.contract.js';
import { JournalledHarness } from './journalled-harness.js';
import { openJournalledLedger } from './journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';

describeLedger('JournalledMemoryLedger', () =>
  JournalledHarness.create({
    schema: LEDGER_SCHEMA,
    open: (setup, parts) => openJournalledLedger({ ...setup, ...parts }),
  }),
);
