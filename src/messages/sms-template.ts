// Templates by which a gateway is told of a message over HTTP: text with placeholders, each written as the place that it stands
// in wants it, so that no text can end a value or begin another.

export const SMS_PLACEHOLDERS = [
  ...['port', 'line', 'number', 'e164', 'sim', 'text', 'id', 'shortId', 'kind', 'parts', 'encoding'],
  ...['host', 'username', 'password', 'pictures'],
] as const;
export type SmsPlaceholder = (typeof SMS_PLACEHOLDERS)[number];
export type SmsValues = Readonly<Record<SmsPlaceholder, string>>;

/** How a value is written: in a URL or form, in a JSON text, in XML, or as it is. */
export type SmsEscaping = 'url' | 'json' | 'xml' | 'none';

/** `{port}`, or `{port:2}` with two digits at least. */
const PLACEHOLDER = /\{([A-Za-z0-9]+)(?::([1-9]))?\}/g;

/** Names that stand in a template and mean nothing. */
export function unknownPlaceholders(template: string): readonly string[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, name = '']) => (isKnown(name) ? [] : [name]));
}

export function fillSmsTemplate(template: string, values: SmsValues, escaping: SmsEscaping): string {
  return template.replaceAll(PLACEHOLDER, (whole, name: string, digits: string | undefined) => {
    if (!isKnown(name)) return whole;
    // A list of objects in JSON already, and a host as URLs have it.
    if (name === 'pictures' || name === 'host') return values[name];
    const value = digits === undefined ? values[name] : values[name].padStart(Number(digits), '0');
    return escaped(value, escaping);
  });
}

/** By what the request's body is. */
export function escapingOf(contentType: string): SmsEscaping {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type.endsWith('json')) return 'json';
  if (type.endsWith('xml')) return 'xml';
  return type === 'application/x-www-form-urlencoded' ? 'url' : 'none';
}

function escaped(value: string, escaping: SmsEscaping): string {
  switch (escaping) {
    case 'url':
      // Lone surrogates have no UTF-8: what stands for them is what JSON and XML would carry too.
      return encodeURIComponent(Buffer.from(value).toString());
    case 'json':
      return JSON.stringify(value).slice(1, -1);
    case 'xml':
      return value.replaceAll(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
    case 'none':
      return value;
  }
}

function isKnown(name: string): name is SmsPlaceholder {
  return (SMS_PLACEHOLDERS as readonly string[]).includes(name);
}
