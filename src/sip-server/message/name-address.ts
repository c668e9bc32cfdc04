// name-addr and addr-spec with their parameters, as in From, To, Contact, Route and Record-Route. RFC 3261 §20.10, §25.1.

export interface NameAddress {
  readonly uri: string;
  /** Everything after the URI, from the first `;`, or empty. */
  readonly parameters: string;
  readonly tag: string | undefined;
}

/** Reads the first address of a header value; null when it has no readable URI. */
export function parseNameAddress(value: string): NameAddress | null {
  const end = endOfElement(value, 0);
  const element = end === value.length ? value : value.slice(0, end);
  let searchFrom = 0;
  if (element.charCodeAt(0) === 0x22) {
    searchFrom = endOfQuoted(element, 0);
    if (searchFrom === -1) return null;
  }
  const open = element.indexOf('<', searchFrom);
  let uri: string;
  let parameters: string;
  if (open !== -1) {
    const close = element.indexOf('>', open);
    if (close === -1) return null;
    uri = element.slice(open + 1, close).trim();
    const semicolon = element.indexOf(';', close);
    parameters = semicolon === -1 ? '' : element.slice(semicolon);
  } else {
    if (searchFrom !== 0) return null;
    // RFC 3261 §20.10: without angle brackets, parameters after the URI belong to the header.
    const semicolon = element.indexOf(';');
    uri = (semicolon === -1 ? element : element.slice(0, semicolon)).trim();
    parameters = semicolon === -1 ? '' : element.slice(semicolon);
  }
  if (!hasScheme(uri)) return null;
  return { uri, parameters, tag: parameters === '' ? undefined : headerParameter(parameters, 'tag') };
}

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$/;

function hasScheme(uri: string): boolean {
  return SCHEME.test(uri);
}

/** The value of a `;name=value` parameter; '' for one without a value, undefined when absent. */
export function headerParameter(parameters: string, name: string): string | undefined {
  let at = 0;
  while (at < parameters.length) {
    if (parameters.charCodeAt(at) !== 0x3b) {
      at++;
      continue;
    }
    const end = endOfParameter(parameters, at + 1);
    const equals = parameters.indexOf('=', at + 1);
    const hasValue = equals !== -1 && equals < end;
    const key = parameters.slice(at + 1, hasValue ? equals : end).trim();
    if (key.length === name.length && key.toLowerCase() === name) {
      return hasValue ? parameters.slice(equals + 1, end).trim() : '';
    }
    at = end;
  }
  return undefined;
}

function endOfParameter(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3b) return at;
    if (code === 0x22) {
      const close = endOfQuoted(text, at);
      if (close === -1) return text.length;
      at = close - 1;
    }
  }
  return text.length;
}

/** Offset just after the quoted string that opens at `open`; -1 when it is never closed. */
export function endOfQuoted(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x22) return at + 1;
  }
  return -1;
}

/** Offset of the comma that ends the list element starting at `from`, or the length of the text. */
export function endOfElement(text: string, from: number): number {
  let isInAngles = false;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22 && !isInAngles) {
      const close = endOfQuoted(text, at);
      if (close === -1) return text.length;
      at = close - 1;
    } else if (code === 0x3c) isInAngles = true;
    else if (code === 0x3e) isInAngles = false;
    else if (code === 0x2c && !isInAngles) return at;
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
