/**
 * Finds which picture of its loop each decoded frame shows. So it finds a picture that is lost, doubled or out of place, even if
 * the timestamps look right.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type Fixture, fixture, type LoopName } from './fixtures.ts';
import { withoutLastPes } from './judge/index.ts';

const WIDTH = 64;
const HEIGHT = 36;
const PICTURE_BYTES = WIDTH * HEIGHT;
/** Neighbours that a frame is compared with; farther ones differ more. */
const NEIGHBOURS = [0, -1, 1, -2, 2, -3, 3];
/** The end of a recording may lack pictures that follow later in decoding order; at most this many. */
const REORDERED = 8;

export interface PictureFault {
  /** Which frame of the recording. */
  frame: number;
  /** Pictures of the loop, counted from 0. */
  expected: number;
  shown: number;
}

export interface PictureReport {
  frames: number;
  faults: PictureFault[];
}

/**
 * Compares the pictures of a recording of `name` with those of the loop, starting with the picture in its first frame.
 *
 * @example
 * expect(await comparePictures(recording.bytes, 'bframes')).toMatchObject({ faults: [] });
 */
export async function comparePictures(bytes: Buffer, name: LoopName): Promise<PictureReport> {
  const [shown, loop] = await Promise.all([thumbnails(withoutLastPes(bytes)), loopPictures(await fixture(name))]);
  const faults: PictureFault[] = [];
  shown.splice(-REORDERED);
  const [first] = shown;
  if (first === undefined) return { frames: 0, faults };
  let expected = nearest(first, loop, [...loop.keys()]);
  for (const [frame, picture] of shown.entries()) {
    const number = nearest(
      picture,
      loop,
      NEIGHBOURS.map((step) => (expected + step + loop.length) % loop.length),
    );
    if (number !== expected) faults.push({ frame, expected, shown: number });
    expected = (number + 1) % loop.length;
  }
  return { frames: shown.length, faults };
}

async function loopPictures({ path }: Fixture): Promise<Buffer[]> {
  return thumbnails(await readFile(path));
}

function nearest(picture: Buffer, among: readonly Buffer[], candidates: readonly number[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = among[candidate];
    if (other === undefined) continue;
    let difference = 0;
    for (let at = 0; at < PICTURE_BYTES; at++) difference += Math.abs((picture[at] ?? 0) - (other[at] ?? 0));
    if (difference < least) {
      best = candidate;
      least = difference;
    }
  }
  return best;
}

/** Every picture in order of display, small and grey. */
async function thumbnails(bytes: Buffer): Promise<Buffer[]> {
  const filter = `scale=${WIDTH}:${HEIGHT}:flags=area,format=gray`;
  const output = ['-map', '0:v:0', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1'];
  const child = spawn(
    process.env.FFMPEG_PATH ?? 'ffmpeg',
    ['-nostdin', '-v', 'error', '-threads', '1', '-i', 'pipe:0', ...output],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.on('error', () => undefined);
  child.stdin.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  return Array.from({ length: Math.floor(all.length / PICTURE_BYTES) }, (_, index) =>
    all.subarray(index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES),
  );
}
