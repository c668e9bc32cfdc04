// `sessionTimer` of trunks and gateways: whether a peer that is gone without a BYE is found out by refreshing (RFC 4028).
import { z } from 'zod';

/** RFC 4028 §5 has no interval below 90 s; shorter ones are for tests. */
const seconds = z.int().min(2).max(86_400);

export const sessionTimer = z
  .strictObject({
    mode: z.enum(['off', 'accept', 'request']).default('accept'),
    intervalSeconds: seconds.default(1_800),
    minSeconds: seconds.default(90),
  })
  .refine(({ intervalSeconds, minSeconds }) => intervalSeconds >= minSeconds, {
    path: ['intervalSeconds'],
    message: 'must not be below minSeconds (default: 90)',
  });
