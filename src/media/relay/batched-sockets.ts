// UDP sockets behind one epoll set, by the optional native part (native/media-sockets.c, `npm run build-native`): one call
// into JavaScript brings all packets that have come, one call out of it sends what they caused. Linux alone.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';
import {
  BindError,
  type MediaSocket,
  type MediaSocketListener,
  type MediaSockets,
  type SocketOptions,
} from './media-socket.js';

/** The native part's exports; a set is opaque. */
export interface NativeSockets {
  readonly version: number;
  /** `isExact`: each packet has the time at which it reached its socket, not that at which its batch was read. */
  open(packets: Uint8Array, table: Int32Array, onBatch: (count: number) => void, isExact: boolean): object;
  /** The socket's index, or minus an errno. */
  bind(set: object, address: string, port: number, receiveBufferBytes: number, dscp: number): number;
  closeSocket(set: object, index: number): void;
  /** Where packets of the socket go from now on; false for what is no address. */
  destination(set: object, index: number, address: string, port: number): boolean;
  /** Where the packet in a slot of the batch came from. */
  source(set: object, slot: number): [string, number];
  /** Sends the first `count` entries of the table; returns how many failed, whose sockets are then first in it. */
  send(set: object, count: number): number;
  /** Packets that found the socket's receive buffer full. */
  lost(set: object, index: number): number;
  close(set: object): void;
  /** Has the calling thread go before others: 2 as real-time, 1 by short turns, 0 not at all. */
  precede(): number;
}

/** Of the native part that this file goes with. */
const VERSION = 3;

// Layout of what is shared with the native part, as it stands there.
const SLOTS = 256;
const SLOT_BYTES = 65_536 + 192;
const RECEIVED_WORDS = 3;
const SENT_WORDS = 3;
const SENDS_AT = SLOTS * RECEIVED_WORDS;
const ARRIVAL_AT = SENDS_AT + SLOTS * SENT_WORDS;
const COPIES_AT = SLOTS * SLOT_BYTES;
/** Of the sources' addresses, so many are kept. */
const MAX_ADDRESSES = 4_096;
/** Of a large batch the first packets do not wait for the last. */
const SENT_TOGETHER = 32;

/** Where `npm run build-native` puts it. */
export const BUILT_FILE = fileURLToPath(new URL('../../native/media-sockets.node', import.meta.url));

/** Null, and why, where the native part was not built or does not load. */
export function loadNativeSockets(file = BUILT_FILE): { native: NativeSockets } | { native: null; cause: string } {
  try {
    const native = createRequire(import.meta.url)(file) as NativeSockets;
    if (native.version === VERSION) return { native };
    return { native: null, cause: 'it was built from another version; run npm run build-native' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { native: null, cause: code === 'MODULE_NOT_FOUND' ? 'it was not built' : message };
  }
}

export class BatchedSockets implements MediaSockets {
  readonly #native: NativeSockets;
  readonly #set: object;
  readonly #receiveBufferBytes: number;
  readonly #dscp: number;
  readonly #packets = new Uint8Array(2 * SLOTS * SLOT_BYTES);
  readonly #table = new Int32Array(ARRIVAL_AT + 2 * SLOTS);
  readonly #arrivalMs = new Float64Array(this.#table.buffer, ARRIVAL_AT * 4, SLOTS);
  /** Views of the receive slots, each of the length that its last packet had: of most packets it is the same. */
  readonly #views = Array.from({ length: SLOTS }, (_, slot) => this.#viewOf(slot, 0));
  readonly #sockets: (BatchedSocket | null)[] = [];
  /** One string for each: hundreds of streams come from one gateway, and what they share stays in the processor's caches. */
  readonly #addresses = new Map<string, string>();
  #sends = 0;
  #copies = 0;
  #isInBatch = false;
  #isClosed = false;
  #isFlushPlanned = false;

  constructor(
    native: NativeSockets,
    { receiveBufferBytes = 0, dscp = false, hasExactArrivals = false }: SocketOptions = {},
  ) {
    this.#native = native;
    this.#receiveBufferBytes = receiveBufferBytes;
    this.#dscp = dscp === false ? -1 : dscp;
    this.#set = native.open(this.#packets, this.#table, (count) => this.#onBatch(count), hasExactArrivals);
  }

  bind(address: string, port: number): MediaSocket {
    const index = this.#isClosed
      ? -1
      : this.#native.bind(this.#set, address, port, this.#receiveBufferBytes, this.#dscp);
    if (index < 0) {
      const code = getSystemErrorName(index);
      throw new BindError(Object.assign(new Error(`bind ${code} ${address}:${port}`), { code }));
    }
    const socket = new BatchedSocket(this, index);
    this.#sockets[index] = socket;
    return socket;
  }

  flush(): void {
    const sends = this.#sends;
    if (sends === 0) return;
    this.#sends = 0;
    this.#copies = 0;
    const failed = this.#native.send(this.#set, sends);
    for (let at = 0; at < failed; at += 1) this.#sockets[this.#table[SENDS_AT + at] ?? -1]?.fail();
  }

  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#native.close(this.#set);
  }

  /** For its sockets alone: what was sent before goes where it was to go. */
  setDestination(index: number, address: string, port: number): boolean {
    this.flush();
    return !this.#isClosed && this.#native.destination(this.#set, index, address, port);
  }

  /** For its sockets alone: adds to what is sent when the batch has been handled, or after what runs now. */
  enqueue(index: number, packet: Uint8Array): boolean {
    if (packet.length > SLOT_BYTES || this.#isClosed) return false;
    if (this.#sends === SENT_TOGETHER) this.flush();
    let offset = packet.byteOffset;
    if (packet.buffer !== this.#packets.buffer || offset >= COPIES_AT) {
      offset = COPIES_AT + this.#copies * SLOT_BYTES;
      this.#copies += 1;
      this.#packets.set(packet, offset);
    }
    const entry = SENDS_AT + this.#sends * SENT_WORDS;
    this.#table[entry] = index;
    this.#table[entry + 1] = offset;
    this.#table[entry + 2] = packet.length;
    this.#sends += 1;
    if (!this.#isInBatch && !this.#isFlushPlanned) this.#planFlush();
    return true;
  }

  /** For its sockets alone. */
  closeSocket(index: number): void {
    this.flush();
    this.#sockets[index] = null;
    if (!this.#isClosed) this.#native.closeSocket(this.#set, index);
  }

  /** For its sockets alone. */
  lostAt(index: number): number {
    return this.#isClosed ? 0 : this.#native.lost(this.#set, index);
  }

  /** Apart from `enqueue`: with a function made in it, that would make a context for each packet. */
  #planFlush(): void {
    this.#isFlushPlanned = true;
    queueMicrotask(() => {
      this.#isFlushPlanned = false;
      this.flush();
    });
  }

  #onBatch(count: number): void {
    const table = this.#table;
    this.#isInBatch = true;
    try {
      for (let slot = 0; slot < count; slot += 1) {
        const entry = slot * RECEIVED_WORDS;
        const index = table[entry] ?? 0;
        const socket = this.#sockets[index] ?? null;
        if (socket === null) continue;
        const length = table[entry + 1] ?? 0;
        if (table[entry + 2] === 1) this.#learnSource(socket, slot);
        let view = this.#views[slot] as Buffer;
        if (view.length !== length) {
          view = this.#viewOf(slot, length);
          this.#views[slot] = view;
        }
        socket.receive(view, this.#arrivalMs[slot] ?? 0);
      }
    } finally {
      this.#isInBatch = false;
      this.flush();
    }
  }

  #learnSource(socket: BatchedSocket, slot: number): void {
    const [address, port] = this.#native.source(this.#set, slot);
    socket.setSource(this.#shared(address), port);
  }

  #shared(address: string): string {
    const known = this.#addresses.get(address);
    if (known !== undefined) return known;
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(address, address);
    return address;
  }

  #viewOf(slot: number, length: number): Buffer {
    return Buffer.from(this.#packets.buffer, slot * SLOT_BYTES, length);
  }
}

class BatchedSocket implements MediaSocket {
  readonly #sockets: BatchedSockets;
  readonly #index: number;
  #listener: MediaSocketListener | null = null;
  #isClosed = false;
  #sourceAddress = '';
  #sourcePort = 0;
  #destinationAddress = '';
  #destinationPort = 0;

  constructor(sockets: BatchedSockets, index: number) {
    this.#sockets = sockets;
    this.#index = index;
  }

  listen(listener: MediaSocketListener): void {
    this.#listener = listener;
  }

  send(packet: Uint8Array, address: string, port: number): void {
    if (this.#isClosed) return;
    if (port !== this.#destinationPort || address !== this.#destinationAddress) {
      if (!this.#sockets.setDestination(this.#index, address, port)) {
        this.#destinationPort = 0;
        this.fail();
        return;
      }
      this.#destinationAddress = address;
      this.#destinationPort = port;
    }
    if (!this.#sockets.enqueue(this.#index, packet)) this.fail();
  }

  overflows(): number {
    return this.#isClosed ? 0 : this.#sockets.lostAt(this.#index);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener = null;
    this.#sockets.closeSocket(this.#index);
  }

  receive(packet: Buffer, arrivalMs: number): void {
    this.#listener?.received(packet, this.#sourceAddress, this.#sourcePort, arrivalMs);
  }

  setSource(address: string, port: number): void {
    this.#sourceAddress = address;
    this.#sourcePort = port;
  }

  fail(): void {
    this.#listener?.sendFailed();
  }
}
