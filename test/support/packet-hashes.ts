/** What FFmpeg reads of an address, packet by packet, and what it complains about. */
import { spawn } from 'node:child_process';

export interface PacketHashes {
  /** A line a packet: track, times, size and hash. */
  readonly packets: readonly string[];
  /** Warnings and errors. */
  readonly said: string;
}

/** Reads an input to its end, or for `seconds` of media. */
export async function packetHashes(url: string, seconds?: number): Promise<PacketHashes> {
  const limit = seconds === undefined ? [] : ['-t', String(seconds)];
  const args = [
    '-nostdin',
    '-v',
    'warning',
    '-i',
    url,
    ...limit,
    '-map',
    '0',
    '-c',
    'copy',
    '-f',
    'framehash',
    '-hash',
    'md5',
    '-',
  ];
  const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let out = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { packets: out.split('\n').filter((line) => line !== '' && !line.startsWith('#')), said };
}
