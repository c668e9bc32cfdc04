// Headers that `sip.allowedHeaders` and `sip.allowedHeadersToTrunks` may not name: those that a B2BUA makes for each leg by
// itself, those that would tie one leg's dialog to the other's, and those by which a PBX could set a caller identity.

/** In lower case. */
const OWN_HEADERS: ReadonlySet<string> = new Set(
  [
    // RFC 3261 §20: routing, dialog and transaction.
    ['via', 'from', 'to', 'call-id', 'cseq', 'contact', 'route', 'record-route', 'max-forwards', 'timestamp', 'date'],
    // RFC 3261 §20: the body, which is ours; what we can and want.
    ['content-length', 'content-type', 'content-encoding', 'content-language', 'content-disposition', 'mime-version'],
    ['accept', 'accept-encoding', 'accept-language', 'allow', 'require', 'proxy-require', 'supported', 'unsupported'],
    ['expires', 'min-expires', 'retry-after', 'warning', 'error-info', 'user-agent', 'server', 'in-reply-to'],
    ['authorization', 'authentication-info', 'proxy-authenticate', 'proxy-authorization', 'www-authenticate'],
    // Loops: RFC 5393, and our own marker (semantics of 482).
    ['max-breadth', 'x-simtrunk-loop'],
    // Dialogs and transactions of one side that mean nothing, or harm, on the other: RFC 3262, 3326, 3515, 3891, 3911,
    // 3903, 4028, 4538, 5373, 5626, 6086, 6665.
    ['rack', 'rseq', 'reason', 'refer-to', 'referred-by', 'refer-sub', 'replaces', 'join', 'target-dialog'],
    ['session-expires', 'min-se', 'answer-mode', 'priv-answer-mode', 'flow-timer', 'info-package', 'recv-info'],
    ['event', 'allow-events', 'subscription-state', 'sip-etag', 'sip-if-match', 'path', 'service-route'],
    ['security-client', 'security-server', 'security-verify', 'request-disposition'],
    // Identities (product, "Stance"): a PBX cannot set the caller ID.
    ['p-asserted-identity', 'p-preferred-identity', 'p-called-party-id', 'p-associated-uri', 'remote-party-id'],
    ['identity', 'identity-info', 'privacy', 'diversion', 'history-info', 'reply-to'],
    ['p-charging-vector', 'p-charging-function-addresses', 'p-served-user', 'p-profile-key', 'p-visited-network-id'],
  ].flat(),
);

export function isOwnHeader(name: string): boolean {
  return OWN_HEADERS.has(name.toLowerCase());
}

/** What one of the other side says of the way of a call or its charging: no caller ID, and theirs to say, never ours to set. */
const THEIRS: ReadonlySet<string> = new Set([
  'diversion',
  'history-info',
  'p-called-party-id',
  'p-charging-vector',
  'p-charging-function-addresses',
  'p-visited-network-id',
]);

/** Whether the operator may let a header through from one side of a call to the other. */
export function mayPass(name: string): boolean {
  return THEIRS.has(name.toLowerCase()) || !isOwnHeader(name);
}
