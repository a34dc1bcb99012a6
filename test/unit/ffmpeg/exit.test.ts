/** Why an FFmpeg ended: from what real ones wrote, and from real ones. */
import { afterAll, describe, expect, test } from 'vitest';
import { classifyExit, type FfmpegEnd, type FfmpegExitReason } from '../../../services/proxy/src/ffmpeg/exit.ts';
import { StderrReader } from '../../../services/proxy/src/ffmpeg/stderr.ts';
import { synthetic, transform, Workspace } from './fixture.ts';

const workspace = new Workspace();
afterAll(() => workspace.dispose());

const end = (given: Partial<FfmpegEnd>): FfmpegEnd => ({
  code: 1,
  signal: null,
  progress: 'input_open',
  lines: [],
  asked: undefined,
  ...given,
});

describe('classifyExit', () => {
  test.each<[FfmpegExitReason, Partial<FfmpegEnd>]>([
    ['source_ended', { code: 0, progress: 'output_open' }],
    ['stopped', { code: 255, asked: 'stop', lines: ['[info] Exiting normally, received signal 15.'] }],
    ['stopped', { code: null, signal: 'SIGKILL', asked: 'stop' }],
    ['killed', { code: null, signal: 'SIGKILL', asked: 'kill' }],
    ['killed', { code: null, signal: 'SIGKILL' }],
    ['killed', { code: null, signal: 'SIGSEGV' }],
    ['killed', { code: 255, progress: 'output_open', lines: ['[info] Exiting normally, received signal 15.'] }],
    ['source_refused', { progress: 'starting', lines: ['[error] http://h/x: Connection refused'] }],
    ['source_refused', { progress: 'starting', lines: ['[error] http://h/x: Server returned 404 Not Found'] }],
    ['source_refused', { progress: 'starting', lines: ['[fatal] pipe:0: could not find codec parameters'] }],
    ['source_refused', { progress: 'starting', lines: [] }],
    ['source_refused', { lines: [`[abuffer @ 0x1] [error] Error setting option time_base to value 1/0.`] }],
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
    const stderr = new StderrReader(() => undefined);
    stderr.write(text);
    stderr.end();
    const exit = classifyExit({ code, signal: null, progress: stderr.progress, lines: stderr.lines, asked: undefined });
    expect(exit).toMatchObject({ reason });
    expect(exit.detail).toContain(detail);
  });
});
