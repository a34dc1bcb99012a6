// The provider of files and HLS: ranges, breaks, and a live playlist that FFmpeg plays.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FileSource, finiteBytes, startFileSource } from '../../support/file-source.ts';
import { FINITE_SECONDS } from '../../support/fixtures.ts';
import { containerOf, decodeErrors, judgeTs, matroskaStructure, mp4Structure } from '../../support/judge/index.ts';
import { record } from '../../support/recorder.ts';

let source: FileSource;
beforeAll(async () => {
  source = await startFileSource();
});
afterAll(() => source.close());

it.each(['movie.mp4', 'movie.mkv', 'movie.ts'] as const)('serves %s whole and in ranges', async (name) => {
  const bytes = await finiteBytes(name);
  const whole = await record(source.url(name));
  expect(whole).toMatchObject({ status: 200, endedBy: 'end' });
  expect(whole.bytes.equals(bytes)).toBe(true);
  expect(await decodeErrors(bytes, { trim: false })).toEqual([]);
  const part = await record(source.url(name), { headers: { range: 'bytes=1000-1999' } });
  expect(part).toMatchObject({ status: 206, byteCount: 1000 });
  expect(part.headers['content-range']).toBe(`bytes 1000-1999/${bytes.length}`);
  expect(part.bytes.equals(bytes.subarray(1000, 2000))).toBe(true);
  const tail = await record(source.url(name), { headers: { range: 'bytes=-10' } });
  expect(tail.bytes.equals(bytes.subarray(-10))).toBe(true);
  expect((await record(source.url(name), { headers: { range: `bytes=${bytes.length}-` } })).status).toBe(416);
});

it('makes files of the kind and length they claim', async () => {
  const mp4 = await finiteBytes('movie.mp4');
  expect(containerOf(mp4)).toBe('fmp4');
  expect(mp4Structure(mp4).boxes.slice(0, 2)).toEqual(['ftyp', 'moov']);
  const mkv = await finiteBytes('movie.mkv');
  expect(containerOf(mkv)).toBe('matroska');
  expect(matroskaStructure(mkv)).toMatchObject({ docType: 'matroska', startsWithInit: true });
  expect(judgeTs(await finiteBytes('movie.ts')).durationSeconds).toBeCloseTo(FINITE_SECONDS, 0);
});

it('breaks off and fails where told, and notes requests', async () => {
  source.breakNextAfter(5000);
  expect(await record(source.url('movie.mp4'))).toMatchObject({ status: 200, byteCount: 5000, endedBy: 'error' });
  source.failNext(503);
  expect((await record(source.url('movie.mp4'))).status).toBe(503);
  expect(source.requests.at(-1)).toMatchObject({ path: '/movie.mp4', status: 503 });
  expect((await record(`${source.origin}/etc/passwd`)).status).toBe(404);
});

it('plays as live HLS', async () => {
  const args = ['-v', 'error', '-t', '4', '-i', source.url('hls/live.m3u8'), '-c', 'copy', '-f', 'mpegts', '-'];
  const { stdout } = await promisify(execFile)('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 24 });
  expect(judgeTs(stdout).durationSeconds).toBeGreaterThan(3);
  expect((await record(source.url('hls/vod.m3u8'))).bytes.toString()).toContain('#EXT-X-ENDLIST');
});
