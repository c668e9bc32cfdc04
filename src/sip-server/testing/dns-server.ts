// A name server for tests, over UDP: it answers from a zone that the test writes, and keeps what it was asked. RFC 1035 §4.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { addressBytes, words } from './address-bytes.js';

export type ZoneRecord =
  | { readonly type: 'A' | 'AAAA'; readonly address: string; readonly ttl?: number }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly name: string;
    }
  | {
      readonly type: 'NAPTR';
      readonly order: number;
      readonly preference: number;
      readonly service: string;
      readonly replacement: string;
    };

const TYPES: Readonly<Record<ZoneRecord['type'], number>> = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 };

export class DnsServer {
  /** As `nameServers` of the server's settings wants it. */
  readonly address: string;
  /** `SRV name` of each question. */
  readonly asked: string[] = [];
  /** Records by name; a name that is not there does not exist. */
  zone: Readonly<Record<string, readonly ZoneRecord[]>> = {};
  readonly #socket: UdpSocket;

  private constructor(socket: UdpSocket) {
    this.#socket = socket;
    this.address = `127.0.0.1:${socket.address().port}`;
    socket.on('message', (question, source) => socket.send(this.#answer(question), source.port, source.address));
  }

  static async open(): Promise<DnsServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsServer(socket);
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const type = question.readUInt16BE(at + 1);
    const typeName = Object.entries(TYPES).find(([, code]) => code === type)?.[0] ?? String(type);
    this.asked.push(`${typeName} ${name}`);
    const known = this.zone[name];
    const records = (known ?? []).filter((record) => TYPES[record.type] === type);
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    head.fill(0, 8);
    const answers = records.map((record) => {
      const data = dataOf(record);
      const fields = Buffer.alloc(10);
      fields.writeUInt16BE(type, 0);
      fields.writeUInt16BE(1, 2);
      fields.writeUInt32BE('ttl' in record ? (record.ttl ?? 60) : 60, 4);
      fields.writeUInt16BE(data.length, 8);
      return Buffer.concat([encodedName(name), fields, data]);
    });
    return Buffer.concat([head, question.subarray(12, at + 5), ...answers]);
  }
}

function dataOf(record: ZoneRecord): Buffer {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return addressBytes(record.address);
    case 'SRV':
      return Buffer.concat([words(record.priority, record.weight, record.port), encodedName(record.name)]);
    case 'NAPTR': {
      const texts = ['s', record.service, ''].map((text) =>
        Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]),
      );
      return Buffer.concat([words(record.order, record.preference), ...texts, encodedName(record.replacement)]);
    }
  }
}

function encodedName(name: string): Buffer {
  const labels = name.split('.').filter(Boolean);
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}
