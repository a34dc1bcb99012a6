/** Reads EBML elements (RFC 8794), the elements of Matroska and WebM. Pure. */
import { ContainerError } from './fragmenter.ts';

export interface ElementHeader {
  readonly id: number;
  readonly headerBytes: number;
  /** Without its header; `undefined` when the element ends at the next one that cannot be inside it. */
  readonly contentBytes: number | undefined;
}

/** Enough for any element header: an ID of up to 4 bytes, a size of up to 8. */
export const MAX_ELEMENT_HEADER_BYTES = 12;
const MAX_ID_BYTES = 4;
const MAX_SIZE_BYTES = 8;

/** Length in bytes of a variable-length number, from its first byte: the number of leading zero bits plus one. */
function vintBytes(first: number): number {
  return Math.clz32(first) - 23;
}

/** A variable-length number without its marker; `undefined` if all its bits are set ("unknown"). */
export function readVint(bytes: Buffer, offset: number): { value: number | undefined; bytes: number } {
  const length = vintBytes(bytes.readUInt8(offset));
  if (length > MAX_SIZE_BYTES) throw new ContainerError('The Matroska output has a damaged element.');
  let value = BigInt(bytes.readUInt8(offset) & (0xff >> length));
  for (let at = 1; at < length; at += 1) value = (value << 8n) | BigInt(bytes.readUInt8(offset + at));
  const unknown = value === (1n << BigInt(7 * length)) - 1n;
  return { value: unknown ? undefined : Number(value), bytes: length };
}

/** The header of the element at the start of `bytes`; `undefined` when more bytes are needed. */
export function readElementHeader(bytes: Buffer): ElementHeader | undefined {
  const idBytes = bytes.length === 0 ? 0 : vintBytes(bytes.readUInt8(0));
  if (idBytes > MAX_ID_BYTES) throw new ContainerError('The output is not Matroska or WebM.');
  const sizeFirst = bytes[idBytes];
  if (idBytes === 0 || sizeFirst === undefined) return undefined;
  if (bytes.length < idBytes + vintBytes(sizeFirst)) return undefined;
  const size = readVint(bytes, idBytes);
  return { id: bytes.readUIntBE(0, idBytes), headerBytes: idBytes + size.bytes, contentBytes: size.value };
}

export interface Element {
  readonly id: number;
  readonly content: Buffer;
}

export function* elementsIn(content: Buffer): Generator<Element> {
  for (let offset = 0; offset < content.length; ) {
    const header = readElementHeader(content.subarray(offset, offset + MAX_ELEMENT_HEADER_BYTES));
    const end = offset + (header?.headerBytes ?? 0) + (header?.contentBytes ?? Number.POSITIVE_INFINITY);
    if (header === undefined || end > content.length) {
      throw new ContainerError('The Matroska output has a damaged element.');
    }
    yield { id: header.id, content: content.subarray(offset + header.headerBytes, end) };
    offset = end;
  }
}

export function readUnsigned(content: Buffer): number {
  return content.reduce((value, byte) => value * 256 + byte, 0);
}
