// The config's `media` section: what holds for the streams of every call.
import { z } from 'zod';
import { rtpengine } from './rtpengine-schema.js';
import { milliseconds } from './scalars.js';

const comfortNoise = z.strictObject({
  received: z.enum(['noise', 'drop']).default('noise'),
  whenSilent: z.enum(['nothing', 'noise', 'silence']).default('nothing'),
  // Sooner, an ordinary jitter would be taken for silence.
  afterMs: z.int().min(100).max(10_000).default(200),
  levelDbov: z.int().min(0).max(127).default(60),
});

export const media = z.strictObject({
  engine: z.enum(['relay', 'rtpengine']).default('relay'),
  rtpengine: rtpengine.optional(),
  threads: z.union([z.literal('auto'), z.int().min(1).max(64)]).default('auto'),
  sockets: z.enum(['auto', 'dgram', 'batched']).default('auto'),
  continuity: z.boolean().default(true),
  silentAfterMs: milliseconds.default(5_000),
  keepDigits: z.boolean().default(false),
  dscp: z.union([z.literal(false), z.int().min(0).max(63)]).default(46),
  comfortNoise: comfortNoise.prefault({}),
});
