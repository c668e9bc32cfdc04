// Takes secrets out of a message that is to be read by people: what proves a password, passwords in URIs, media keys.
// RFC 7616 §3.4, RFC 3261 §19.1.1, RFC 4568 §6.1, RFC 8839 §5.4.

const MASK = '***';
const CREDENTIALS = /^((?:proxy-)?authorization|(?:proxy-)?authentication-info)([ \t]*:)((?:[^\r\n]|\r\n[ \t])*)/gim;

/** @param text a whole message */
export function maskSecrets(text: string): string {
  return text
    .replaceAll(
      CREDENTIALS,
      (_all, name: string, colon: string, value: string) => name + colon + maskCredentials(value),
    )
    .replaceAll(/(sips?:[^\s:@<>]{0,256}):[^\s@<>;,"]{1,256}@/gi, `$1:${MASK}@`)
    .replaceAll(/\binline:[^\s|]+/gi, `inline:${MASK}`)
    .replaceAll(/^(a=ice-pwd:)\S+/gim, `$1${MASK}`)
    .replaceAll(/^(k=(?:clear|base64):)\S+/gim, `$1${MASK}`);
}

function maskCredentials(value: string): string {
  if (/^\s*digest\b/i.test(value) || /\brspauth\b/i.test(value)) {
    return value.replaceAll(/\b(response|rspauth|password)(\s*=\s*)("[^"]*"|[^\s,]+)/gi, `$1$2"${MASK}"`);
  }
  // Basic, Bearer and what else there is: the credentials are all that follows the scheme.
  return value.replace(/^(\s*\S+)[\s\S]*$/, `$1 ${MASK}`);
}
