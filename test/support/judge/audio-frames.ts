/** Counts the audio frames that start in each PES, so that the judge sees a missing or doubled frame inside a PES step. */

interface FrameHeader {
  bytes: number;
  /** Length in 90 kHz ticks, not rounded. */
  ticks: number;
}

const ADTS_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const AC3_RATES = [48000, 44100, 32000];
const AC3_KBITS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
const MPA_RATES = [44100, 48000, 32000];
const MPA_KBITS: Record<number, number[]> = {
  1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
};

/** Longest frame header that is examined. */
const HEADER_BYTES = 7;

/** Follows one audio elementary stream; frames may lie across PES borders. */
export class AudioFrameCounter {
  readonly #codec: string;
  #rest: Buffer = Buffer.alloc(0);
  #skip = 0;
  #framesInPes = 0;
  frames = 0;
  /** Ticks of the last frame. */
  frameTicks = 0;

  constructor(codec: string) {
    this.#codec = codec;
  }

  /** Whether frames of this codec can be counted. */
  get understands(): boolean {
    return this.#codec === 'adts' || this.#codec === 'mpa' || this.#codec === 'ac3';
  }

  push(es: Buffer): void {
    if (!this.understands) return;
    let bytes = this.#rest.length === 0 ? es : Buffer.concat([this.#rest, es]);
    while (true) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length);
        this.#skip -= step;
        bytes = bytes.subarray(step);
      }
      if (bytes.length < HEADER_BYTES) break;
      const header = this.#header(bytes);
      if (header === undefined) {
        bytes = bytes.subarray(1);
        continue;
      }
      this.#skip = header.bytes;
      this.frameTicks = header.ticks;
      this.#framesInPes++;
      this.frames++;
    }
    this.#rest = bytes;
  }

  /** Ticks of the frames that started since the last call. */
  takePesTicks(): number {
    const ticks = this.#framesInPes * this.frameTicks;
    this.#framesInPes = 0;
    return ticks;
  }

  /** After lost bytes: search for the next header. */
  resync(): void {
    this.#rest = Buffer.alloc(0);
    this.#skip = 0;
  }

  #header(b: Buffer): FrameHeader | undefined {
    if (this.#codec === 'adts') return adtsHeader(b);
    return this.#codec === 'ac3' ? ac3Header(b) : mpaHeader(b);
  }
}

function adtsHeader(b: Buffer): FrameHeader | undefined {
  if (b[0] !== 0xff || ((b[1] ?? 0) & 0xf6) !== 0xf0) return undefined;
  const rate = ADTS_RATES[((b[2] ?? 0) >> 2) & 15];
  const bytes = (((b[3] ?? 0) & 3) << 11) | ((b[4] ?? 0) << 3) | ((b[5] ?? 0) >> 5);
  if (rate === undefined || bytes < HEADER_BYTES) return undefined;
  const blocks = 1 + ((b[6] ?? 0) & 3);
  return { bytes, ticks: (blocks * 1024 * 90_000) / rate };
}

function ac3Header(b: Buffer): FrameHeader | undefined {
  if (b[0] !== 0x0b || b[1] !== 0x77) return undefined;
  const code = b[4] ?? 0;
  const rate = AC3_RATES[code >> 6];
  const kbits = AC3_KBITS[(code & 0x3f) >> 1];
  if (rate === undefined || kbits === undefined) return undefined;
  const words = Math.floor((kbits * 1000 * 96) / rate) + (rate === 44100 ? code & 1 : 0);
  return { bytes: words * 2, ticks: (1536 * 90_000) / rate };
}

function mpaHeader(b: Buffer): FrameHeader | undefined {
  const second = b[1] ?? 0;
  // MPEG-1 audio only; layer code 3, 2, 1 means layer I, II, III.
  if (b[0] !== 0xff || (second & 0xf8) !== 0xf8 || (second & 6) === 0) return undefined;
  const layer = 4 - ((second >> 1) & 3);
  const third = b[2] ?? 0;
  const rate = MPA_RATES[(third >> 2) & 3];
  const kbits = MPA_KBITS[layer]?.[third >> 4];
  if (rate === undefined || !kbits) return undefined;
  const padding = (third >> 1) & 1;
  const samples = layer === 1 ? 384 : 1152;
  const slot = layer === 1 ? 4 : 1;
  const bytes = (Math.floor((samples / 8 / slot) * ((kbits * 1000) / rate)) + padding) * slot;
  return { bytes, ticks: (samples * 90_000) / rate };
}
