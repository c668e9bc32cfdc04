// `simtrunk hangup CALLID`: ends a live call of the running service, with BYE on both legs and a CDR that says `operator`.
import type { LiveCallReport } from '../control/live-call-report.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = `usage: simtrunk hangup CALLID [--json] [--config FILE] [--data DIR]
CALLID is the id that \`simtrunk calls\` shows, or the Call-ID of the caller's leg.`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = readCommandLine({ args, options: SERVICE_OPTIONS, allowPositionals: true }, USAGE);
  const [callId, more] = positionals;
  if (callId === undefined || more !== undefined) throw misused('One call is needed.', USAGE);
  const call = await ask<LiveCallReport>(values, 'hangup', { callId });
  const to = call.callee ?? call.dialled;
  process.stdout.write(
    `${values.json ? JSON.stringify(call) : `Call ${call.callId} to ${to} ends; it was ${call.phase}.`}\n`,
  );
  return 0;
}
