// Commands about the service as a whole: reading its config again, and taking it out of use without cutting a call.
import { z } from 'zod';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts } from './control-ports.js';
import { refuse } from './control-protocol.js';

const NO_ARGUMENTS = z.strictObject({});
const RELOAD_ARGUMENTS = z.strictObject({ dryRun: z.boolean().default(false) });
const DRAIN_ARGUMENTS = z.strictObject({
  deadlineSeconds: z.int().min(0).max(604_800).nullable().default(null),
  stops: z.boolean().default(false),
});

export function serviceCommands({ service, log }: ControlPorts): ControlTable {
  return {
    reload: command(RELOAD_ARGUMENTS, async ({ dryRun }, by) => {
      if (!dryRun) log.warn({ by }, 'an operator has the config read again');
      const reloaded = await service.reload({ dryRun });
      return reloaded.ok ? done(reloaded.report) : refuse('refused', reloaded.message);
    }),
    drain: command(DRAIN_ARGUMENTS, (request, by) => {
      log.warn({ ...request, by }, 'an operator drains the service');
      return done(service.drain(request));
    }),
    'drain state': command(NO_ARGUMENTS, () => done(service.drainState())),
    resume: command(NO_ARGUMENTS, (_, by) => {
      if (!service.resume()) return refuse('refused', 'The service is not draining.');
      log.warn({ by }, 'an operator takes the service into use again');
      return done({ resumed: true });
    }),
  };
}
