// Commands about the rtpengines that carry media.
import { z } from 'zod';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts, EnginePort } from './control-ports.js';
import { type Caller, type ControlAnswer, refuse } from './control-protocol.js';

const URL_ARGUMENT = z.strictObject({ url: z.string().min(1).max(300) });

export function engineCommands({ engines, log }: ControlPorts): ControlTable {
  const withEngines = (ask: (port: EnginePort) => ControlAnswer): ControlAnswer => {
    return engines === null ? refuse('refused', 'The embedded relay carries the media, no rtpengine.') : ask(engines);
  };
  const drain = (url: string, isDraining: boolean, by: Caller) =>
    withEngines((port) => {
      if (!port.drain(url, isDraining)) return refuse('not-found', `No engine has the URL ${url}.`);
      log.warn({ rtpengine: url, isDraining, by }, 'an operator drains an rtpengine, or takes it into service');
      return done({ url, isDraining });
    });
  return {
    'engines list': command(z.strictObject({}), () => withEngines((port) => done(port.engines()))),
    'engines drain': command(URL_ARGUMENT, ({ url }, by) => drain(url, true, by)),
    'engines resume': command(URL_ARGUMENT, ({ url }, by) => drain(url, false, by)),
  };
}
