/** Why an FFmpeg ended: from what real ones wrote, and from real ones. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import {
  classifyExit,
  type FfmpegEnd,
  type FfmpegExitReason,
  lacksTrack,
} from '../../../../services/proxy/src/ffmpeg/process/exit.ts';
import { StderrReader } from '../../../../services/proxy/src/ffmpeg/process/stderr.ts';
import { failureOf } from '../../../../services/proxy/src/processes/recovery.ts';
import { FFMPEGS } from '../../../support/newer-ffmpeg.ts';
import { seeded } from '../../../support/seed.ts';
import { FFMPEG, synthetic, transform, Workspace } from '../fixture.ts';

const workspace = new Workspace();
afterAll(() => workspace.dispose());

const end = (given: Partial<FfmpegEnd>): FfmpegEnd => ({
  code: 1,
  signal: null,
  progress: 'input_open',
  lines: [],
  killed: false,
  ...given,
});

describe('classifyExit', () => {
  test.each<[FfmpegExitReason, Partial<FfmpegEnd>]>([
    ['source_ended', { code: 0, progress: 'output_open' }],
    ['killed', { code: null, signal: 'SIGKILL', killed: true }],
    ['killed', { code: null, signal: 'SIGKILL' }],
    ['killed', { code: null, signal: 'SIGSEGV' }],
    ['killed', { code: 255, progress: 'output_open', lines: ['[info] Exiting normally, received signal 15.'] }],
    ['source_refused', { progress: 'starting', lines: ['[error] http://h/x: Connection refused'] }],
    ['source_refused', { progress: 'starting', lines: ['[error] http://h/x: Server returned 404 Not Found'] }],
    ['source_refused', { progress: 'starting', lines: ['[fatal] pipe:0: could not find codec parameters'] }],
    ['source_refused', { progress: 'starting', lines: [] }],
    ['source_refused', { lines: [`[abuffer @ 0x1] [error] Error setting option time_base to value 1/0.`] }],
    // What nobody foresaw.
    ['source_refused', { lines: ['[h264 @ 0x1] [error] a kind of damage that nobody has met'] }],
    ['source_refused', { lines: [] }],
    // The source's fault comes first, whatever FFmpeg says of the output afterwards.
    [
      'source_refused',
      {
        lines: [
          '[mpegts @ 0x1] [warning] Could not find codec parameters for stream 0 (Video: h264, none): unspecified size',
          '[mp4 @ 0x1] [error] dimensions not set',
          '[error] Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument',
        ],
      },
    ],
    // A well source may carry data that FFmpeg does not know.
    [
      'bad_arguments',
      {
        lines: [
          '[mpegts @ 0x1] [warning] Could not find codec parameters for stream 2 (Unknown: none ([6][0][0][0] / 0x0006)): unknown codec',
          '[error] Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0',
        ],
      },
    ],
    ['source_refused', { lines: [`[fatal] Stream map '0:v:0' matches no streams.`] }],
    [
      'source_refused',
      { lines: [`[fatal] Stream specifier ':v' in filtergraph description [0:v]scale=9:-9[v] matches no streams.`] },
    ],
    [
      'failed',
      { code: 127, progress: 'starting', lines: ['setpriv: failed to execute ffmpeg: No such file or directory'] },
    ],
    ['bad_arguments', { progress: 'starting', lines: [`[error] Unrecognized option 'x'.`] }],
    ['bad_arguments', { lines: [`[fatal] Unknown encoder 'x'`] }],
    ['bad_arguments', { lines: [`[AVFilterGraph @ 0x1] [error] No such filter: 'x'`] }],
    ['bad_arguments', { lines: [`[fatal] Stream map '0:a:5' matches no streams.`] }],
    ['failed', { lines: ['[h264_nvenc @ 0x1] [error] Cannot load libcuda.so.1'] }],
    ['failed', { lines: ['[error] Device creation failed: -542398533.'] }],
    ['failed', { progress: 'output_open', lines: ['[error] av_interleaved_write_frame(): Broken pipe'] }],
    // A filter that no longer fits when the picture changes is not the same as one that never did.
    ['failed', { progress: 'output_open', lines: ['[error] Error reinitializing filters!'] }],
  ])('%s: %j', (reason, given) => {
    expect(classifyExit(end(given)).reason).toBe(reason);
  });

  test('tells the first error and what came of it, without addresses', () => {
    const lines = [
      '[libx264 @ 0x55ab] [error] Error setting preset x.',
      '[info] something',
      '[error] Conversion failed',
    ];
    expect(classifyExit(end({ lines })).detail).toBe(
      'FFmpeg ended with code 1: Error setting preset x. (Conversion failed)',
    );
  });
});

function exitOf(text: string, code: number | null) {
  const stderr = new StderrReader(() => undefined);
  stderr.write(text);
  stderr.end();
  return classifyExit({ code, signal: null, progress: stderr.progress, lines: stderr.lines, killed: false });
}

describe('real failures', () => {
  const video = (): string =>
    workspace.make('short.ts', [
      ...synthetic({ seconds: 1, size: '160x90' }),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-c:a',
      'aac',
    ]);
  const head = ['-hide_banner', '-nostdin', '-loglevel', 'level+info'];

  test.each<[FfmpegExitReason, () => string[], string]>([
    ['source_refused', () => ['-i', 'http://127.0.0.1:9/x', '-f', 'mpegts', 'pipe:1'], 'Connection refused'],
    [
      'source_refused',
      () => ['-f', 'mpegts', '-i', 'pipe:0', '-f', 'mpegts', 'pipe:1'],
      'could not find codec parameters',
    ],
    [
      'source_refused',
      () => ['-protocol_whitelist', 'http', '-i', video(), '-f', 'mpegts', 'pipe:1'],
      'not on whitelist',
    ],
    ['bad_arguments', () => ['-i', video(), '-nosuch', '1', '-f', 'mpegts', 'pipe:1'], 'nosuch'],
    ['bad_arguments', () => ['-i', video(), '-c:v', 'nosuch', '-f', 'mpegts', 'pipe:1'], 'Unknown encoder'],
    [
      'bad_arguments',
      () => ['-i', video(), '-c:v', 'libx264', '-preset', 'nosuch', '-f', 'mpegts', 'pipe:1'],
      'nosuch',
    ],
    ['bad_arguments', () => ['-i', video(), '-b:v', 'many', '-f', 'mpegts', 'pipe:1'], 'many'],
    ['bad_arguments', () => ['-i', video(), '-vf', 'scale=a:b', '-f', 'mpegts', 'pipe:1'], 'Undefined constant'],
    ['bad_arguments', () => ['-i', video(), '-c:v', 'libx264', '-f', 'webm', 'pipe:1'], 'are supported for WebM'],
    ['source_ended', () => ['-i', video(), '-c', 'copy', '-f', 'mpegts', 'pipe:1'], 'ended'],
  ])('%s: %#', async (reason, args, detail) => {
    const { stderr: text, code } = await transform([...head, ...args()], Buffer.alloc(0));
    const exit = exitOf(text, code);
    expect(exit).toMatchObject({ reason });
    expect(exit.detail).toContain(detail);
  });
});

describe('damaged sources', () => {
  const PACKET = 188;
  const PMT = 0x1000;
  const VIDEO = 0x100;
  const AUDIO = 0x101;
  const base = (name: string, more: readonly string[] = []): Buffer => {
    const args = [
      ...synthetic({ seconds: 2, size: '160x90' }),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-c:a',
      'aac',
    ];
    return readFileSync(workspace.make(name, [...args, ...more]));
  };
  const pidOf = (packet: Buffer) => packet.readUInt16BE(1) & 0x1fff;

  /** The packets of a transport stream, those of `pids` with other bytes where their payload is. */
  const noisy = (bytes: Buffer, pids: readonly number[], scrambled = false): Buffer => {
    const random = seeded(7);
    const copy = Buffer.from(bytes);
    for (let at = 0; at < copy.length; at += PACKET) {
      const packet = copy.subarray(at, at + PACKET);
      if (!pids.includes(pidOf(packet))) continue;
      const hasField = ((packet[3] ?? 0) & 0x20) !== 0;
      const from = (hasField ? 5 + (packet[4] ?? 0) : 4) + (((packet[1] ?? 0) & 0x40) === 0 ? 0 : 19);
      for (let byte = from; byte < PACKET; byte++) packet[byte] = Math.floor(random() * 256);
      if (scrambled) packet[3] = (packet[3] ?? 0) | 0xc0;
    }
    return copy;
  };
  const without = (bytes: Buffer, pids: readonly number[]): Buffer =>
    Buffer.concat(
      Array.from({ length: bytes.length / PACKET }, (_, n) => bytes.subarray(n * PACKET, (n + 1) * PACKET)).filter(
        (packet) => !pids.includes(pidOf(packet)),
      ),
    );

  const inputs: Readonly<Record<string, () => Buffer>> = {
    garbage: () => {
      const random = seeded(3);
      return Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(random() * 256)));
    },
    'a web page': () => Buffer.from('<!doctype html><html><body>Your account has expired.</body></html>'),
    'the text of a 404': () => Buffer.from('404 not found'),
    nothing: () => Buffer.alloc(0),
    'a scrambled channel': () => noisy(base('s.ts'), [VIDEO, AUDIO], true),
    'a picture that is noise': () => noisy(base('s.ts'), [VIDEO]),
    'sound that is noise': () => noisy(base('s.ts'), [AUDIO]),
    'tables alone': () => without(base('s.ts'), [VIDEO, AUDIO]),
    'a stream without tables': () => without(base('s.ts'), [0, PMT]),
    'a piece from the middle': () => base('s.ts').subarray(PACKET * 20, PACKET * 60),
    'half a file with its index at the end': () => base('s.mp4').subarray(0, 20_000),
    'the beginning of a Matroska file': () => base('s.mkv').subarray(0, 700),
  };
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'];
  const profiles: readonly (readonly string[])[] = [
    [...encode, '-f', 'mpegts'],
    ['-map', '0:v:0', '-map', '0:a:0', '-vf', 'scale=320:-2', ...encode, '-f', 'mpegts'],
    ['-c', 'copy', '-f', 'mpegts'],
    ['-c', 'copy', '-f', 'matroska'],
    ['-c', 'copy', '-f', 'mp4', '-movflags', 'frag_keyframe+empty_moov'],
    ['-vn', '-c:a', 'aac', '-f', 'adts'],
  ];

  test.each(Object.keys(inputs))('%s is never the fault of the profile', async (name) => {
    const bytes = inputs[name]?.() ?? Buffer.alloc(0);
    const path = workspace.write('damaged', bytes);
    const refused: string[] = [];
    for (const [, program] of FFMPEGS) {
      for (const profile of profiles) {
        const { status, stderr } = spawnSync(
          program,
          ['-hide_banner', '-nostdin', '-loglevel', 'level+info', '-i', path, ...profile, 'pipe:1'],
          { maxBuffer: 1 << 28, timeout: 20_000 },
        );
        const exit = exitOf(stderr.toString('latin1'), status);
        expect(exit, `${program} ${profile.join(' ')}`).not.toMatchObject({ reason: 'bad_arguments' });
        if (exit.reason !== 'source_refused') continue;
        refused.push(exit.detail);
        expect(failureOf({ exit }, 'http://u:p@tv.test/1.ts')).toMatchObject({
          status: 502,
          message: expect.stringMatching(
            /^The source http:\/\/\*\*\*@tv\.test\S* could not be played: FFmpeg .*\. Check that a player can play it/,
          ),
        });
      }
    }
    expect(refused).not.toEqual([]);
  });

  test.each([
    [['-c:v', 'nosuch']],
    [['-c:v', 'libx264', '-preset', 'nosuch']],
    [['-vf', 'nosuch=1', '-c:v', 'libx264']],
    [['-map', '0:a:5']],
    [['-map', '0:a:m:language:deu']],
  ])('a profile that is wrong is at fault on a source that is well: %j', (profile) => {
    const { status, stderr } = spawnSync(
      FFMPEG,
      ['-hide_banner', '-nostdin', '-loglevel', 'level+info', '-i', workspace.write('well.ts', base('s.ts'))].concat(
        profile,
        ['-f', 'mpegts', 'pipe:1'],
      ),
      { maxBuffer: 1 << 28, timeout: 20_000 },
    );
    const exit = exitOf(stderr.toString('latin1'), status);
    expect(exit).toMatchObject({ reason: 'bad_arguments' });
    expect(lacksTrack(exit)).toBe(profile[0] === '-map');
    expect(failureOf({ exit }, 'http://tv.test/1.ts')).toMatchObject({ status: 500 });
  });
});
