// Colours for a terminal that shows them, and the wrapping of long lines.

export interface Ink {
  strong(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

const PLAIN: Ink = { strong: (text) => text, dim: (text) => text, good: (text) => text, bad: (text) => text };

const wrapped =
  (on: number, off: number) =>
  (text: string): string =>
    `\x1b[${on}m${text}\x1b[${off}m`;

const COLOURED: Ink = { strong: wrapped(1, 22), dim: wrapped(2, 22), good: wrapped(32, 39), bad: wrapped(31, 39) };

/** Colours only on a terminal, and never where NO_COLOR is set (no-color.org). */
export function inkFor(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Ink {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb' ? COLOURED : PLAIN;
}

/** Words in lines of at most `width` characters; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
