// Templates by which a gateway's settings name a channel and a number in an INVITE: text with placeholders.

export const PLACEHOLDERS = ['port', 'number', 'e164', 'sim', 'line'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];
export type DialValues = Readonly<Record<Placeholder, string>>;

/** `{port}`, or `{port:2}` for at least so many digits, with zeros before. */
const PLACEHOLDER = /\{([^{}:]*)(?::([^{}]*))?\}/g;

/** What stands between the braces of a template, and what only looks like it. */
export interface TemplateParts {
  readonly placeholders: readonly { readonly name: string; readonly digits: string | undefined }[];
  /** The template without its placeholders. */
  readonly rest: string;
}

export function partsOfTemplate(template: string): TemplateParts {
  const placeholders = [...template.matchAll(PLACEHOLDER)].map(([, name = '', digits]) => ({ name, digits }));
  return { placeholders, rest: template.replaceAll(PLACEHOLDER, '') };
}

export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(PLACEHOLDER, (whole, name: string, digits: string | undefined) => {
    const value = Object.hasOwn(values, name) ? (values[name] ?? '') : whole;
    return digits === undefined ? value : value.padStart(Number(digits), '0');
  });
}
