/** A viewer that keeps nothing but the times at which pictures came. */
import { type ClientRequest, get } from 'node:http';
import { payloadOffset, startsUnit } from '../../services/proxy/src/mpegts/syntax/packet.ts';
import { Packetizer } from '../../services/proxy/src/mpegts/syntax/packetizer.ts';

/** Pictures flow when this many follow one within this time, in ms. */
const FLOWING = 12;
const FLOWING_MS = 1_500;

export class PictureTimes {
  /** Milliseconds since the Unix epoch, one for each picture. */
  readonly times: number[] = [];
  /** When the response was over before `close`, and how. */
  ended: { atMs: number; why: string } | undefined;
  readonly #request: ClientRequest;
  #closed = false;

  constructor(url: string) {
    const packets = new Packetizer();
    this.#request = get(url, { agent: false }, (response) => {
      if (response.statusCode !== 200) this.#end(`status ${response.statusCode}`);
      response.on('data', (chunk: Buffer) => {
        packets.push(chunk, (bytes, offset) => {
          if (beginsPicture(bytes, offset)) this.times.push(Date.now());
        });
      });
      response.once('end', () => this.#end('the response was complete'));
      response.once('error', (error) => this.#end(error.message));
      response.once('close', () => this.#end('closed'));
    });
    this.#request.on('error', (error) => this.#end(error.message));
  }

  close(): void {
    this.#closed = true;
    this.#request.destroy();
  }

  /**
   * When the pictures were back after a gap that lay after `fromMs` or around it; undefined without such a gap. A few
   * pictures alone are the rest of what was there before: they do not count.
   * @param gapMs the shortest wait between two pictures that counts as a gap
   */
  backAt(fromMs: number, gapMs: number): number | undefined {
    return this.times.find((atMs, n) => {
      const isAfterGap = atMs >= fromMs && n > 0 && atMs - (this.times[n - 1] ?? atMs) >= gapMs;
      return isAfterGap && (this.times[n + FLOWING] ?? Number.POSITIVE_INFINITY) - atMs < FLOWING_MS;
    });
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.ended ??= { atMs: Date.now(), why };
  }
}

/** A PES of a video stream (ISO 13818-1, table 2-22). */
function beginsPicture(bytes: Buffer, offset: number): boolean {
  const at = payloadOffset(bytes, offset);
  if (!startsUnit(bytes, offset) || at + 4 > offset + 188 || bytes.readUIntBE(at, 3) !== 1) return false;
  return ((bytes[at + 3] ?? 0) & 0xf0) === 0xe0;
}
