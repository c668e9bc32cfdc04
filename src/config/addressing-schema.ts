// How a gateway is told which of its SIMs calls which number: templates, and where the caller ID stands.
import { z } from 'zod';
import { PLACEHOLDERS, partsOfTemplate } from '../routing/dial-template.js';
import { CALLER_ID_PLACES } from '../routing/dial-uri.js';
import { isOwnHeader } from './own-headers.js';

/** Placeholders of what names a channel alone. */
const OF_CHANNEL = ['port', 'sim', 'line'];
/** Parameters by which a URI says where it leads (RFC 3261 §19.1.1). */
const OWN_PARAMETERS = ['transport', 'maddr', 'ttl', 'method', 'lr'];
const TOKEN = /^[A-Za-z0-9!%*_+`'~.-]+$/;

/** A channel's name at its gateway: stands in From, URIs and headers as it is. */
export const line = z
  .string()
  .regex(/^[A-Za-z0-9._~*+-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_", "~", "*", "+" or "-", in quotes');

/** RFC 3261 §25.1: user = 1*( unreserved / escaped / user-unreserved ); "#" is written by GoIP-like gateways as is. */
export function isUserText(text: string): boolean {
  return /^[A-Za-z0-9\-_.!~*'()&=+$,;?/#]*$/.test(text);
}

export const dial = z.string().superRefine((template, context) => {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: template });
  const { placeholders, rest } = checkTemplate(template, PLACEHOLDERS, refuse);
  if (!placeholders.some(({ name }) => name === 'number' || name === 'e164')) {
    refuse('must contain {number} or {e164}, else every call would dial the same');
  }
  if (!isUserText(rest)) {
    refuse('may contain only characters of a SIP user part (RFC 3261 §25.1) and "#"');
  }
});

const fromUser = z.string().superRefine((template, context) => {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: template });
  const { placeholders, rest } = checkTemplate(template, OF_CHANNEL, refuse);
  if (!/^[A-Za-z0-9._~*+-]*$/.test(rest)) refuse('may contain only letters, digits, ".", "_", "~", "*", "+" and "-"');
  if (placeholders.length === 0 && !/[A-Za-z]/.test(rest)) {
    refuse(
      'must contain {line}, {port} or {sim}, or a letter: a fixed number would be a caller ID that is not the SIM’s own',
    );
  }
});

/** Printable, in one line: nothing that could begin another header. */
const headerValue = z
  .string()
  .max(500)
  .superRefine((template, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: template });
    const { rest } = checkTemplate(template, PLACEHOLDERS, refuse);
    if (!/^[\x20-\x7e]*$/.test(rest)) refuse('may contain only printable ASCII characters');
  });

/** Of HTTP too (RFC 9110 §5.6.2). */
export const headerToken = z.string().regex(TOKEN, 'must be the name of a header');

export const headerName = z
  .string()
  .regex(TOKEN, 'must be a SIP header name')
  .refine((name) => name.length > 1, 'must be the full name, not the compact form (RFC 3261 §7.3.3)')
  .refine(
    (name) => !isOwnHeader(name),
    'may not be set: simtrunk writes it itself, or it would carry a caller identity, which is always the SIM’s own (callerId)',
  );

const parameterName = z
  .string()
  .regex(TOKEN, 'must be the name of a URI parameter')
  .refine(
    (name) => !OWN_PARAMETERS.includes(name.toLowerCase()),
    'may not be set: it would change where the call goes',
  );

const parameterValue = z
  .string()
  .max(200)
  .superRefine((template, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: template });
    const { rest } = checkTemplate(template, PLACEHOLDERS, refuse);
    if (!/^[\x21-\x7e]*$/.test(rest)) refuse('may contain only printable ASCII characters without spaces');
  });

export const addressingKeys = {
  dial: dial.default('{port}#{number}'),
  uriParameters: z.record(parameterName, parameterValue).default({}),
  headers: z.record(headerName, headerValue).default({}),
  callerId: z.array(z.enum(CALLER_ID_PLACES)).min(1).default(['from']),
  fromUser: fromUser.min(1).optional(),
};

type Refuse = (message: string) => void;

/** Refuses placeholders that are not allowed. */
export function checkTemplate(template: string, allowed: readonly string[], refuse: Refuse) {
  const parts = partsOfTemplate(template);
  const listed = allowed.map((name) => `{${name}}`);
  for (const { name, digits } of parts.placeholders) {
    if (!allowed.includes(name)) {
      refuse(
        `has the unknown placeholder {${name}}; allowed are ${listed.slice(0, -1).join(', ')} and ${listed.at(-1)}`,
      );
    } else if (digits !== undefined && (name !== 'port' || !/^[1-9]$/.test(digits))) {
      refuse(`has {${name}:${digits}}; a number of digits, 1 to 9, may stand behind port alone, as in {port:2}`);
    }
  }
  return parts;
}
