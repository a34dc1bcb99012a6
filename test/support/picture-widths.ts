/** Widths of the pictures in a recording, as FFmpeg decodes them. */
import { spawn } from 'node:child_process';

/** Width in pixels of each decoded picture, in the order shown. */
export async function pictureWidths(bytes: Buffer): Promise<number[]> {
  const args = [
    '-v',
    'quiet',
    '-select_streams',
    'v:0',
    '-show_entries',
    'frame=width',
    '-of',
    'csv=p=0',
    '-i',
    'pipe:0',
  ];
  const child = spawn('ffprobe', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  // It may stop reading early; the lines that it printed count.
  child.stdin.on('error', () => undefined);
  child.stdin.end(bytes);
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const lines = Buffer.concat(output).toString('utf8').split('\n');
  return lines.map((line) => Number.parseInt(line, 10)).filter((width) => width > 0);
}
