// A trace as a text that people read: a ladder of arrows between the server and its peers, then the messages.
import type { SipLadderOptions } from '../control.js';
import { type CapturedMessage, endpointText, headOf } from './captured-message.js';
import { maskSecrets } from './mask-secrets.js';

type LadderOptions = Readonly<Required<SipLadderOptions>>;

const COLUMN = 40;
/** With more peers the arrows would be wider than any screen: then each message is a line. */
const MOST_PEERS = 5;
const US = 'this server';

/** @param forgotten messages that the trace no longer has */
export function writeLadder(messages: readonly CapturedMessage[], forgotten: number, options: LadderOptions): string {
  const peers = [...new Set(messages.map(({ remote }) => endpointText(remote)))];
  const first = messages[0];
  const lines = [`${messages.length} messages${first === undefined ? '' : ` from ${isoTime(first.wallMs)}`}`];
  if (forgotten > 0) lines.push(`${forgotten} older ones are forgotten`);
  lines.push('');
  const labels = labelsOf(messages);
  if (peers.length > MOST_PEERS) lines.push(...plainLines(messages, labels));
  else if (peers.length > 0) lines.push(...ladderLines(messages, labels, peers));
  if (options.withMessages) {
    for (const [index, message] of messages.entries()) lines.push('', ...wholeMessage(message, index, options));
  }
  return `${lines.join('\n')}\n`;
}

/** `INVITE`, `200 OK (INVITE)`, with `SDP` and with `again` for what passed before. */
function labelsOf(messages: readonly CapturedMessage[]): string[] {
  const seen = new Set<string>();
  return messages.map((message) => {
    const { bytes, isReceived, remote } = message;
    const key = `${isReceived} ${endpointText(remote)} ${bytes.toString('latin1')}`;
    const isAgain = seen.has(key);
    seen.add(key);
    const head = headOf(bytes);
    const [start = ''] = head.split('\r\n', 1);
    const response = /^SIP\/2\.0 (\d{3} ?.*)$/i.exec(start)?.[1];
    const method = /\r\ncseq[ \t]*:[ \t]*\d+[ \t]+(\S+)/i.exec(head)?.[1] ?? '?';
    const what = response === undefined ? (start.split(' ', 1)[0] ?? '') : `${response.trim()} (${method})`;
    const sdp = /\r\n(?:content-type|c)[ \t]*:[ \t]*application\/sdp/i.test(head) ? ' SDP' : '';
    return printable(`${what}${sdp}${isAgain ? ' again' : ''}`);
  });
}

function plainLines(messages: readonly CapturedMessage[], labels: readonly string[]): string[] {
  return messages.map(
    ({ wallMs, protocol, source, destination }, index) =>
      `${timeOf(wallMs)} ${String(index + 1).padStart(4)}  ${endpointText(source)} → ${endpointText(destination)} ${protocol}  ${labels[index]}`,
  );
}

/** The first peer stands to the left of us, the others to the right. */
function ladderLines(
  messages: readonly CapturedMessage[],
  labels: readonly string[],
  peers: readonly string[],
): string[] {
  const [left = '', ...right] = peers;
  const columns = [left, US, ...right];
  const margin = ' '.repeat(timeOf(0).length + 7);
  const header = margin + columns.map((name) => centred(name, COLUMN)).join('');
  const lines = [header.trimEnd()];
  const bars = columns.map(() => centred('│', COLUMN)).join('');
  for (const [index, message] of messages.entries()) {
    const peer = columns.indexOf(endpointText(message.remote));
    const [from, to] = message.isReceived ? [peer, 1] : [1, peer];
    const [low, high] = from < to ? [from, to] : [to, from];
    const start = low * COLUMN + COLUMN / 2 + 1;
    const room = (high - low) * COLUMN - 1;
    const text = fitted(` ${labels[index]} `, room - 4);
    const before = Math.floor((room - 1 - text.length) / 2);
    const shaft = '─'.repeat(before) + text + '─'.repeat(room - 1 - text.length - before);
    const arrow = from < to ? `${shaft}►` : `◄${shaft}`;
    const time = `${timeOf(message.wallMs)} ${String(index + 1).padStart(4)}  `;
    lines.push((time + bars.slice(0, start) + arrow + bars.slice(start + room)).trimEnd());
  }
  return lines;
}

function wholeMessage(message: CapturedMessage, index: number, options: LadderOptions): string[] {
  const { wallMs, protocol, source, destination, bytes } = message;
  const title = `${index + 1}  ${timeOf(wallMs)}  ${endpointText(source)} → ${endpointText(destination)} ${protocol}, ${bytes.length} bytes`;
  const text = bytes.toString('utf8');
  const shown = options.maskSecrets ? maskSecrets(text) : text;
  return [
    title,
    ...shown
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => `    ${printable(line)}`),
  ];
}

/** Control characters of a hostile peer stay out of the operator's terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '·').replaceAll('\t', ' ');
}

function centred(text: string, width: number): string {
  const shown = fitted(text, width - 1);
  const before = Math.floor((width - shown.length + 1) / 2);
  return ' '.repeat(before) + shown + ' '.repeat(width - before - shown.length);
}

function fitted(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** Of the day, UTC. */
function timeOf(wallMs: number): string {
  return isoTime(wallMs).slice(11, 23);
}
