/** Lets FFmpeg decode what a client got, and returns its complaints. */
import { spawn } from 'node:child_process';
import { containerOf } from './containers.ts';

const PACKET = 188;

export interface DecodeOptions {
  /** Leave out the last PES of every PID, because a recording usually cuts it; default true for MPEG-TS. */
  trim?: boolean;
  /** Input arguments before `-i`, such as `['-f', 'mpegts']`. */
  inputArgs?: string[];
}

/** stderr lines of `ffmpeg -v repeat+error -i - -f null -`: empty when everything decodes. */
export async function decodeErrors(bytes: Buffer, options: DecodeOptions = {}): Promise<string[]> {
  const trim = options.trim ?? containerOf(bytes) === 'mpegts';
  const input = trim ? withoutLastPes(bytes) : bytes;
  const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg';
  const args = [
    '-nostdin',
    '-v',
    // A line that says how often the one before came would be about one that counts as none.
    'repeat+error',
    '-threads',
    '1',
    ...(options.inputArgs ?? []),
    '-i',
    'pipe:0',
    '-f',
    'null',
    '-',
  ];
  const child = spawn(ffmpeg, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  const output: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  // FFmpeg may stop reading early; its exit code and its stderr say why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const lines = Buffer.concat(output)
    .toString('utf8')
    .split('\n')
    // The null muxer counts in frames of the nominal rate, and the judge checks the times itself.
    .filter((line) => line.trim() !== '' && !line.includes('non monotonically increasing dts to muxer'));
  if (code !== 0) lines.push(`ffmpeg exited with ${code}`);
  return lines;
}

/** The same MPEG-TS without each PID's packets from its last unit start on, and without an incomplete last packet. */
export function withoutLastPes(bytes: Buffer): Buffer {
  const whole = bytes.length - (bytes.length % PACKET);
  const settled = new Set<number>();
  const kept: Buffer[] = [];
  for (let at = whole - PACKET; at >= 0; at -= PACKET) {
    const pid = bytes.readUInt16BE(at + 1) & 0x1fff;
    if (settled.has(pid)) kept.push(bytes.subarray(at, at + PACKET));
    else if ((bytes[at + 1] ?? 0) & 0x40) settled.add(pid);
  }
  return Buffer.concat(kept.reverse());
}
