// Segments of a pooled stream are the same bytes on every worker, under the same numbers, whatever happens to the workers.
import { expect } from 'vitest';
import { HlsViewer } from '../support/hls-viewer.ts';
import { decodeErrors, judgeTs } from '../support/judge/index.ts';
import { LIGHT, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const ENV = {
  ...{ HLS_SEGMENT_TIME: '1', CLIENT_TIMEOUT: '4', DRAIN_TIMEOUT: '4', STREAM_RETRY_DELAY: '0.2' },
};

/** How many segments a worker has fetched from others. */
async function fetchedBy(worker: Worker): Promise<number> {
  const metrics = await (await fetch(`${worker.url}/metrics`)).text();
  return Number(/^streampool_hls_segments_fetched_total (\d+)$/m.exec(metrics)?.[1]);
}

/** mfhd.sequence_number of each chunk. */
function chunkNumbers(media: Buffer): number[] {
  const numbers: number[] = [];
  for (let at = 0; at + 8 <= media.length; at += media.readUInt32BE(at)) {
    // After the head of `moof`: the head of `mfhd`, and its version and flags.
    if (media.toString('latin1', at + 4, at + 8) === 'moof') numbers.push(media.readUInt32BE(at + 20));
  }
  return numbers;
}

/** Reads each number from each worker, and keeps what they agree on. */
class Audience {
  readonly #viewer: HlsViewer;
  readonly bytes: Buffer[] = [];
  readonly differences: string[] = [];
  next: number;

  constructor(viewer: HlsViewer, next: number) {
    this.#viewer = viewer;
    this.next = next;
  }

  async read(count: number, workers: readonly Worker[], what: string): Promise<void> {
    for (let left = count; left > 0; left--, this.next++) {
      const n = this.next;
      const playlists = await Promise.all(workers.map(({ url }) => this.#viewer.playlistWith(n, url)));
      for (const { numbers } of playlists) {
        const [first = 0] = numbers;
        expect(numbers, what).toEqual(numbers.map((_, at) => first + at));
      }
      const copies = await Promise.all(workers.map(({ url }) => this.#viewer.segment(n, url)));
      const [first] = copies as [Buffer];
      if (!copies.every((copy) => copy.equals(first))) this.differences.push(`${n} ${what}`);
      // What all of them list of it is the same, too.
      const lines = playlists.map(({ text }) => text.split('\n').find((_, at, all) => all[at + 1]?.endsWith(`n=${n}`)));
      if (new Set(lines).size > 1) this.differences.push(`the playlists about ${n} ${what}: ${lines.join(' | ')}`);
      this.bytes.push(first);
    }
  }
}

staged.for(['ts', 'fmp4'] as const)(
  'three workers give the same bytes of %s for every number, over the deaths of FFmpeg and of the owner, a failover and a drain',
  { timeout: 120_000 },
  async (container, { stage }) => {
    const cluster = await stage.cluster(3, ENV);
    const first = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
    const second = await stage.source({ fixture: 'bframes', startPts: 5_000_000, join: 'keyframe', burstSeconds: 3 });
    const alive = [...cluster.workers];
    const [owner] = alive as [Worker];
    const { stream_id } = await owner.api.createTranscode({
      url: first.url,
      failover_urls: [second.url],
      profile: LIGHT,
    });
    const viewer = await HlsViewer.open(`${owner.url}/hls/${stream_id}/playlist.m3u8?container=${container}`);
    const { numbers } = await viewer.playlist();
    for (const { url } of alive) await viewer.playlist(url);
    const audience = new Audience(viewer, numbers.at(-1) as number);
    await audience.read(4, alive, 'at the beginning');
    const before = await Promise.all(alive.map(fetchedBy));
    await audience.read(4, alive, 'a little later');
    // They cut their own copies. Only what they joined too late for is fetched, or what a busy machine cuts late.
    const after = await Promise.all(alive.map(fetchedBy));
    expect(Math.max(...after.map((count, at) => count - (before[at] as number)))).toBeLessThan(3);

    const [ffmpeg = 0] = owner.ffmpegPids();
    process.kill(ffmpeg, 'SIGKILL');
    await audience.read(3, alive, 'after the death of FFmpeg');
    expect(owner.ffmpegPids()).not.toContain(ffmpeg);

    alive.shift();
    await owner.kill();
    await audience.read(5, alive, 'after the death of the owner');

    const [one] = alive as [Worker];
    expect((await one.api.post(`/streams/${stream_id}/failover`)).status).toBe(200);
    await audience.read(5, alive, 'after the failover');

    alive.shift();
    one.signal('SIGTERM');
    await audience.read(5, alive, 'in the drain');
    await one.exited;
    await audience.read(2, alive, 'after the drain');
    expect(audience.differences).toEqual([]);
    const { text, parsed } = await viewer.playlist(alive[0]?.url);
    expect(text).not.toContain('#EXT-X-GAP');
    const media = Buffer.concat(audience.bytes);
    if (container === 'ts') {
      for (const pid of judgeTs(media).pids) expect(pid.continuityErrors).toEqual([]);
      return;
    }
    // The encoder is the same before and after, so what it says of its pictures is.
    expect(new Set(parsed.segments.map(({ map }) => map?.uri)).size).toBe(1);
    expect(
      await decodeErrors(Buffer.concat([await viewer.init(parsed.segments[0]?.map?.uri ?? '', alive[0]?.url), media])),
    ).toEqual([]);
    expect(chunkNumbers(media)).toEqual(audience.bytes.map((_, at) => (chunkNumbers(media)[0] ?? 0) + at));
  },
);
