/** Real MPEG-TS made by FFmpeg, and what ffprobe says about it. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const FFMPEG = process.env.FFMPEG_PATH || 'ffmpeg';
const FFPROBE = FFMPEG.replace(/ffmpeg$/, 'ffprobe');
const PACKET_BYTES = 188;

export interface PacketTime {
  /** 90 kHz ticks. */
  pts: number;
  dts: number;
  key: boolean;
  /** Byte position in the file. */
  position: number;
}

/** A folder that `dispose` removes. */
export class Workspace {
  readonly path = mkdtempSync(join(tmpdir(), 'streampool-ffmpeg-'));

  file(name: string): string {
    return join(this.path, name);
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Runs FFmpeg to write `name`; returns its path. */
  make(name: string, args: readonly string[]): string {
    const path = this.file(name);
    const made = spawnSync(FFMPEG, ['-v', 'error', '-nostdin', '-y', ...args, path], { timeout: 30_000 });
    if (made.status !== 0) throw new Error(`FFmpeg: ${made.stderr}`);
    return path;
  }

  write(name: string, bytes: Buffer): string {
    const path = this.file(name);
    writeFileSync(path, bytes);
    return path;
  }
}

/** Arguments for a moving picture with a tone. */
export function synthetic(options: { seconds: number; size?: string; rate?: string; sampleRate?: number }): string[] {
  const { seconds, size = '320x180', rate = '25', sampleRate = 48000 } = options;
  return [
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`],
    ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${sampleRate}`],
    ...['-t', String(seconds), '-pix_fmt', 'yuv420p', '-ac', '2'],
  ];
}

/** The packets of one kind of stream in a file, in decoding order. */
export function packetsOf(path: string, kind: 'v' | 'a'): PacketTime[] {
  const entries = 'packet=pts,dts,pos,flags';
  const probed = spawnSync(
    FFPROBE,
    ['-v', 'error', '-select_streams', `${kind}:0`, '-show_entries', entries, '-of', 'json', path],
    {
      maxBuffer: 1 << 28,
      timeout: 30_000,
    },
  );
  const { packets = [] } = JSON.parse(probed.stdout.toString() || '{}') as {
    packets?: { pts: number; dts: number; pos?: string; flags: string }[];
  };
  return packets.map(({ pts, dts, pos, flags }) => ({ pts, dts, key: flags.startsWith('K'), position: Number(pos) }));
}

/** The file from a packet on, behind its tables: what a restarted FFmpeg is fed. */
export function tailOf(path: string, from: PacketTime): Buffer {
  const bytes = readFileSync(path);
  return Buffer.concat([bytes.subarray(0, 3 * PACKET_BYTES), bytes.subarray(from.position)]);
}

/** Runs FFmpeg with `input` on stdin; its output and the end of its stderr. */
export async function transform(
  args: readonly string[],
  input: Buffer,
): Promise<{ output: Buffer; stderr: string; code: number | null }> {
  const child = spawn(FFMPEG, [...args], { stdio: 'pipe', timeout: 30_000 });
  const output: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(-20_000);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { output: Buffer.concat(output), stderr, code };
}
