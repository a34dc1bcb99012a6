/** How FFmpeg itself reads filter graphs: what it logs of the options it sets, for many graphs in one run. */
import { spawnSync } from 'node:child_process';

export interface GraphReading {
  /** Every option that FFmpeg set, in order; up to its fault where it refused the graph. */
  settings: (readonly [string, string])[];
  /** Types of the filters it made. */
  filters: Set<string>;
}

/** The size by which the log's reader knows a graph's own beginning. */
const MARK = '16x18';
const BATCH = 150;

/** Graphs whose first filter takes one picture; FFmpeg builds each of them and runs none. */
export function readByFfmpeg(ffmpeg: string, graphs: readonly string[]): GraphReading[] {
  const readings: GraphReading[] = [];
  while (readings.length < graphs.length) {
    const batch = graphs.slice(readings.length, readings.length + BATCH);
    const args = batch.flatMap((graph, index) => ['-filter_complex', `nullsrc=s=${MARK}:d=${index + 1},${graph}`]);
    const { stderr } = spawnSync(ffmpeg, ['-v', 'repeat+debug', '-nostdin', ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout: 60_000,
    });
    const found = readLog(stderr);
    if (found.length === 0) throw new Error(`FFmpeg built no graph:\n${stderr.slice(-2000)}`);
    // FFmpeg ends at the first graph that it refuses; the next run begins behind that.
    readings.push(...found);
  }
  return readings;
}

function readLog(log: string): GraphReading[] {
  const found: GraphReading[] = [];
  let atMark = false;
  for (const line of log.split('\n')) {
    const set = /^\[(?:Parsed_(\w+)_\d+|[^\]]*) @ [^\]]*\] Setting '([^']*)' to value '(.*)'$/.exec(line);
    const made = /^\[Parsed_(\w+)_\d+ @/.exec(line);
    if (set?.[2] === 's' && set[3] === MARK) {
      atMark = true;
    } else if (set !== null && atMark) {
      atMark = false;
      found.push({ settings: [], filters: new Set() });
    } else if (set !== null) {
      found.at(-1)?.settings.push([set[2] ?? '', set[3] ?? '']);
    }
    if (made?.[1] !== undefined) found.at(-1)?.filters.add(made[1]);
  }
  return found;
}
