// An address as it stands in a packet.
import { SourceAddress } from '../defence/source-address.js';

const reader = new SourceAddress();

/** 4 or 16 bytes; four zeros for what is no address. */
export function addressBytes(address: string): Buffer {
  if (!reader.read(address)) return Buffer.alloc(4);
  const bytes = Buffer.alloc(reader.family === 4 ? 4 : 16);
  bytes.writeInt32BE(reader.word0, 0);
  if (reader.family === 6) {
    bytes.writeInt32BE(reader.word1, 4);
    bytes.writeInt32BE(reader.word2, 8);
    bytes.writeInt32BE(reader.word3, 12);
  }
  return bytes;
}
