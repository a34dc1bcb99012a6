/** Measures when the first byte and the first whole keyframe of an MPEG-TS arrive. */

import { get } from 'node:http';
import type { Readable } from 'node:stream';

export interface Arrived {
  firstByteMs: number;
  /** The start of the next picture, which tells a demuxer that this one is whole. */
  keyframeMs: number;
}

const PACKET = 188;

class PictureProbe {
  #rest = Buffer.alloc(0);
  #keyframePid: number | undefined;

  /** True once the first keyframe is whole. */
  push(chunk: Buffer): boolean {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; at + PACKET <= data.length; at += PACKET) if (this.#packet(data, at)) return true;
    this.#rest = Buffer.from(data.subarray(at));
    return false;
  }

  #packet(data: Buffer, at: number): boolean {
    const head = data.readUInt32BE(at);
    const isStart = (head & 0x400000) !== 0;
    if (!isStart) return false;
    const pid = (head >>> 8) & 0x1fff;
    if (pid === this.#keyframePid) return true;
    const adaptation = head & 0x20 ? (data[at + 4] ?? 0) : -1;
    const isRandomAccess = adaptation > 0 && ((data[at + 5] ?? 0) & 0x40) !== 0;
    const streamId = data[at + 4 + adaptation + 1 + 3] ?? 0;
    if (isRandomAccess && (streamId & 0xf0) === 0xe0) this.#keyframePid ??= pid;
    return false;
  }
}

const TIMEOUT_MS = 15_000;

/**
 * Requests `url` and closes when its first keyframe is whole. Times in ms from before the connection is opened.
 * @param beforeLeaving runs while the response is still open
 */
export function timeToPicture(url: string, beforeLeaving: () => void = () => undefined): Promise<Arrived> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`));
      watch(response, startMs)
        .then((arrived) => {
          beforeLeaving();
          resolve(arrived);
        }, reject)
        .finally(() => request.destroy());
    });
    request.once('error', reject);
    request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`${url} sent nothing for ${TIMEOUT_MS} ms`)));
  });
}

/** The same for any stream of bytes, from `startMs` on. */
export function watch(media: Readable, startMs: number): Promise<Arrived> {
  const probe = new PictureProbe();
  let firstByteMs: number | undefined;
  return new Promise((resolve, reject) => {
    media.on('data', (chunk: Buffer) => {
      const nowMs = performance.now() - startMs;
      firstByteMs ??= nowMs;
      if (probe.push(chunk)) resolve({ firstByteMs, keyframeMs: nowMs });
    });
    media.once('error', reject);
    media.once('close', () => reject(new Error('the stream ended before its first picture')));
  });
}
