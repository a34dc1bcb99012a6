/** What it costs to cut a feed into segments, beside FFmpeg that only copies the same media into the same container. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Containers } from '../../../services/proxy/src/feed/hls/open-segment.ts';
import { type MarkedFeed, markedLoop, readSegments } from '../../support/segmented.ts';
import type { Bench } from '../main.ts';
import type { Row } from '../table.ts';

/** A wake of readers every 10 ms reads about this much of 4 Mbit/s. */
const PIECE_BYTES = 27 * 188;
/** Both sides are measured this often in turn, since a shared machine is never the same for long. */
const ROUNDS = 15;
const MS_PER_S = 1_000;
const US_PER_MS = 1_000;

const CONTAINERS: readonly { name: string; containers: Containers; muxer: string[]; goalMs: number }[] = [
  { name: 'MPEG-TS', containers: { ts: true, fmp4: false }, muxer: ['-f', 'mpegts'], goalMs: 0.15 },
  {
    name: 'fMP4',
    containers: { ts: false, fmp4: true },
    muxer: ['-bsf:a', 'aac_adtstoasc', '-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-f', 'mp4'],
    goalMs: 1.2,
  },
];

export async function segmenter({ quick, say }: Bench): Promise<Row[]> {
  const feed = await markedLoop('heavy', { seconds: quick ? 20 : 60 });
  const folder = mkdtempSync(join(tmpdir(), 'streampool-bench-'));
  const file = join(folder, 'feed.ts');
  writeFileSync(file, feed.bytes);
  const megabits = (feed.bytes.length * 8) / 1e6;
  try {
    return CONTAINERS.map(({ name, containers, muxer, goalMs }) => {
      const [ours, floor]: [number[], number[]] = [[], []];
      for (let round = 0; round <= (quick ? 5 : ROUNDS); round++) {
        say(`segments of ${name}: ${round === 0 ? 'warming up' : `round ${round}`}`);
        const mine = segmenterMs(feed, containers);
        const theirs = copyMs(file, muxer);
        if (round === 0) continue;
        ours.push(mine / megabits);
        floor.push(theirs / megabits);
      }
      return {
        part: 'hls',
        what: `segments of ${name} at 4 Mbit/s: CPU per Mbit`,
        unit: 'ms',
        ours: Math.min(...ours),
        floor: Math.min(...floor),
        floorIs: `ffmpeg -c copy of ${megabits.toFixed(0)} Mbit`,
        goal: { of: 'ours' as const, max: goalMs },
        note: 'the least of all rounds on both sides',
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** CPU of this process, ms. */
function segmenterMs(feed: MarkedFeed, containers: Containers): number {
  const before = process.cpuUsage();
  let made = 0;
  readSegments(feed, { cut: () => undefined, done: () => made++ }, { containers, pieceBytes: PIECE_BYTES });
  if (made < 5) throw new Error(`${made} segments were made`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / US_PER_MS;
}

/** CPU of an FFmpeg from its start to its end, ms. */
function copyMs(file: string, muxer: readonly string[]): number {
  const args = ['-benchmark', '-nostdin', '-i', file, '-map', '0', '-c', 'copy', ...muxer, '-y', '/dev/null'];
  const { stderr } = spawnSync(process.env.FFMPEG_PATH ?? 'ffmpeg', args, { maxBuffer: 2 ** 26 });
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(stderr.toString()) ?? [];
  if (user === undefined || system === undefined) throw new Error(`FFmpeg says no times: ${stderr}`);
  return (Number(user) + Number(system)) * MS_PER_S;
}
