// Test data: messages written down as their RFC prints them.

/**
 * The bytes of a message: each line ends with CRLF, the first newline is dropped, text is UTF-8, and a backslash is one.
 * What cannot stand in a template (a backtick, control characters, blanks at the end of a line) is inserted with `${}`.
 */
export function verbatim(template: TemplateStringsArray, ...insertions: readonly string[]): Buffer {
  const text = template.raw.map((part, index) => part.replaceAll('\n', '\r\n') + (insertions[index] ?? '')).join('');
  return Buffer.from(text.replace(/^\r\n/, ''), 'utf8');
}
