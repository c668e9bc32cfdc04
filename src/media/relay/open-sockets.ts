// Which UDP sockets a thread uses: batched ones where their native part was built, Node's own everywhere else.
import { BatchedSockets, loadNativeSockets } from './batched-sockets.js';
import { DgramSockets } from './dgram-sockets.js';
import type { MediaSockets, SocketOptions } from './media-socket.js';

export type SocketsKind = 'dgram' | 'batched';

/** `auto`: batched where they are there. */
export type SocketsSetting = SocketsKind | 'auto';

export interface OpenedSockets {
  readonly sockets: MediaSockets;
  readonly kind: SocketsKind;
  /** Why they are not batched although they were to be, or might have been. */
  readonly detail: string | null;
}

/**
 * Opens the sockets of this thread.
 * @param nowMs monotonic clock of arrival times.
 */
export function openSockets(setting: SocketsSetting, nowMs: () => number, options: SocketOptions = {}): OpenedSockets {
  const loaded = setting === 'dgram' ? { native: null, cause: null } : loadNativeSockets();
  if (loaded.native !== null) {
    return { sockets: new BatchedSockets(loaded.native, options), kind: 'batched', detail: null };
  }
  return { sockets: new DgramSockets(nowMs, options.receiveBufferBytes), kind: 'dgram', detail: loaded.cause };
}
