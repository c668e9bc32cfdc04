// What gateways are asked for over HTTP, and what their answers call a channel: templates that are shared by the state of SIMs and by
// the messages that gateways keep.
import { z } from 'zod';
import { checkTemplate } from './addressing-schema.js';

/** What an answer, or a line's settings, may call a channel by. */
export const channelName = templateOf(['port', 'line', 'sim'], /^[\x21-\x7e]*$/, 'printable ASCII without spaces');

export const webServer = z
  .string()
  .refine(
    isWebServer,
    'must be http:// or https:// with a host, without path and credentials, such as http://10.0.0.20',
  );

export function askedPath(allowed: readonly string[]) {
  return templateOf(allowed, /^\/[\x21-\x7e]*$/, 'a path that begins with "/", without spaces');
}

/** Braces of JSON are none of a placeholder. */
export function askedBody(allowed: readonly string[]) {
  return z
    .string()
    .max(10_000)
    .superRefine((template, context) => {
      for (const [whole, name = '', digits] of template.matchAll(/\{([A-Za-z][A-Za-z0-9]*)(:[^{}"]*)?\}/g)) {
        if (allowed.includes(name) && digits === undefined) continue;
        const listed = allowed.length === 0 ? 'none is' : `allowed are ${allowed.map((one) => `{${one}}`).join(', ')}`;
        context.addIssue({
          code: 'custom',
          message: `has the unknown placeholder ${whole}; ${listed}`,
          input: template,
        });
      }
    });
}

function templateOf(allowed: readonly string[], pattern: RegExp, characters: string) {
  return z
    .string()
    .min(1)
    .max(1_000)
    .superRefine((template, context) => {
      const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: template });
      const { rest } = checkTemplate(template, allowed, refuse);
      if (!pattern.test(rest)) refuse(`may contain only ${characters}`);
    });
}

/** http or https with a host, and nothing else. */
function isWebServer(text: string): boolean {
  try {
    const { protocol, username, password, pathname, search, hash } = new URL(text);
    const isBare = username === '' && password === '' && pathname === '/' && search === '' && hash === '';
    return (protocol === 'http:' || protocol === 'https:') && isBare;
  } catch {
    return false;
  }
}
