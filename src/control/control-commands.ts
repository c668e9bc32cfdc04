// The table of what a running service can be asked: the control socket and the HTTP API call the same functions.
// A command does one thing by its port and answers by a value; one that changes something says in the log who asked.
import { z } from 'zod';
import { banCommands } from './ban-commands.js';
import { channelCommands } from './channel-commands.js';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts } from './control-ports.js';
import { type Caller, type ControlAnswer, refuse } from './control-protocol.js';
import { engineCommands } from './engine-commands.js';
import { ledgerCommands } from './ledger-commands.js';
import { serviceCommands } from './service-commands.js';
import { traceCommands } from './trace-commands.js';

const NO_ARGUMENTS = z.strictObject({});
const ROUTE_ARGUMENTS = z.strictObject({
  dialled: z.string().min(1).max(256),
  trunk: z.string().max(256).optional(),
  agent: z.string().min(1).max(256).optional(),
  all: z.boolean().default(false),
});
const CALL_ARGUMENTS = z.strictObject({ callId: z.string().min(1).max(512) });

export interface ControlCommands {
  readonly names: readonly string[];
  run(name: string, given: Readonly<Record<string, unknown>>, by: Caller): Promise<ControlAnswer>;
}

export function createControlCommands(ports: ControlPorts): ControlCommands {
  const table = new Map(
    Object.entries({
      ...callCommands(ports),
      ...serviceCommands(ports),
      ...ledgerCommands(ports),
      ...traceCommands(ports),
      ...banCommands(ports),
      ...channelCommands(ports),
      ...engineCommands(ports),
    }),
  );
  const names = [...table.keys()];
  return {
    names,
    async run(name, given, by) {
      const row = table.get(name);
      if (row !== undefined) return row.run(given, by);
      return refuse('unknown-command', `This service knows no command "${name}"; it knows ${names.join(', ')}.`);
    },
  };
}

function callCommands({ status, route, calls, log }: ControlPorts): ControlTable {
  return {
    status: command(NO_ARGUMENTS, async () => done(await status())),
    route: command(ROUTE_ARGUMENTS, (selection) => {
      const found = route(selection);
      return found.ok ? done(found.report) : refuse('bad-arguments', found.message);
    }),
    calls: command(NO_ARGUMENTS, () => done(calls.list())),
    hangup: command(CALL_ARGUMENTS, ({ callId }, by) => {
      const call = calls.hangUp(callId);
      if (call === null) return refuse('not-found', `No call "${callId}" is live.`);
      log.warn({ callId: call.callId, by }, 'an operator ends a call');
      return done(call);
    }),
  };
}
