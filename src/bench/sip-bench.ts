// `bench sip`: messages, transactions, calls; one result a line as soon as it is known.
import { benchB2bua, type SipB2buaBenchResult, type SipB2buaRatio, type SipB2buaSettings } from './sip-b2bua-bench.js';
import { benchMessages, type SipMessageBenchResult } from './sip-message-bench.js';
import { benchTransactions, type SipTransactionsBenchResult } from './sip-transactions-bench.js';

export type SipBenchResult = SipMessageBenchResult | SipTransactionsBenchResult | SipB2buaBenchResult | SipB2buaRatio;

export type SipBenchPart = 'messages' | 'transactions' | 'b2bua';
export const SIP_BENCH_PARTS: readonly SipBenchPart[] = ['messages', 'transactions', 'b2bua'];

const MESSAGES_MS = 4_000;
const TRANSACTIONS_MS = 5_000;

export async function benchSip(
  parts: readonly SipBenchPart[],
  b2bua: SipB2buaSettings,
  print: (result: SipBenchResult) => void,
): Promise<void> {
  if (parts.includes('messages')) benchMessages(MESSAGES_MS).forEach(print);
  if (parts.includes('transactions')) print(await benchTransactions(TRANSACTIONS_MS));
  if (parts.includes('b2bua')) for (const result of await benchB2bua(b2bua)) print(result);
}

/** A result as one line for a person. */
export function lineOf(result: SipBenchResult): string {
  switch (result.benchmark) {
    case 'sip-message':
      return `${result.type.padEnd(8)} ${result.bytes} bytes: parse ${result.parseNs} ns, serialise ${result.serialiseNs} ns`;
    case 'sip-transactions':
      return (
        `OPTIONS  ${result.perSecond} a second; CPU each: server ${result.serverCpuUs} µs, ` +
        `application ${result.applicationCpuUs} µs`
      );
    case 'sip-b2bua':
      return (
        `B2BUA    ${result.server}: ${result.calls} calls at ${result.callsPerSecond}/s, ${result.failed} failed, ` +
        `${result.retransmissions} retransmissions; CPU a call: server ${result.serverCpuMsPerCall ?? 'unknown'} ms, ` +
        `application ${result.applicationCpuMsPerCall} ms; server's memory ${result.serverMemoryMb ?? 'unknown'} MiB`
      );
    case 'sip-b2bua-ratio':
      return (
        `ratio    embedded / drachtio-server: server ${result.serverCpu ?? 'unknown'}, server and application ` +
        `${result.serverAndApplicationCpu ?? 'unknown'} (rounds: ${result.rounds.map(String).join(', ')})`
      );
  }
}
