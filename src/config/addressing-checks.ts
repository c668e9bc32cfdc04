// How gateways are told which SIM calls, against their channels and the headers that are passed on: what would reach the wrong SIM.
import { fillTemplate } from '../routing/dial-template.js';
import type { ConfigProblem } from './config-problem.js';
import { duplicates, type Entry, type SoundElement, type SoundParts } from './sound-parts.js';

type Gateway = Entry<SoundElement<'gateways'>>;
type Channel = Entry<SoundElement<'channels'>>;

const DEFAULT_DIAL = '{port}#{number}';

export function findAddressingProblems(parts: SoundParts): ConfigProblem[] {
  const channels = parts.entries('channels');
  return [
    ...parts.entries('trunks').flatMap(({ path, value: { inbound } }) =>
      headerProblems([...path, 'inbound', 'headers'], inbound?.headers, {
        key: 'sip.allowedHeadersToTrunks',
        names: parts.rawAt('sip', 'allowedHeadersToTrunks'),
        harm: 'a gateway could say what the trunk is to hear of us',
      }),
    ),
    ...sharedLines(channels),
    ...foreignNumbers(parts),
    ...parts.entries('gateways').flatMap((gateway) => [
      ...fromUserProblems(gateway),
      ...repeatedPlaces(gateway),
      ...headerProblems([...gateway.path, 'headers'], gateway.value.headers, {
        key: 'sip.allowedHeaders',
        names: parts.rawAt('sip', 'allowedHeaders'),
        harm: 'a PBX could choose the SIM',
      }),
      ...unclearPrefixes(gateway, channels),
    ]),
  ];
}

function lineOf({ line, port }: Channel['value']): string | undefined {
  return line ?? (port === undefined ? undefined : String(port));
}

/** Two channels that a gateway knows by the same name. */
function sharedLines(channels: readonly Channel[]): ConfigProblem[] {
  const withLines = new Set(channels.flatMap(({ value }) => (value.line === undefined ? [] : [value.gateway])));
  return duplicates(
    channels.filter(({ value }) => withLines.has(value.gateway)),
    (channel) => (lineOf(channel) === undefined ? undefined : `${lineOf(channel)} of ${channel.gateway}`),
    'line',
    (key, first) => `${key} is already the line of ${first}; a channel without a line is known by its port`,
  );
}

/** A line may stand in From, where only the SIM's own number may look like a number. */
function foreignNumbers(parts: SoundParts): ConfigProblem[] {
  const numbers = new Map(
    parts.entries('sims').flatMap(({ value: { iccid, number } }) => [iccid, number].map((key) => [key, number])),
  );
  return parts.entries('channels').flatMap(({ path, value: { line = '', sim } }) => {
    if (!/^\+?\d{9,15}$/.test(line)) return [];
    const own = numbers.get(sim);
    if (own === undefined || own.endsWith(line.replace(/^(?:\+|0)/, ''))) return [];
    const message = `looks like a telephone number, and not like that of its SIM, ${own}; must be an account that nobody takes for a caller ID`;
    return [{ path: [...path, 'line'], message }];
  });
}

function fromUserProblems({ path, value }: Gateway): ConfigProblem[] {
  const { callerId = ['from'], fromUser } = value;
  if (fromUser === undefined || !callerId.includes('from')) return [];
  const message =
    'says who stands in From, but by callerId that is the SIM’s number; must be left out, or callerId without from';
  return [{ path: [...path, 'fromUser'], message }];
}

function repeatedPlaces({ path, value: { callerId = [] } }: Gateway): ConfigProblem[] {
  return callerId.flatMap((place, index) =>
    callerId.indexOf(place) === index
      ? []
      : [{ path: [...path, 'callerId', index], message: `is "${place}", which is listed already` }],
  );
}

/** A header cannot be both ours to write and passed on from the other side. */
function headerProblems(
  path: readonly (string | number)[],
  headers: Readonly<Record<string, unknown>> = {},
  allowed: { readonly key: string; readonly names: unknown; readonly harm: string },
): ConfigProblem[] {
  const passed = Array.isArray(allowed.names) ? allowed.names.map((name) => String(name).toLowerCase()) : [];
  const own = Object.keys(headers);
  return own.flatMap((name, index) => {
    const lower = name.toLowerCase();
    if (passed.includes(lower)) {
      const message = `is also in ${allowed.key}, so that ${allowed.harm}; must be removed from one of them`;
      return [{ path: [...path, name], message }];
    }
    const isRepeated = own.slice(0, index).some((other) => other.toLowerCase() === lower);
    return isRepeated ? [{ path: [...path, name], message: 'is the same header as one before it' }] : [];
  });
}

/** A prefix right before the number must be no beginning of another channel's: 1 and 10 could not be told apart. */
function unclearPrefixes({ path, value }: Gateway, channels: readonly Channel[]): ConfigProblem[] {
  const { name, dial = DEFAULT_DIAL } = value;
  const template = /^(.*\{(?:port|line)(?::\d)?\})\{(?:number|e164)\}/.exec(dial)?.[1];
  if (template === undefined) return [];
  const prefixes = channels.flatMap(({ value: channel }) => {
    const lineName = lineOf(channel);
    if (channel.gateway !== name || channel.port === undefined || lineName === undefined) return [];
    const values = { port: String(channel.port), line: lineName, number: '', e164: '', sim: '' };
    return [fillTemplate(template, values)];
  });
  for (const prefix of prefixes) {
    const longer = prefixes.find((other) => other !== prefix && other.startsWith(prefix));
    if (longer === undefined) continue;
    const message = `makes the prefix ${prefix} of one channel the beginning of another's, ${longer}; must have a sign behind it, such as {port}#{number}, or digits of one length, such as {port:2}{number}`;
    return [{ path: [...path, 'dial'], message }];
  }
  return [];
}
