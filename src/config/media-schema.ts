// The config's `media` section: what holds for the streams of every call.
import { z } from 'zod';

export const media = z.strictObject({
  dscp: z.union([z.literal(false), z.int().min(0).max(63)]).default(46),
});
