// The messages of both sides of a failed case in one list, in the order in which they were sent and received.
import type { TracedMessage } from './sipp.js';

export interface SideTrace {
  readonly label: string;
  readonly messages: readonly TracedMessage[];
}

const LINES_SHOWN = 60;

/** One line a message: time, side, direction as seen from simtrunk, first line, CSeq, Call-ID and Reason. */
export function drawLadder(sides: readonly SideTrace[]): string {
  const lines = sides
    .flatMap((side) => side.messages.map((message) => ({ ...message, label: side.label })))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    .map(({ time, label, direction, text }) => {
      const arrow = direction === 'sent' ? '→ simtrunk' : '← simtrunk';
      const notes = ['CSeq', 'Reason'].flatMap((header) => headerOf(text, header) ?? []);
      return `  ${time.slice(0, 12)}  ${label.padEnd(10)} ${arrow}  ${firstLine(text)}  [${notes.join(' · ')}]`;
    });
  const hidden = lines.length - LINES_SHOWN;
  return [...(hidden > 0 ? [`  (${hidden} earlier messages)`] : []), ...lines.slice(-LINES_SHOWN)].join('\n');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trimEnd() ?? '';
}

function headerOf(text: string, name: string): string | undefined {
  const match = new RegExp(`^${name}\\s*:\\s*(.*)$`, 'im').exec(text);
  return match?.[1] === undefined ? undefined : match[1].trim();
}
