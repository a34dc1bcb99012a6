/** The demo source: every connection starts at a keyframe, and its FFmpeg never outlives it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';

const ENTRY = fileURLToPath(new URL('../../../tools/demo-source.ts', import.meta.url));
const FFMPEG = process.env.FFMPEG_PATH ?? 'ffmpeg';
/** Over a second of the channel. */
const SAMPLE_BYTES = 188 * 1000;

let source: ChildProcess | undefined;
afterEach(() => source?.kill('SIGKILL'));

async function start(): Promise<{ url: string; pid: number }> {
  const child = spawn(process.execPath, ['--import', 'tsx', ENTRY], { stdio: ['ignore', 'pipe', 'inherit'] });
  source = child;
  const line = await new Promise<string>((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`The demo source ended with exit code ${code}.`)));
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  const { url }: { url: string } = JSON.parse(line);
  return { url, pid: child.pid ?? 0 };
}

async function sample(url: string): Promise<Buffer> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('video/mp2t');
  const chunks: Uint8Array[] = [];
  let received = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    received += chunk.length;
    if (received >= SAMPLE_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, SAMPLE_BYTES);
}

it('starts every connection with tables and a keyframe, and ends with its FFmpeg, even when killed', async () => {
  const { url, pid } = await start();
  const early = await sample(url);
  // A later one starts in the middle of what the first one got.
  const samples = [early, ...(await Promise.all([sample(url), sample(url)]))];
  for (const bytes of samples) {
    expect(bytes.readUInt16BE(1) & 0x1fff).toBe(0);
    const args = ['-v', 'error', '-f', 'mpegts', '-i', 'pipe:0', '-map', '0:v', '-frames:v', '10', '-f', 'null', '-'];
    expect(spawnSync(FFMPEG, args, { input: bytes }).stderr.toString()).toBe('');
  }
  const ffmpeg = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').at(-1));
  expect(isAlive(ffmpeg)).toBe(true);
  source?.kill('SIGKILL');
  await vi.waitUntil(() => !isAlive(ffmpeg), { timeout: 3000 });
});

/** A zombie is dead, too: its parent, which may be anybody, has not asked yet. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
