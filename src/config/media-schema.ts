// The config's `media` section: what holds for the streams of every call.
import { z } from 'zod';

const comfortNoise = z.strictObject({
  received: z.enum(['noise', 'drop']).default('noise'),
  whenSilent: z.enum(['nothing', 'noise', 'silence']).default('nothing'),
  // Sooner, an ordinary jitter would be taken for silence.
  afterMs: z.int().min(100).max(10_000).default(200),
  levelDbov: z.int().min(0).max(127).default(60),
});

export const media = z.strictObject({
  sockets: z.enum(['auto', 'dgram', 'batched']).default('auto'),
  dscp: z.union([z.literal(false), z.int().min(0).max(63)]).default(46),
  comfortNoise: comfortNoise.prefault({}),
});
