// A peer with full ICE (RFC 8445) for tests: it checks one candidate of the engine's and answers the engine's checks (STUN, RFC 8489).
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { crc32 } from 'node:zlib';

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

const COOKIE = 0x2112_a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const XOR_MAPPED_ADDRESS = 0x0020;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const ICE_CONTROLLING = 0x802a;
const FINGERPRINT_XOR = 0x5354_554e;

export class IcePeer {
  /** Packets that are no STUN. */
  readonly media: Buffer[] = [];
  /** Its checks that were answered. */
  answered = 0;
  readonly credentials: IceCredentials;
  readonly #socket: Socket;

  private constructor(socket: Socket, credentials: IceCredentials) {
    this.#socket = socket;
    this.credentials = credentials;
    socket.on('message', (message, { port, address }) => {
      const isStun = message.length >= 20 && message.readUInt32BE(4) === COOKIE;
      if (!isStun) this.media.push(message);
      else if (message.readUInt16BE(0) === BINDING_SUCCESS) this.answered += 1;
      else if (message.readUInt16BE(0) === BINDING_REQUEST) this.#answer(message, address, port);
    });
  }

  static async open(ufrag: string): Promise<IcePeer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new IcePeer(socket, { ufrag, pwd: ufrag.padEnd(24, 'x') });
  }

  get address(): string {
    return this.#socket.address().address;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** What its description says of ICE. */
  get attributes(): string[] {
    const { ufrag, pwd } = this.credentials;
    const candidate = `candidate:1 1 UDP 2130706431 ${this.address} ${this.port} typ host`;
    return [`ice-ufrag:${ufrag}`, `ice-pwd:${pwd}`, candidate];
  }

  /** A check that nominates the pair. */
  check(port: number, engine: IceCredentials): void {
    const attributes = [
      attribute(USERNAME, Buffer.from(`${engine.ufrag}:${this.credentials.ufrag}`)),
      attribute(PRIORITY, number(1_862_270_975)),
      attribute(ICE_CONTROLLING, Buffer.alloc(8, 0xee)),
      attribute(USE_CANDIDATE, Buffer.alloc(0)),
    ];
    this.send(message(BINDING_REQUEST, randomBytes(12), attributes, engine.pwd), port);
  }

  send(packet: Uint8Array, port: number): void {
    this.#socket.send(packet, port, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }

  #answer(request: Buffer, address: string, port: number): void {
    const octets = address.split('.').map((octet, at) => Number(octet) ^ ((COOKIE >>> (24 - 8 * at)) & 0xff));
    const mapped = Buffer.from([
      0,
      1,
      (port >> 8) ^ (COOKIE >>> 24),
      (port & 0xff) ^ ((COOKIE >>> 16) & 0xff),
      ...octets,
    ]);
    const attributes = [attribute(XOR_MAPPED_ADDRESS, mapped)];
    this.send(message(BINDING_SUCCESS, request.subarray(8, 20), attributes, this.credentials.pwd), port);
  }
}

/** What a description of the engine's says of ICE. */
export function credentialsIn(attributes: readonly string[]): IceCredentials {
  const value = (name: string) => attributes.find((one) => one.startsWith(`${name}:`))?.slice(name.length + 1) ?? '';
  return { ufrag: value('ice-ufrag'), pwd: value('ice-pwd') };
}

function message(type: number, transaction: Buffer, attributes: readonly Buffer[], pwd: string): Buffer {
  const plain = Buffer.concat([header(type, transaction), ...attributes]);
  // Each of the two last attributes is of what is before it, with a length that counts it in.
  const signed = withLength(plain, 24);
  const integrity = attribute(MESSAGE_INTEGRITY, createHmac('sha1', pwd).update(signed).digest());
  const whole = withLength(Buffer.concat([plain, integrity]), 8);
  return Buffer.concat([whole, attribute(FINGERPRINT, number((crc32(whole) ^ FINGERPRINT_XOR) >>> 0))]);
}

function header(type: number, transaction: Buffer): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([bytes, transaction]);
}

function withLength(bytes: Buffer, more: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt16BE(bytes.length - 20 + more, 2);
  return changed;
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + 4 * Math.ceil(value.length / 4));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
