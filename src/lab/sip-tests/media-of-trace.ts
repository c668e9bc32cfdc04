// What a scenario's messages say of its media: where the other side is, who may send, and when it was on hold.
import type { TracedMessage } from './sipp.js';

export interface CurrentMedia {
  readonly remote: { readonly address: string; readonly port: number; readonly isAudio: boolean } | null;
  /** Both sides have described themselves, and neither forbids it. */
  readonly maySend: boolean;
}

interface Described {
  readonly address: string;
  readonly port: number;
  readonly isAudio: boolean;
  readonly direction: string;
}

/** By the last description of either side. */
export function currentMedia(messages: readonly TracedMessage[]): CurrentMedia {
  const ours = lastOf(messages, 'sent');
  const theirs = lastOf(messages, 'received');
  const isOver = messages.some(({ text }) => text.startsWith('BYE '));
  const sends = ours !== null && ['sendrecv', 'sendonly'].includes(ours.direction);
  const isHeard = theirs !== null && ['sendrecv', 'recvonly'].includes(theirs.direction);
  return { remote: theirs, maySend: sends && isHeard && !isOver };
}

/** From the 200 to an offer that held until the next offer, in ms since midnight. */
export function holdsOf(messages: readonly TracedMessage[]): { readonly fromMs: number; readonly toMs: number }[] {
  const holds: { fromMs: number; toMs: number }[] = [];
  let isHolding = false;
  for (const { direction, text, time } of messages) {
    const described = describedIn(text);
    if (described === null) continue;
    const atMs = msOfDay(time);
    const open = holds.at(-1);
    if (direction === 'sent') {
      isHolding = described.direction === 'sendonly' || described.direction === 'inactive';
      if (!isHolding && open?.toMs === Number.POSITIVE_INFINITY) open.toMs = atMs;
    } else if (isHolding && open?.toMs !== Number.POSITIVE_INFINITY && text.startsWith('SIP/2.0 200')) {
      holds.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    }
  }
  return holds;
}

function lastOf(messages: readonly TracedMessage[], direction: TracedMessage['direction']): Described | null {
  const texts = messages.filter((message) => message.direction === direction).map(({ text }) => text);
  return texts.reduce<Described | null>((last, text) => describedIn(text) ?? last, null);
}

/** The first stream that is not refused. */
function describedIn(text: string): Described | null {
  const at = text.search(/^v=0/m);
  if (at === -1) return null;
  const sdp = text.slice(at);
  const [, type = '', port = ''] = /^m=(audio|image) ([1-9]\d*) /m.exec(sdp) ?? [];
  const address = /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1];
  if (type === '' || address === undefined) return null;
  const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(sdp)?.[1] ?? 'sendrecv';
  return { address, port: Number(port), isAudio: type === 'audio', direction };
}

/** `time` is a time of day with microseconds, as SIPp writes it. */
function msOfDay(time: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  return (hours * 3600 + minutes * 60 + seconds) * 1000;
}
