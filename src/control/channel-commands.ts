// Commands about channels: what is known of each, and those that are suspended.
import { z } from 'zod';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts } from './control-ports.js';
import { refuse } from './control-protocol.js';

const CHANNEL = z.strictObject({ channelId: z.string().min(1).max(128) });

const GATEWAY = z.strictObject({ gateway: z.string().min(1).max(64) });
const DAYS = z.strictObject({ days: z.int().min(1).max(400).default(7) });

export function channelCommands({ channels, log }: ControlPorts): ControlTable {
  return {
    'channels list': command(z.strictObject({}), () => done(channels.list())),
    'channels resume': command(CHANNEL, ({ channelId }, by) => {
      const suspension = channels.resume(channelId);
      if (suspension === null) return refuse('not-found', `No channel "${channelId}" is suspended.`);
      log.warn({ channelId, streak: suspension.streak, by }, 'an operator resumes a channel');
      return done({ channelId, ...suspension });
    }),
    'channels comparisons': command(DAYS, async ({ days }) => done(await channels.comparisons(days))),
    'channels compare': command(GATEWAY, async ({ gateway }) => {
      try {
        const compared = await channels.compare(gateway);
        return compared === undefined
          ? refuse(
              'not-found',
              `"${gateway}" is no gateway whose calls are compared: see gateways[].simStatus.counter.`,
            )
          : done(compared);
      } catch (error) {
        return refuse('refused', `The calls of "${gateway}" cannot be read: ${(error as Error).message}.`);
      }
    }),
    'channels probe': command(CHANNEL, ({ channelId }, by) => {
      if (!channels.probe(channelId)) {
        const words = `"${channelId}" is not suspended, or routing.streaks.probe names no number to call.`;
        return refuse('not-found', words);
      }
      log.warn({ channelId, by }, 'an operator has a channel probed');
      return done({ channelId });
    }),
  };
}
