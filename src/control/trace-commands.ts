// Commands about traces of the embedded SIP server.
import { z } from 'zod';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts, TracePort } from './control-ports.js';
import { type ControlAnswer, refuse } from './control-protocol.js';

const MATCH = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('call-id'), callId: z.string().min(1).max(512) }),
  z.strictObject({ kind: z.literal('number'), number: z.string().min(1).max(64) }),
  z.strictObject({ kind: z.literal('all') }),
]);
const START_ARGUMENTS = z.strictObject({
  match: MATCH,
  maxMessages: z.int().min(1).max(10_000).optional(),
  forSeconds: z.int().min(1).max(86_400).optional(),
});
const TRACE_ARGUMENTS = z.strictObject({ id: z.string().min(1).max(64) });
const LADDER_ARGUMENTS = z.strictObject({
  id: z.string().min(1).max(64),
  maskSecrets: z.boolean().default(true),
  withMessages: z.boolean().default(true),
});

export function traceCommands({ sip, calls, log }: ControlPorts): ControlTable {
  const withSip = (ask: (port: TracePort) => Promise<ControlAnswer>): Promise<ControlAnswer> | ControlAnswer => {
    return sip === null ? refuse('refused', 'The SIP server is an external one: trace there.') : ask(sip);
  };
  const noTrace = (id: string): ControlAnswer => refuse('not-found', `There is no trace ${id}.`);
  /** Our own id of a live call stands for the Call-ID of its caller's leg, which the messages carry. */
  const sipCallIdOf = (callId: string): string => {
    return calls.list().find((call) => call.callId === callId)?.sipCallId ?? callId;
  };

  return {
    'trace start': command(START_ARGUMENTS, ({ match, maxMessages, forSeconds }, by) =>
      withSip(async (port) => {
        const request = {
          match: match.kind === 'call-id' ? { ...match, callId: sipCallIdOf(match.callId) } : match,
          ...(maxMessages === undefined ? {} : { maxMessages }),
          ...(forSeconds === undefined ? {} : { forSeconds }),
        };
        const started = await port.startTrace(request);
        if (!started.ok) return refuse('refused', 'Eight traces run already: stop one.');
        log.warn({ trace: started.id, kind: match.kind, by }, 'an operator traces SIP messages');
        return done({ id: started.id, match: request.match });
      }),
    ),
    'trace stop': command(TRACE_ARGUMENTS, ({ id }) =>
      withSip(async (port) => ((await port.stopTrace(id)) ? done({ id }) : noTrace(id))),
    ),
    'trace list': command(z.strictObject({}), () => withSip(async (port) => done(await port.traces()))),
    'trace ladder': command(LADDER_ARGUMENTS, ({ id, maskSecrets, withMessages }, by) =>
      withSip(async (port) => {
        if (!maskSecrets) log.warn({ trace: id, by }, 'an operator reads a trace with its secrets');
        const text = await port.traceLadder(id, { maskSecrets, withMessages });
        return text === null ? noTrace(id) : done({ id, text });
      }),
    ),
    'trace pcap': command(TRACE_ARGUMENTS, ({ id }, by) =>
      withSip(async (port) => {
        log.warn({ trace: id, by }, 'an operator reads a trace with its secrets');
        const bytes = await port.tracePcap(id);
        return bytes === null ? noTrace(id) : done({ id, base64: Buffer.from(bytes).toString('base64') });
      }),
    ),
  };
}
