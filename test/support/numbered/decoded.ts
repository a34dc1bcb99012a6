/** What a viewer of a numbered source sees and hears: FFmpeg decodes a recording, and the numbers and tones are read from it. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { judgeTs, jumpsOf, withoutLastPes } from '../judge/index.ts';
import { PICTURE_MS } from './loop-map.ts';
import { CODE_HEIGHT, CODE_WIDTH, readNumber } from './picture-code.ts';
import { SAMPLE_RATE } from './tone-code.ts';

/** A decoded picture. */
export interface ShownPicture {
  /** Undefined when the picture is broken. */
  number: number | undefined;
  /** As the recording has it, in 90 kHz. */
  pts: number;
}

const PACKET = 188;
const PICTURE_BYTES = CODE_WIDTH * CODE_HEIGHT;
const INPUT = ['-nostdin', '-v', 'info', '-nostats', '-threads', '1', '-copyts', '-f', 'mpegts', '-i', 'pipe:0'];

/**
 * Every picture of a recording, in the order shown. Where the stream signals that pictures are missing and goes on with a keyframe,
 * the decoder begins anew, as players do: it would mix an open GOP with pictures that are long past.
 */
export async function picturesIn(recording: Buffer): Promise<ShownPicture[]> {
  const { video, startsWith } = judgeTs(recording, { gapMs: 1.5 * PICTURE_MS });
  const entries = (video === undefined ? [] : jumpsOf(video))
    .filter((jump) => jump.signalled && video?.pes.some((pes) => pes.packetIndex === jump.packetIndex && pes.keyframe))
    .map((jump) => jump.packetIndex * PACKET);
  const tables = recording.subarray(0, (startsWith.firstMedia ?? 0) * PACKET);
  const shown: ShownPicture[] = [];
  for (const [at, from] of [0, ...entries].entries()) {
    const stretch = recording.subarray(from, entries[at]);
    const bytes = at === entries.length ? withoutLastPes(stretch) : stretch;
    shown.push(...(await decodedPictures(from === 0 ? bytes : Buffer.concat([tables, bytes]))));
  }
  return shown;
}

async function decodedPictures(bytes: Buffer): Promise<ShownPicture[]> {
  const filter = `scale=${CODE_WIDTH}:${CODE_HEIGHT}:flags=area,format=gray,showinfo`;
  const args = ['-map', '0:v:0', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1'];
  const { output, words } = await decode(bytes, args);
  const times = [...words.matchAll(/ n: *\d+ pts: *(-?\d+) /g)].map(([, pts]) => Number(pts));
  const count = Math.floor(output.length / PICTURE_BYTES);
  if (times.length !== count) throw new Error(`FFmpeg told the times of ${times.length} pictures and made ${count}`);
  return times.map((pts, at) => ({
    number: readNumber(output.subarray(at * PICTURE_BYTES, (at + 1) * PICTURE_BYTES)),
    pts,
  }));
}

/** All sound of a recording, one frame after the other whatever their times say: 16-bit mono. */
export async function soundIn(recording: Buffer): Promise<Int16Array> {
  const args = ['-map', '0:a:0', '-ac', '1', '-ar', String(SAMPLE_RATE), '-c:a', 'pcm_s16le', '-f', 's16le', 'pipe:1'];
  const { output } = await decode(withoutLastPes(recording), args);
  // A copy, because samples of two bytes must begin at an even address.
  const bytes = Uint8Array.from(output.subarray(0, output.length & ~1));
  return new Int16Array(bytes.buffer);
}

async function decode(bytes: Buffer, args: readonly string[]): Promise<{ output: Buffer; words: string }> {
  const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', [...INPUT, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  // FFmpeg may stop reading early; what it made is judged.
  child.stdin.on('error', () => undefined);
  child.stdin.end(bytes);
  const [output, words] = await Promise.all([allOf(child.stdout), allOf(child.stderr)]);
  return { output, words: words.toString('utf8') };
}

async function allOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
