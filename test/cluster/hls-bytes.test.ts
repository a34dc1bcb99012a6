// Segments of a pooled stream are the same bytes on every worker, under the same numbers, whatever happens to the workers.
import { expect } from 'vitest';
import type { HlsViewer, MediaPlaylist } from '../support/hls-viewer.ts';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
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

/** HAProxy tells who has answered: `w1`, `w2`, … */
const SERVED_BY = 'x-served-by';
const RULES = [`http-response set-header ${SERVED_BY} %s`];
/** More requests than it takes to reach each of three workers in turn while one of them goes. */
const MOST_TURNS = 20;

/** What a playlist says of each of its segments, without the parts: only the newest segments have some. */
function entriesOf({ text, numbers }: MediaPlaylist): Map<number, string> {
  const [, ...entries] = text.replace(/^#EXT-X-PART:.*\n/gm, '').split(/^(?=#EXT-X-PROGRAM-DATE-TIME)/m);
  // A discontinuity stands before the date of its segment. What follows the newest segment is no entry.
  return new Map(numbers.slice(0, -1).map((n, at) => [n, entries[at] ?? '']));
}

/** Reads each number from each worker, through the load balancer, and keeps what they agree on. */
class Audience {
  readonly #viewer: HlsViewer;
  readonly bytes: Buffer[] = [];
  readonly differences: string[] = [];
  /** How many parts each segment has whose parts were read. */
  readonly partCounts = new Map<number, number>();
  next: number;

  constructor(viewer: HlsViewer, next: number) {
    this.#viewer = viewer;
    this.next = next;
  }

  /** @param names of the workers that have to answer */
  async read(count: number, names: readonly string[], what: string): Promise<void> {
    for (let left = count; left > 0; left--, this.next++) {
      const n = this.next;
      const playlists = await this.#playlistsWith(n, names);
      for (const { numbers } of playlists) {
        const [first = 0] = numbers;
        expect(numbers, what).toEqual(numbers.map((_, at) => first + at));
      }
      const entries = playlists.map(entriesOf);
      for (const [known, entry] of entries[0] ?? []) {
        const others = entries.flatMap((each) => each.get(known) ?? []);
        if (new Set(others).size > 1) this.differences.push(`the playlists about ${known} ${what}: ${entry} ${others}`);
      }
      const [first, ...copies] = await this.#copiesOf(n, names);
      for (const copy of copies) if (!copy.equals(first as Buffer)) this.differences.push(`${n} ${what}`);
      this.bytes.push(first as Buffer);
      await this.#readParts(playlists, what);
    }
  }

  /** The parts of a segment are the same everywhere, and they are the segment. On a busy machine only those of the newest are listed. */
  async #readParts(playlists: readonly MediaPlaylist[], what: string): Promise<void> {
    const n = Math.min(...playlists.map(({ numbers }) => numbers.at(-1) ?? 0));
    if (this.partCounts.has(n)) return;
    const listed = playlists.map(({ text }) => text.split('\n').filter((line) => line.includes(`n=${n}&p=`)));
    // A playlist that is further ahead does not name those of an old segment.
    const [parts = [], ...others] = listed.filter(({ length }) => length > 0);
    for (const other of others)
      if (other.join() !== parts.join()) this.differences.push(`parts of ${n} ${what}: ${parts} | ${other}`);
    this.partCounts.set(n, parts.length);
    const named = [...parts.entries()].filter(([, line]) => !line.includes('GAP'));
    const whole = await this.#viewer.segment(n);
    // Each request reaches another worker.
    for (const _ of parts.length === 0 ? [] : playlists) {
      const bytes = Buffer.concat(await Promise.all(named.map(([p]) => this.#viewer.part(n, p))));
      if (!bytes.equals(whole)) this.differences.push(`the parts of ${n} are not the segment ${what}`);
    }
  }

  async #playlistsWith(n: number, names: readonly string[]): Promise<MediaPlaylist[]> {
    const playlists = new Map<string, MediaPlaylist>();
    await until(
      async () => {
        const playlist = await this.#viewer.playlist();
        if ((playlist.numbers.at(-1) ?? 0) >= n) playlists.set(playlist.headers.get(SERVED_BY) ?? '', playlist);
        return names.every((name) => playlists.has(name));
      },
      { what: () => `segment ${n} at ${names}; ${[...playlists.keys()]} have it`, everyMs: 30, timeoutMs: 20_000 },
    );
    return [...playlists.values()];
  }

  async #copiesOf(n: number, names: readonly string[]): Promise<Buffer[]> {
    const copies = new Map<string, Buffer>();
    for (let turn = 0; turn < MOST_TURNS && !names.every((name) => copies.has(name)); turn++) {
      const answer = await this.#viewer.answerOf(n);
      const bytes = Buffer.from(await answer.arrayBuffer());
      const by = answer.headers.get(SERVED_BY) ?? '';
      if (answer.status !== 200) throw new Error(`${by} answers ${answer.status} for segment ${n}: ${bytes}`);
      copies.set(by, bytes);
    }
    expect([...copies.keys()]).toEqual(expect.arrayContaining([...names]));
    return [...copies.values()];
  }
}

staged.concurrent.for(['ts', 'fmp4'] as const)(
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
    const balancer = await startRoundRobin(alive, RULES);
    stage.closeAfter(() => balancer.close());
    const viewer = await stage.hlsViewer(`${balancer.url}/hls/${stream_id}/playlist.m3u8?container=${container}`);
    const { numbers } = await viewer.playlist(owner.url);
    for (const { url } of alive) await viewer.playlist(url);
    const audience = new Audience(viewer, numbers.at(-1) as number);
    await audience.read(4, ['w1', 'w2', 'w3'], 'at the beginning');
    const before = await Promise.all(alive.map(fetchedBy));
    await audience.read(4, ['w1', 'w2', 'w3'], 'a little later');
    // They cut their own copies. Only what they joined too late for is fetched, or what a busy machine cuts late.
    const after = await Promise.all(alive.map(fetchedBy));
    expect(Math.max(...after.map((count, at) => count - (before[at] as number)))).toBeLessThan(3);

    const [ffmpeg = 0] = owner.ffmpegPids();
    process.kill(ffmpeg, 'SIGKILL');
    await audience.read(3, ['w1', 'w2', 'w3'], 'after the death of FFmpeg');
    expect(owner.ffmpegPids()).not.toContain(ffmpeg);

    alive.shift();
    await owner.kill();
    await audience.read(5, ['w2', 'w3'], 'after the death of the owner');

    const failedOver = audience.bytes.length;
    const [one] = alive as [Worker];
    expect((await one.api.post(`/streams/${stream_id}/failover`)).status).toBe(200);
    await audience.read(5, ['w2', 'w3'], 'after the failover');

    alive.shift();
    one.signal('SIGTERM');
    await audience.read(5, ['w3'], 'in the drain');
    await one.exited;
    await audience.read(2, ['w3'], 'after the drain');
    expect(audience.differences).toEqual([]);
    const { text, parsed } = await viewer.playlist(alive[0]?.url);
    expect(text).not.toContain('#EXT-X-GAP');
    const media = Buffer.concat(audience.bytes);
    if (container === 'ts') {
      // The other source is another clock at another place: between the two, as much is missing as time has passed.
      expectClean(judgeTs(media), { video: true, audio: true });
      const beforeIt = judgeTs(Buffer.concat(audience.bytes.slice(0, failedOver)), { gapMs: 100 });
      expectClean(beforeIt, { video: true, audio: true, maxGapMs: 100 });
      return;
    }
    // The encoder is the same before and after, so what it says of its pictures is.
    const whole = parsed.segments.filter(({ uri }) => uri !== '');
    expect(new Set(whole.map(({ map }) => map?.uri)).size).toBe(1);
    expect(
      await decodeErrors(Buffer.concat([await viewer.init(parsed.segments[0]?.map?.uri ?? '', alive[0]?.url), media])),
    ).toEqual([]);
    const chunks = chunkNumbers(media);
    expect(chunks).toEqual(chunks.map((_, at) => (chunks[0] ?? 0) + at));
    // A segment of 1 s has three parts of eight pictures, and one of what is left. Where the other source begins, pictures are missing.
    const counts = [...audience.partCounts.values()].filter((count) => count > 0);
    expect(counts.length).toBeGreaterThan(audience.bytes.length / 2);
    expect(counts.filter((count) => count < 4).length).toBeLessThan(2);
  },
);
