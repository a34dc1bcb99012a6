/**
 * Reads the bits of a parameter set (ITU-T H.264, 7.2 and 9.1). Past the end all bits are ones, which ends any Exp-
 * Golomb code.
 */

/** @returns the bytes without emulation prevention (7.4.1) */
export function withoutEmulation(bytes: Buffer): Buffer {
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** @param bits as text, `0` and `1`; the last byte is filled up with zeros */
export function bytesOfBits(bits: string): Buffer {
  return Buffer.from((bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)));
}

/** As text, `0` and `1`. */
export function bitsOfBytes(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

export class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How many bits were read. */
  get at(): number {
    return this.#at;
  }

  /** More bits were read than there are, so the values are not valid. */
  get isPastEnd(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  /** u(n) */
  bits(count: number): number {
    let value = 0;
    for (let n = 0; n < count; n++) value = value * 2 + this.bit();
    return value;
  }

  bit(): number {
    const byte = this.#bytes[this.#at >> 3] ?? 0xff;
    const value = (byte >> (7 - (this.#at & 7))) & 1;
    this.#at++;
    return value;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** ue(v) */
  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && this.bit() === 0) zeros++;
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v) */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }
}
