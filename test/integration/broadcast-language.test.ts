/** The sound of a recording has the language that is asked for, if the source has it: copied, and encoded. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { FeedProgram } from '../../services/proxy/src/feed/hls/feed-program.ts';
import { UnitScanner } from '../../services/proxy/src/mpegts/segmenting/unit-scanner.ts';
import { BroadcastClient, RECORDING } from '../support/broadcast-client.ts';
import { type Stage, staged } from '../support/stage.ts';

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
const LANGUAGES = ['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=ger'];
const MAPS = ['-map', '0:v', '-map', '1:a', '-map', '2:a'];

/** A live channel with English sound, then German. */
async function bilingual(stage: Stage): Promise<string> {
  const server = createServer((_, response) => {
    const args = ['-v', 'error', '-nostdin', '-re', ...PICTURE, '-re', ...TONE, '-re', ...TONE];
    const output = [...MAPS, ...ENCODED, ...LANGUAGES, '-f', 'mpegts', 'pipe:1'];
    const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', [...args, ...output], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    child.stdout.pipe(response);
    response.once('close', () => child.kill('SIGKILL'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.closeAfter(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/live.ts`;
}

/** The languages of the sound in MPEG-TS that a worker has made, in the order of its tables. */
function languagesIn(media: Buffer): (string | undefined)[] {
  const program = new FeedProgram();
  const scanner = new UnitScanner((unit) => void program.isTable(unit));
  scanner.push(media);
  scanner.flush();
  return [...program.tracks.values()].filter(({ kind }) => kind === 'audio').map(({ language }) => language);
}

staged('records the language that is asked for, and the first one where there is no such', async ({ stage }) => {
  const url = await bilingual(stage);
  const worker = await stage.worker({ HLS_SEGMENT_TIME: '1' });
  const cases = [
    [{ preferred_audio_language: 'de' }, ['ger']],
    [{ preferred_audio_language: 'deu', transcode: true, video_bitrate: '200', preset: 'ultrafast' }, ['ger']],
    [{ preferred_audio_language: 'fra' }, ['eng']],
  ] as const;
  // One after the other: each has an FFmpeg, and a start waits for 8 s.
  for (const [at, [more, languages]] of cases.entries()) {
    const recording = new BroadcastClient(`language-${at}`);
    await recording.start(worker, { ...RECORDING, stream_url: url, ...more });
    await recording.listed(worker, 1);
    await recording.stop(worker);
    const [first] = await recording.download(worker);
    expect([more, languagesIn(first?.bytes ?? Buffer.alloc(0))]).toEqual([more, languages]);
  }
});
