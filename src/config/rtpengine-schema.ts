// The config's `media.rtpengine` section: the engines that carry media instead of the embedded relay.
import { z } from 'zod';
import { codec, ipAddress, milliseconds, name, port } from './scalars.js';

/** What `rtpengine --codecs` of Debian 12 lists as fully supported, of the codecs that a policy may name. */
const DEBIAN_CODECS: z.infer<typeof codec>[] = ['PCMA', 'PCMU', 'G722', 'G729', 'G723', 'GSM', 'opus'];

const engine = z.strictObject({
  url: z.string().refine(isEngineUrl, 'must be udp://host:port, ws://host:port or wss://host:port of its ng listener'),
  weight: z.int().min(1).max(1_000).default(1),
  drain: z.boolean().default(false),
  interfaces: z.record(name, z.string().min(1).max(100)).default({}),
  forkInterface: z.string().min(1).max(100).optional(),
});

export const rtpengine = z.strictObject({
  engines: z.array(engine).min(1),
  requestTimeoutMs: milliseconds.min(100).max(10_000).default(1_000),
  pingIntervalMs: milliseconds.min(100).max(60_000).default(1_000),
  failAfter: z.int().min(1).max(100).default(3),
  watchIntervalMs: milliseconds.min(100).max(600_000).default(5_000),
  lostAfterMs: milliseconds.min(0).default(15_000),
  fork: z
    .strictObject({ address: ipAddress, port: z.int().min(0).max(65_535).default(0) })
    .default({ address: '127.0.0.1', port: 0 }),
  dtmf: z.union([z.literal(false), z.strictObject({ address: ipAddress, port })]).default(false),
  transcodes: z.array(codec).default(DEBIAN_CODECS),
});

function isEngineUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, port: portText, pathname, search, username } = new URL(text);
  const isKnown = protocol === 'udp:' || protocol === 'ws:' || protocol === 'wss:';
  const hasPort = portText !== '' || protocol !== 'udp:';
  return isKnown && hasPort && hostname !== '' && (pathname === '' || pathname === '/') && search + username === '';
}
