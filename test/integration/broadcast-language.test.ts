/** The sound of a recording has the language that is asked for, if the source has it: copied, and encoded. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { FeedProgram } from '../../services/proxy/src/feed/hls/feed-program.ts';
import { UnitScanner } from '../../services/proxy/src/mpegts/segmenting/unit-scanner.ts';
import { BroadcastClient, RECORDING } from '../support/broadcast-client.ts';
import { type Stage, staged } from '../support/stage.ts';

const run = promisify(execFile);
const FFMPEG = process.env.FFMPEG_PATH ?? 'ffmpeg';

const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc=size=160x96:rate=25'];
const ENCODED = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  '-g',
  '25',
  '-c:a',
  'aac',
  '-b:a',
  '64k',
];
const languages = (german: string) => ['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', `language=${german}`];
const MAPS = ['-map', '0:v', '-map', '1:a', '-map', '2:a'];

/** A live channel with English sound, then German. */
async function bilingual(stage: Stage): Promise<string> {
  const server = createServer((_, response) => {
    const args = ['-v', 'error', '-nostdin', '-re', ...PICTURE, '-re', ...TONE, '-re', ...TONE];
    const output = [...MAPS, ...ENCODED, ...languages('ger'), '-f', 'mpegts', 'pipe:1'];
    const child = spawn(FFMPEG, [...args, ...output], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    child.stdout.pipe(response);
    response.once('close', () => child.kill('SIGKILL'));
  });
  return `${await listen(stage, server)}/live.ts`;
}

/** Its origin. It ends with the test. */
async function listen(stage: Stage, server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stage.closeAfter(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Films with English sound, then German, as their containers write it: `ger` in Matroska, `deu` in MP4. */
async function bilingualFilms(stage: Stage): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'films-'));
  stage.closeAfter(() => rm(folder, { recursive: true, force: true }));
  const ten = ['-t', '10'];
  const inputs = [...ten, ...PICTURE, ...ten, ...TONE, ...ten, ...TONE];
  const films = [
    ['film.mkv', ...languages('ger')],
    ['film.mp4', ...languages('deu'), '-movflags', '+faststart'],
  ] as const;
  const outputs = films.flatMap(([name, ...options]) => [...MAPS, ...ENCODED, ...options, join(folder, name)]);
  await run(FFMPEG, ['-v', 'error', '-nostdin', ...inputs, ...outputs]);
  const media = new Map<string | undefined, Buffer>(
    await Promise.all(films.map(async ([name]) => [`/${name}`, await readFile(join(folder, name))] as const)),
  );
  return listen(
    stage,
    createServer((request, response) => response.end(media.get(request.url))),
  );
}

/** The languages of the sound in MPEG-TS that a worker has made, in the order of its tables. */
function languagesIn(media: Buffer): (string | undefined)[] {
  const program = new FeedProgram();
  const scanner = new UnitScanner((unit) => void program.isTable(unit));
  scanner.push(media);
  scanner.flush();
  return [...program.tracks.values()].filter(({ kind }) => kind === 'audio').map(({ language }) => language);
}

/** Records one after the other, since a start waits for 8 s, and shows the languages of each recording. */
async function recorded(stage: Stage, orders: readonly object[]): Promise<(string | undefined)[][]> {
  const worker = await stage.worker({ HLS_SEGMENT_TIME: '1' });
  const found: (string | undefined)[][] = [];
  for (const [at, order] of orders.entries()) {
    const recording = new BroadcastClient(`language-${at}`);
    await recording.start(worker, { ...RECORDING, ...order });
    await recording.listed(worker, 1);
    await recording.stop(worker);
    const [first] = await recording.download(worker);
    found.push(languagesIn(first?.bytes ?? Buffer.alloc(0)));
  }
  return found;
}

const TRANSCODE = { transcode: true, video_bitrate: '200', preset: 'ultrafast' };

staged('records the language that is asked for, and the first one where there is no such', async ({ stage }) => {
  const stream_url = await bilingual(stage);
  const found = await recorded(stage, [
    { stream_url, preferred_audio_language: 'de' },
    { stream_url, preferred_audio_language: 'deu', ...TRANSCODE },
    { stream_url, preferred_audio_language: 'fra' },
  ]);
  expect(found).toEqual([['ger'], ['ger'], ['eng']]);
});

staged(
  'records the language that is asked for of films, and one of FFmpeg’s choice where there is no such',
  async ({ stage }) => {
    const origin = await bilingualFilms(stage);
    const found = await recorded(stage, [
      { stream_url: `${origin}/film.mkv`, preferred_audio_language: 'de' },
      { stream_url: `${origin}/film.mp4`, preferred_audio_language: 'de', ...TRANSCODE },
      { stream_url: `${origin}/film.mkv`, preferred_audio_language: 'fra' },
    ]);
    expect(found).toEqual([['ger'], ['deu'], ['eng']]);
  },
);
