// name-addr and addr-spec with their parameters, as in From, To, Contact, Route and Record-Route. RFC 3261 §20.10, §25.1.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const COMMA = 0x2c;
const OPEN_ANGLE = 0x3c;
const CLOSE_ANGLE = 0x3e;

export interface NameAddress {
  readonly uri: string;
  /** Everything after the URI, from the first `;`, or empty. */
  readonly parameters: string;
  readonly tag: string | undefined;
}

/** Reads the first address of a header value; null when it has no readable URI. */
export function parseNameAddress(value: string): NameAddress | null {
  const end = endOfElement(value, 0);
  return parseElement(end === value.length ? value : value.slice(0, end));
}

/** Reads the address of a header that has but one, as From and To; null when it has more, or no readable URI. */
export function parseOnlyAddress(value: string): NameAddress | null {
  return endOfElement(value, 0) === value.length ? parseElement(value) : null;
}

function parseElement(element: string): NameAddress | null {
  let searchFrom = 0;
  if (element.charCodeAt(0) === QUOTE) {
    searchFrom = endOfQuoted(element, 0);
    if (searchFrom === -1) return null;
  }
  const open = element.indexOf('<', searchFrom);
  let uri: string;
  let semicolon: number;
  if (open !== -1) {
    const close = element.indexOf('>', open);
    if (close === -1) return null;
    uri = element.slice(open + 1, close).trim();
    semicolon = element.indexOf(';', close);
    const between = element.slice(close + 1, semicolon === -1 ? element.length : semicolon);
    if (between !== '' && between.trim() !== '') return null;
  } else {
    // RFC 3261 §20: a URI with a question mark must stand in brackets; parameters after one without are the header's.
    if (searchFrom !== 0 || element.includes('?')) return null;
    semicolon = element.indexOf(';');
    uri = (semicolon === -1 ? element : element.slice(0, semicolon)).trim();
  }
  if (!URI.test(uri)) return null;
  if (semicolon === -1) return { uri, parameters: '', tag: undefined };
  const parameters = element.slice(semicolon);
  let tag: string | undefined;
  for (let at = 0; at < parameters.length; ) {
    const { name, value, end, isClosed } = parameterAt(parameters, at);
    if (!isClosed) return null;
    if (name.length === 3 && tag === undefined && name.toLowerCase() === 'tag') tag = value;
    at = end;
  }
  return { uri, parameters, tag };
}

const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$/;

/** One `;name=value` of a header. */
export interface Parameter {
  /** As written. */
  readonly name: string;
  /** '' for one without a value. */
  readonly value: string;
  /** Offset of its semicolon. */
  readonly start: number;
  /** Offset of the next semicolon, or the length of the text. */
  readonly end: number;
  /** False when a quote is open at the end of the text. */
  readonly isClosed: boolean;
}

/** The parameter whose semicolon stands at `start`. */
export function parameterAt(parameters: string, start: number): Parameter {
  let equals = -1;
  let isClosed = true;
  let end = start + 1;
  for (; end < parameters.length; end++) {
    const code = parameters.charCodeAt(end);
    if (code === SEMICOLON) break;
    if (code === EQUALS && equals === -1) equals = end;
    else if (code === QUOTE) {
      const close = endOfQuoted(parameters, end);
      isClosed = close !== -1;
      end = isClosed ? close - 1 : parameters.length - 1;
    }
  }
  const name = parameters.slice(start + 1, equals === -1 ? end : equals).trim();
  return { name, value: equals === -1 ? '' : parameters.slice(equals + 1, end).trim(), start, end, isClosed };
}

/** The value of a `;name=value` parameter; '' for one without a value, undefined when absent. @param name lower case */
export function headerParameter(parameters: string, name: string): string | undefined {
  let at = parameters.indexOf(';');
  while (at !== -1 && at < parameters.length) {
    const parameter = parameterAt(parameters, at);
    if (parameter.name.length === name.length && parameter.name.toLowerCase() === name) return parameter.value;
    at = parameter.end;
  }
  return undefined;
}

/** Offset just after the quoted string that opens at `open`; -1 when it is never closed. */
export function endOfQuoted(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return -1;
}

/** Offset of the comma that ends the list element starting at `from`, or the length of the text. */
export function endOfElement(text: string, from: number): number {
  let isInAngles = false;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE && !isInAngles) {
      const close = endOfQuoted(text, at);
      if (close === -1) return text.length;
      at = close - 1;
    } else if (code === OPEN_ANGLE) isInAngles = true;
    else if (code === CLOSE_ANGLE) isInAngles = false;
    else if (code === COMMA && !isInAngles) return at;
  }
  return text.length;
}

/** Splits header values with several elements each, in order: `Route: <a>, <b>`. */
export function splitElements(values: readonly string[]): string[] {
  const elements: string[] = [];
  for (const value of values) {
    for (let at = 0; at < value.length; ) {
      const end = endOfElement(value, at);
      const element = value.slice(at, end).trim();
      if (element !== '') elements.push(element);
      at = end + 1;
    }
  }
  return elements;
}
