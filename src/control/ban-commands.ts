// Commands about the sources that the embedded SIP server shuts out.
import { z } from 'zod';
import { type ControlTable, command, done } from './control-command.js';
import type { BanPort, ControlPorts } from './control-ports.js';
import { type ControlAnswer, refuse } from './control-protocol.js';

const SOURCE = z.string().min(1).max(64);
const ADD_ARGUMENTS = z.strictObject({ source: SOURCE, seconds: z.int().min(1).max(31_536_000).nullable() });
const REMOVE_ARGUMENTS = z.strictObject({ source: SOURCE });

const REFUSALS: Readonly<Record<string, string>> = {
  'not-an-address': 'is no IP address',
  'ban-list-full': 'cannot be banned: the list of bans is full',
};

export function banCommands({ sip, log }: ControlPorts): ControlTable {
  const withSip = (ask: (port: BanPort) => Promise<ControlAnswer>): Promise<ControlAnswer> | ControlAnswer => {
    return sip === null ? refuse('refused', 'The SIP server is an external one, and bans nobody.') : ask(sip);
  };
  return {
    'bans list': command(z.strictObject({}), () => withSip(async (port) => done(await port.bans()))),
    'bans add': command(ADD_ARGUMENTS, ({ source, seconds }, by) =>
      withSip(async (port) => {
        const banned = await port.ban(source, seconds);
        if (!banned.ok) return refuse('refused', `${source} ${REFUSALS[banned.reason] ?? banned.reason}.`);
        log.warn({ source, seconds, by }, 'an operator bans a source');
        return done({ source, seconds });
      }),
    ),
    'bans remove': command(REMOVE_ARGUMENTS, ({ source }, by) =>
      withSip(async (port) => {
        if (!(await port.unban(source))) return refuse('not-found', `${source} is not banned.`);
        log.warn({ source, by }, 'an operator lets a source in again');
        return done({ source });
      }),
    ),
  };
}
