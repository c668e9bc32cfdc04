// Reason phrases of the responses that the server makes by itself. RFC 3261 §21.

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Trying',
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  408: 'Request Timeout',
  422: 'Session Interval Too Small',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  487: 'Request Terminated',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
};

export function reasonPhrase(status: number): string {
  return PHRASES[status] ?? 'Unknown';
}
