// An empty page for fax machines, as TIFF with ITU-T T.6 coding, in which a line that is like the one above it takes
// one bit.
import { writeFileSync } from 'node:fs';

const WIDTH_DOTS = 1_728;
const LINES = 200;
/** TIFF 6.0 §2: a field is a tag, a type (3: 16 bits, 4: 32 bits, 5: a fraction), a count, and its value or where that is. */
const [SHORT, LONG, FRACTION] = [3, 4, 5];
const HEADER_BYTES = 8;
const FIELD_BYTES = 12;

export function writeFaxPage(path: string): void {
  // T.6 §2.2.1: each line is V(0), one 1 bit, as it is like the white line above it; after them EOFB (§2.4.1.1).
  const image = Buffer.concat([Buffer.alloc(LINES / 8, 0xff), Buffer.from([0x00, 0x10, 0x01])]);
  const fields: (readonly [tag: number, type: number, value: number])[] = [
    [256, LONG, WIDTH_DOTS],
    [257, LONG, LINES],
    [258, SHORT, 1],
    [259, SHORT, 4],
    [262, SHORT, 0],
    [266, SHORT, 1],
    [273, LONG, HEADER_BYTES],
    [277, SHORT, 1],
    [278, LONG, LINES],
    [279, LONG, image.length],
    [282, FRACTION, HEADER_BYTES + image.length + (image.length % 2)],
    [283, FRACTION, HEADER_BYTES + image.length + (image.length % 2) + 8],
    [296, SHORT, 2],
  ];
  const fractionsAt = HEADER_BYTES + image.length + (image.length % 2);
  const directoryAt = fractionsAt + 16;
  const file = Buffer.alloc(directoryAt + 2 + fields.length * FIELD_BYTES + 4);
  file.write('II', 0, 'latin1');
  file.writeUInt16LE(42, 2);
  file.writeUInt32LE(directoryAt, 4);
  image.copy(file, HEADER_BYTES);
  for (const [index, dotsPerInch] of [204, 98].entries()) {
    file.writeUInt32LE(dotsPerInch, fractionsAt + 8 * index);
    file.writeUInt32LE(1, fractionsAt + 8 * index + 4);
  }
  file.writeUInt16LE(fields.length, directoryAt);
  for (const [index, [tag, type, value]] of fields.entries()) {
    const at = directoryAt + 2 + index * FIELD_BYTES;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(1, at + 4);
    if (type === SHORT) file.writeUInt16LE(value, at + 8);
    else file.writeUInt32LE(value, at + 8);
  }
  writeFileSync(path, file);
}
