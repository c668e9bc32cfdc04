// A process of its own for defence/allocation.test.ts: drops a million packets and says what that left on the heap.
// To be run with --expose-gc, and with so much room for young objects that nothing is collected meanwhile. Prints one JSON object.
import { SystemClock } from '../../lib/clock.js';
import type { SipDropCause } from '../control.js';
import { Counters } from '../counters.js';
import { Defence } from '../defence/defence.js';
import { DEFAULT_DEFENCE } from '../defence/defence-settings.js';

const PACKETS = 1_000_000;
const WARM_UP = 200_000;

const counters = new Counters();
const defence = new Defence(
  {
    ...DEFAULT_DEFENCE,
    rate: { messagesPerSecond: 0.001, burst: 1 },
    ban: { offences: 1_000_000, windowSeconds: 60, banSeconds: 60 },
  },
  new SystemClock(),
  counters,
  () => undefined,
);
defence.setSources({ allow: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.0/24'], deny: ['10.66.0.0/16'] });
for (let host = 0; host < 100; host++) defence.ban(`10.77.0.${host}`, null);

const invite = Buffer.from(`INVITE sip:x@y SIP/2.0\r\n${'X-Filler: some value\r\n'.repeat(20)}\r\n`);
const scan = Buffer.from('OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4\r\nUser-Agent: friendly-scanner\r\n\r\n');

interface Course {
  readonly cause: SipDropCause;
  readonly bytes: Buffer;
  /** Made before anything is measured, as the runtime makes the address of a packet before we see it. */
  readonly sources: readonly string[];
}

const hosts = (text: (host: number) => string, count: number): string[] =>
  Array.from({ length: count }, (_, host) => text(host));
const courses: readonly Course[] = [
  { cause: 'unknown-source', bytes: invite, sources: hosts((n) => `198.51.${n >> 8}.${n & 255}`, 5_000) },
  { cause: 'denied-source', bytes: invite, sources: hosts((n) => `10.66.${n >> 8}.${n & 255}`, 5_000) },
  { cause: 'banned', bytes: invite, sources: hosts((n) => `10.77.0.${n}`, 100) },
  { cause: 'rate-limited', bytes: invite, sources: hosts((n) => `2001:db8:${n.toString(16)}::1`, 5_000) },
  // Each source is new, or long forgotten: its only token is spent on a packet that is a scanner's.
  { cause: 'scanner', bytes: scan, sources: hosts((n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 60_000) },
];

function drop({ bytes, sources }: Course, packets: number): number {
  let at = 0;
  let dropped = 0;
  for (let packet = 0; packet < packets; packet++) {
    if (defence.refuses(bytes, sources[at] as string)) dropped++;
    at = at + 1 === sources.length ? 0 : at + 1;
  }
  return dropped;
}

const results: Record<string, { dropped: number; heapBytes: number }> = {};
for (const course of courses) {
  drop(course, WARM_UP);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const dropped = drop(course, PACKETS);
  results[course.cause] = { dropped, heapBytes: process.memoryUsage().heapUsed - before };
}
console.log(JSON.stringify({ packets: PACKETS, warmUp: WARM_UP, results, dropped: counters.dropped }));
