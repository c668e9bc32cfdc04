// What an agent can be called: the PBX's word, and a key of the ledger.

/** No separator of ours, no quote, blank or control: it stands in logs, records and keys. */
export const AGENT_NAME = /^[\p{L}\p{N}+][\p{L}\p{N}._@+~-]{0,63}$/u;

/** The one form of a name (Unicode normalisation form C), so that an agent has one key; null for what cannot be one. */
export function agentNameOf(text: string): string | null {
  const name = text.normalize('NFC');
  return AGENT_NAME.test(name) ? name : null;
}
