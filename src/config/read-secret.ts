// Secrets of the config: a text, or the name of an environment variable that holds it.

export type Environment = Readonly<Record<string, string | undefined>>;

/** The secret itself, or undefined when its environment variable is not set. */
export function readSecret(secret: string | { readonly env: string }, env: Environment): string | undefined {
  return typeof secret === 'string' ? secret : env[secret.env] || undefined;
}
