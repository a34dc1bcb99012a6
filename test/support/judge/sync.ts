/** Measures sound against pictures in a recording of the `sync` loop: its flashes and beeps belong together. */
import { spawn } from 'node:child_process';
import { withoutLastPes } from './decode.ts';

export interface SyncMark {
  /** Media time of the flash in the client's timeline, in seconds. */
  atSeconds: number;
  /** How much later the nearest beep begins than the flash; the loop itself has 0.02 to 0.05 s. */
  beepLagSeconds: number;
}

/** Every flash with its nearest beep. A flash cut by a repaired jump or a loss counts only after a long enough dark stretch. */
export async function syncMarks(bytes: Buffer): Promise<SyncMark[]> {
  const said = await detect(withoutLastPes(bytes));
  const times = (pattern: RegExp) => [...said.matchAll(pattern)].map((match) => Number(match[1]));
  const flashes = times(/black_end:(-?[\d.]+)/g);
  const beeps = times(/silence_end: (-?[\d.]+)/g);
  return flashes.map((atSeconds) => ({
    atSeconds,
    beepLagSeconds: beeps
      .map((beep) => beep - atSeconds)
      .reduce((nearest, lag) => (Math.abs(lag) < Math.abs(nearest) ? lag : nearest), Number.POSITIVE_INFINITY),
  }));
}

async function detect(bytes: Buffer): Promise<string> {
  const picture = ['-map', '0:v', '-vf', 'blackdetect=d=0.5:pix_th=0.3'];
  const sound = ['-map', '0:a', '-af', 'silencedetect=n=-30dB:d=0.5'];
  const args = ['-nostdin', '-nostats', '-threads', '1', '-copyts', '-f', 'mpegts', '-i', 'pipe:0'];
  const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', [...args, ...picture, ...sound, '-f', 'null', '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const words: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(bytes);
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return Buffer.concat(words).toString('utf8');
}
