/** What a worker has of a stream, as files that go on as a live stream does: playlists name the same media again and again. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HlsViewer } from '../../support/hls-viewer.ts';

const NUMBER = /(?<=MEDIA-SEQUENCE:|[?&]n=)\d+/g;
const DATE = /(?<=PROGRAM-DATE-TIME:)\S+/g;

export interface CopiedStream {
  /** Path of its entry. */
  readonly entry: string;
  stop(): void;
}

/** @param folder of the files; links in it name the segments by number */
export async function copyStream(entryUrl: string, folder: string): Promise<CopiedStream> {
  mkdirSync(folder, { recursive: true });
  const entry = await (await fetch(entryUrl)).text();
  writeFileSync(join(folder, 'entry.m3u8'), entry.replace(/^[^#\n].*$/m, 'playlist.m3u8'));
  const viewer = await HlsViewer.open(entryUrl);
  const { text, numbers, parsed } = await viewer.playlist();
  const [first = 0] = numbers;
  for (const n of numbers) writeFileSync(join(folder, `media-${n - first}`), await viewer.segment(n));
  const seconds = parsed.segments.map(({ duration }) => duration);
  const [stepSeconds = 2] = seconds;
  let steps = 0;
  const link = (n: number) => {
    const path = join(folder, `${n}.ts`);
    rmSync(path, { force: true });
    symlinkSync(`media-${(n - first) % numbers.length}`, path);
  };
  const write = () => {
    const moved = text
      .replace(NUMBER, (n) => String(Number(n) + steps))
      .replace(DATE, (date) => new Date(Date.parse(date) + steps * stepSeconds * 1000).toISOString());
    writeFileSync(join(folder, 'new'), moved);
    renameSync(join(folder, 'new'), join(folder, 'playlist.m3u8'));
  };
  for (const n of numbers) link(n);
  write();
  const timer = setInterval(() => {
    steps++;
    link(first + numbers.length - 1 + steps);
    write();
  }, stepSeconds * 1000);
  return { entry: '/entry.m3u8', stop: () => clearInterval(timer) };
}
