/** Who starts a recording and downloads it, as m3u-editor does: it fetches each line of the playlist that has no `#`. */

import { createHash } from 'node:crypto';
import { parse, type types } from 'hls-parser';
import { expect } from 'vitest';
import { decodeErrors, expectClean, judgeTs } from './judge/index.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

export interface DownloadedSegment {
  readonly n: number;
  readonly bytes: Buffer;
  readonly seconds: number;
  /** ms since 1970 */
  readonly pdtMs: number;
  readonly discontinuity: boolean;
}

/** What the tests of recordings begin with: segments as long as the stream's own. */
export const RECORDING = {
  dvr_mode: true,
  hls_list_size: 0,
  segment_duration: 1,
  output_dir: '/recordings/of-the-editor',
};

/** The sources of these tests have 25 pictures a second. */
const FRAME_TICKS = 3_600;
/** Two segments that follow each other differ by no more than this from what the first one lasts. */
const SAME_MS = 100;

export class BroadcastClient {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  /** @throws unless it runs */
  async start(worker: Worker, body: object): Promise<void> {
    const answer = await worker.api.post<{ status: string }>(`/broadcast/${this.id}/start`, body);
    const { status } = answer.body;
    if (answer.status !== 200 || status !== 'running') {
      throw new Error(`start of ${this.id}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  /** @returns the number of the last segment */
  async stop(worker: Worker): Promise<number> {
    const answer = await worker.api.post<{ final_segment_number: number }>(`/broadcast/${this.id}/stop`, []);
    expect([answer.status, answer.body]).toMatchObject([200, { status: 'stopped' }]);
    return answer.body.final_segment_number;
  }

  /** The playlist as a text; undefined while the worker has none. */
  async text(worker: Worker): Promise<string | undefined> {
    const answer = await worker.api.get<string>(`/broadcast/${this.id}/live.m3u8`);
    return answer.status === 200 ? answer.body : undefined;
  }

  /** Waits until a worker lists so many segments. @returns how many it lists */
  async listed(worker: Worker, count: number, timeoutMs = 15_000): Promise<number> {
    let seen: string | undefined;
    return until(
      async () => {
        seen = await this.text(worker);
        const names = seen?.match(/^live\d{6}\.ts$/gm) ?? [];
        return names.length >= count ? names.length : 0;
      },
      { timeoutMs, everyMs: 100, what: () => `${count} segments of ${this.id}; there is ${seen}` },
    );
  }

  /** Everything that the playlist of a worker lists. */
  async download(worker: Worker): Promise<DownloadedSegment[]> {
    const text = (await this.text(worker)) ?? '';
    const { segments } = parse(text) as types.MediaPlaylist;
    const downloaded: DownloadedSegment[] = [];
    for (const { uri, duration, programDateTime, discontinuity } of segments) {
      const answer = await fetch(`${worker.url}/broadcast/${this.id}/segment/${uri}`);
      expect([uri, answer.status]).toEqual([expect.stringMatching(/^live\d{6}\.ts$/), 200]);
      downloaded.push({
        ...{ n: Number(/\d+/.exec(uri)?.[0]), bytes: Buffer.from(await answer.arrayBuffer()), seconds: duration },
        ...{ pdtMs: programDateTime?.getTime() ?? 0, discontinuity: discontinuity === true },
      });
    }
    return downloaded;
  }

  /** What the playlist of the subtitles lists, as it is. */
  async subtitles(worker: Worker): Promise<string[]> {
    const folder = `${worker.url}/broadcast/${this.id}/segment`;
    const names = (await (await fetch(`${folder}/live_vtt.m3u8`)).text()).match(/^[^#].*$/gm) ?? [];
    return Promise.all(
      names.map(async (name) => {
        const answer = await fetch(`${folder}/${name}`);
        expect([name, answer.status, answer.headers.get('content-type')]).toEqual([
          ...[expect.stringMatching(/^live\d{6}\.vtt$/), 200, 'text/vtt; charset=utf-8'],
        ]);
        return answer.text();
      }),
    );
  }
}

/** The same in a few words, to be compared: the difference of two segments as bytes would take minutes to print. */
export function shownSegments(segments: readonly DownloadedSegment[]): string[] {
  return segments.map(({ n, bytes, seconds, pdtMs, discontinuity }) => {
    const hash = createHash('sha1').update(bytes).digest('hex');
    return `${n} ${hash} ${seconds} ${pdtMs}${discontinuity ? ' discontinuity' : ''}`;
  });
}

/** The segments from each discontinuity to the next. */
export function stretchesOf(segments: readonly DownloadedSegment[]): DownloadedSegment[][] {
  const stretches: DownloadedSegment[][] = [];
  for (const segment of segments) {
    if (stretches.length === 0 || segment.discontinuity) stretches.push([]);
    stretches.at(-1)?.push(segment);
  }
  return stretches;
}

/**
 * Requires that the numbers run from 0 without a hole, that each segment begins with its tables and a keyframe, that everything decodes,
 * and that media is missing only where a discontinuity says so.
 */
export async function expectWhole(segments: readonly DownloadedSegment[]): Promise<void> {
  expect(segments.map(({ n }) => n)).toEqual(segments.map((_, at) => at));
  for (const { n, bytes } of segments) {
    const { startsWith } = judgeTs(bytes);
    expect([n, startsWith.packetsBeforePat, startsWith.firstVideoIsKeyframe]).toEqual([n, 0, true]);
  }
  for (const stretch of stretchesOf(segments)) {
    for (const [at, { n, pdtMs }] of stretch.entries()) {
      const before = stretch[at - 1];
      if (before === undefined) continue;
      expect([n, Math.abs(pdtMs - before.pdtMs - before.seconds * 1000) < SAME_MS]).toEqual([n, true]);
    }
    const joined = Buffer.concat(stretch.map(({ bytes }) => bytes));
    expectClean(judgeTs(joined), { video: true, audio: true, maxSignalled: 0, frameTicks: FRAME_TICKS });
    expect(await decodeErrors(joined)).toEqual([]);
  }
}
