// Live HLS that is made here, in the players that people have: each one begins warm, and plays on without a fault.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOnPath } from '../../services/proxy/src/ffmpeg/host/find-on-path.ts';
import { judgeTs } from '../support/judge/index.ts';
import { CHROMIUM, HlsPlayers, type OtherPlayer } from '../support/players/hls-players.ts';
import { allPlaying, LIGHT, Stage } from '../support/stage.ts';

const SECONDS = 8;
/** They refuse to run as root. */
const NOBODY = 65_534;

const stage = new Stage();
/** Of a stream that is encoded, and of one whose source is copied. */
const entries = { encoded: '', copied: '' };

beforeAll(async () => {
  // FFmpeg's own muxer puts up to 0.37 s of sound into one PES packet: the fixture is such a source.
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const worker = await stage.worker({ CLIENT_TIMEOUT: '1' });
  const [{ stream_id: encoded }, { stream_id: copied }] = await Promise.all([
    worker.api.createTranscode({ url: source.url, profile: LIGHT }),
    worker.api.createStream({ url: source.url, share: true }),
  ]);
  const viewers = [encoded, copied].map((id) => stage.viewer(`${worker.url}/stream/${id}`));
  await allPlaying(viewers);
  entries.encoded = `${worker.url}/hls/${encoded}/playlist.m3u8`;
  entries.copied = `${worker.url}/hls/${copied}/playlist.m3u8`;
  const sounds = judgeTs(Buffer.from(viewers[1]?.snapshot().bytes ?? [])).audio?.dtsSteps.keys() ?? [];
  expect(Math.max(...sounds)).toBeGreaterThan(0.2 * 90_000);
  await sleep(15_000);
});
afterAll(async () => {
  // Sessions last three target durations.
  await sleep(13_000);
  await stage.clear();
});

const both = ['encoded', 'copied'] as const;

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  const others: OtherPlayer[] = ['native', 'shaka', 'videojs'];
  it.each(others.flatMap((player) => both.map((kind) => [player, kind] as const)))(
    '%s plays a stream that is %s',
    async (player, kind) => {
      const seen = await players.other(player, { url: entries[kind], seconds: SECONDS });
      expect(seen.fatal).toEqual([]);
      expect(seen.advanced).toBeGreaterThan(0.95 * seen.wall);
      expect(seen.frames).toBeGreaterThan(20 * seen.wall);
      expect(seen.audioBytes).toBeGreaterThan(10_000);
    },
  );

  it.each(both)('hls.js begins twenty times within 2 s with a stream that is %s', async (kind) => {
    const starts: number[] = [];
    for (let n = 0; n < 20; n++) {
      const { startMs, fatal } = await players.hlsjs({ url: entries[kind], seconds: 0.2 });
      expect(fatal).toEqual([]);
      starts.push(Math.round(startMs));
    }
    console.log(`ms to the first picture, ${kind}: ${starts.sort((a, b) => a - b).join(' ')}`);
    expect(starts.at(-1)).toBeLessThan(2_000);
  });
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a player; `ms`: how long it may run before it is told to end. */
async function run(program: string, args: readonly string[], ms: number, asNobody = false): Promise<Ended> {
  const user = asNobody && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const env = { ...process.env, HOME: tmpdir(), LC_ALL: 'C.UTF-8' };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, ...user });
  const timer = setTimeout(() => child.kill('SIGINT'), ms);
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  clearTimeout(timer);
  return { code: child.exitCode, output: out + errors };
}

/** How many seconds of pictures and of sound a file has. */
function heldSeconds(path: string): number[] {
  return ['v:0', 'a:0'].map((track) => {
    const args = ['-v', 'error', '-select_streams', track, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', path];
    const times = spawnSync('ffprobe', args, { maxBuffer: 2 ** 26 })
      .stdout.toString()
      .split('\n')
      .map(Number.parseFloat);
    const known = times.filter((time) => Number.isFinite(time));
    return known.length === 0 ? 0 : Math.max(...known) - Math.min(...known);
  });
}

describe.each(both)('alone, a stream that is %s', (kind) => {
  it('in FFmpeg, which warns of nothing', async () => {
    const { code, output } = await run(
      process.env.FFMPEG_PATH ?? 'ffmpeg',
      ['-nostdin', '-v', 'warning', '-re', '-i', entries[kind], '-t', '30', '-f', 'null', '-'],
      60_000,
    );
    expect({ code, output }).toEqual({ code: 0, output: '' });
  });

  it.skipIf(findOnPath('gst-launch-1.0') === undefined)('in GStreamer', async () => {
    const chain = ['uridecodebin3', `uri=${entries[kind]}`, '!', 'progressreport', 'update-freq=1', '!'];
    const { output } = await run('gst-launch-1.0', [...chain, 'fakesink', 'sync=true'], 12_000);
    expect(output).not.toMatch(/ERROR/);
    const seconds = [...output.matchAll(/progressreport0 \((\d\d):(\d\d):(\d\d)\)/g)];
    expect(seconds.length, output).toBeGreaterThan(7);
  });

  it.skipIf(findOnPath('cvlc') === undefined)('in VLC, which sees no discontinuity', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streampool-vlc-'));
    try {
      spawnSync('chmod', ['777', folder]);
      const file = join(folder, 'out.ts');
      const args = [
        '-vv',
        entries[kind],
        '--sout',
        `#std{access=file,mux=ts,dst=${file}}`,
        '--run-time=10',
        'vlc://quit',
      ];
      const { output } = await run('cvlc', args, 20_000, true);
      expect(output.split('\n').filter((line) => /discontinuity/i.test(line))).toEqual([]);
      for (const seconds of heldSeconds(file)) expect(seconds).toBeGreaterThan(7);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.skipIf(findOnPath('mpv') === undefined)('in mpv, which warns of nothing', async () => {
    const args = [
      '--no-config',
      '--vo=null',
      '--ao=null',
      '--msg-level=all=warn',
      `--length=${SECONDS}`,
      entries[kind],
    ];
    expect(await run('mpv', args, 30_000)).toEqual({ code: 0, output: '' });
  });

  it.skipIf(findOnPath('streamlink') === undefined)('in streamlink', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streampool-streamlink-'));
    try {
      const file = join(folder, 'out.ts');
      const { output } = await run('streamlink', ['--output', file, entries[kind], 'best'], 12_000);
      expect(output).not.toMatch(/error|fail/i);
      for (const seconds of heldSeconds(file)) expect(seconds).toBeGreaterThan(7);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
