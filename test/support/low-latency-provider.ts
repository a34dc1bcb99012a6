/** A provider of HLS with low latency, for tests: real media in parts that appear as time passes, and requests that wait for them. */

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { boxesIn } from '../../services/proxy/src/feed/containers/mp4-boxes.ts';
import { cached } from './fixtures.ts';
import type { HlsAnswer } from './hls-provider.ts';

export const PART_SECONDS = 0.4;
const PARTS = 5;
export const SEGMENT_SECONDS = PART_SECONDS * PARTS;
const SECONDS = 60;
const WINDOW = 6;
/** What is there when it begins: a window. */
const AHEAD_PARTS = WINDOW * PARTS;

interface Media {
  readonly init: Buffer;
  readonly parts: readonly Buffer[];
}

/** Each part begins with a keyframe. */
async function media(): Promise<Media> {
  const keyframes = String(25 * PART_SECONDS);
  const file = await cached('low-latency.mp4', (to) => [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'],
    ...['-t', String(SECONDS), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0'],
    ...['-g', keyframes, '-keyint_min', keyframes, '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '64k'],
    ...['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-f', 'mp4', to],
  ]);
  const bytes = await readFile(file);
  const init: Buffer[] = [];
  const parts: Buffer[] = [];
  let at = 0;
  let fragment: Buffer | undefined;
  for (const { type, content } of boxesIn(bytes)) {
    const box = bytes.subarray(at, content.byteOffset - bytes.byteOffset + content.length);
    at += box.length;
    if (type === 'ftyp' || type === 'moov') init.push(box);
    if (type === 'moof') fragment = box;
    if (type === 'mdat' && fragment !== undefined) parts.push(Buffer.concat([fragment, box]));
  }
  return { init: Buffer.concat(init), parts };
}

/**
 * Answers below /low/: `index.m3u8`, and what that names. It begins when it is first asked, and lasts for 48 s.
 *
 * @param onHeld called for each request that has to wait
 */
export async function lowLatency(onHeld: (path: string) => void = () => undefined): Promise<HlsAnswer> {
  const { init, parts } = await media();
  let sinceMs: number | undefined;
  /** How many parts there are now. */
  const there = (): number => {
    sinceMs ??= performance.now();
    return Math.min(AHEAD_PARTS + Math.floor((performance.now() - sinceMs) / (PART_SECONDS * 1000)), parts.length);
  };
  const wait = async (part: number, path: string): Promise<void> => {
    if (part >= there()) onHeld(path);
    while (part >= there() && part < parts.length) await sleep(5);
  };
  return async ({ path, query }, response) => {
    const send = (bytes: Buffer | string | undefined, type: string): true => {
      if (bytes === undefined || bytes.length === 0) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': type }).end(bytes);
      return true;
    };
    if (path === '/low/init.mp4') return send(init, 'video/mp4');
    const [, segment = '', part] = /^\/low\/(\d+)(?:-(\d))?\.m4s$/.exec(path) ?? [];
    if (segment !== '') {
      const first = Number(segment) * PARTS + Number(part ?? 0);
      const count = part === undefined ? PARTS : 1;
      await wait(first + count - 1, path);
      return send(Buffer.concat(parts.slice(first, first + count)), 'video/mp4');
    }
    if (path !== '/low/index.m3u8') return false;
    const { _HLS_msn: msn, _HLS_part: wanted } = Object.fromEntries(new URLSearchParams(query));
    // Without a part, the whole segment is wanted.
    if (msn !== undefined) await wait(Number(msn) * PARTS + Number(wanted ?? PARTS - 1), path);
    return send(playlist(there()), 'application/vnd.apple.mpegurl');
  };
}

/** @param there how many parts there are */
function playlist(there: number): string {
  const last = Math.floor(there / PARTS);
  const first = Math.max(0, last - WINDOW);
  const part = (segment: number, n: number) =>
    `#EXT-X-PART:DURATION=${PART_SECONDS},URI="${segment}-${n}.m4s",INDEPENDENT=YES`;
  const lines = [
    ...['#EXTM3U', '#EXT-X-VERSION:9', `#EXT-X-TARGETDURATION:${SEGMENT_SECONDS}`],
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${3 * PART_SECONDS}`,
    `#EXT-X-PART-INF:PART-TARGET=${PART_SECONDS}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ];
  for (let segment = first; segment < last; segment += 1) {
    if (segment >= last - 3) for (let n = 0; n < PARTS; n += 1) lines.push(part(segment, n));
    lines.push(`#EXTINF:${SEGMENT_SECONDS},`, `${segment}.m4s`);
  }
  for (let n = 0; n < there % PARTS; n += 1) lines.push(part(last, n));
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${last}-${there % PARTS}.m4s"`, '');
  return lines.join('\n');
}
