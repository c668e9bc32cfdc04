// Decodes HEPv3 for tests, by the specification's table and by nothing of the encoder.

export interface ReadHep {
  readonly family: number;
  readonly protocol: number;
  /** Address and port. */
  readonly source: string;
  readonly destination: string;
  readonly wallMs: number;
  readonly type: number;
  readonly captureId: number;
  readonly password: string;
  readonly payload: string;
}

/** @throws Error when lengths do not agree or a chunk of another vendor is there */
export function readHep(packet: Buffer): ReadHep {
  if (packet.toString('latin1', 0, 4) !== 'HEP3') throw new Error('no HEP3');
  if (packet.readUInt16BE(4) !== packet.length) throw new Error('the total length is wrong');
  const chunks = new Map<number, Buffer>();
  for (let at = 6; at < packet.length; ) {
    if (packet.readUInt16BE(at) !== 0) throw new Error('a chunk of another vendor');
    const length = packet.readUInt16BE(at + 4);
    if (length < 6 || at + length > packet.length) throw new Error('the length of a chunk is wrong');
    chunks.set(packet.readUInt16BE(at + 2), packet.subarray(at + 6, at + length));
    at += length;
  }
  const chunk = (type: number): Buffer => chunks.get(type) ?? Buffer.alloc(0);
  const isV4 = chunk(1)[0] === 2;
  const endpoint = (v4: number, v6: number, port: number): string =>
    `${addressText(chunk(isV4 ? v4 : v6))} ${chunk(port).readUInt16BE(0)}`;
  return {
    family: chunk(1).readUInt8(0),
    protocol: chunk(2).readUInt8(0),
    source: endpoint(3, 5, 7),
    destination: endpoint(4, 6, 8),
    wallMs: chunk(9).readUInt32BE(0) * 1_000 + chunk(10).readUInt32BE(0) / 1_000,
    type: chunk(11).readUInt8(0),
    captureId: chunk(12).readUInt32BE(0),
    password: chunk(14).toString(),
    payload: chunk(15).toString(),
  };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return bytes.toString('hex').replaceAll(/(.{4})(?!$)/g, '$1:');
}
