// What the defence does unless it is told otherwise: for a server that stands alone, where any peer may be a test's own.
import type { SipDefenceSettings } from '../control.js';
import { SCANNER_USER_AGENTS } from './scanner-filter.js';

/** Scanners are dropped and the caps hold; nobody is slowed down or banned. */
export const DEFAULT_DEFENCE: SipDefenceSettings = {
  rate: null,
  knownRate: null,
  scanners: SCANNER_USER_AGENTS,
  ban: null,
  maxTransactions: 200_000,
  retryAfterSeconds: 10,
  maxConnectionsPerSource: 1_024,
};
