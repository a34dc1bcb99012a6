/**
 * The 33-bit wrap of a source feed's own clock. It starts at 10 s, so the wrap comes after 26.5 hours; here it is started
 * shortly before. FFmpeg reads it as fast as it can, whenever it is started, and goes on behind another one.
 */

import { describe, expect, it } from 'vitest';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { FeedHistory } from '../../../services/proxy/src/feed/feed-history.ts';
import { tsOutput } from '../../../services/proxy/src/feed/feed-output.ts';
import { feedSink } from '../../../services/proxy/src/feed/feed-sink.ts';
import { AS_THE_TABLE_SAYS } from '../../../services/proxy/src/ffmpeg/arguments/own-reading.ts';
import { Sandbox } from '../../../services/proxy/src/ffmpeg/host/sandbox.ts';
import { type ResolvedProfile, resolveProfile } from '../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { Splicer } from '../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { type RunDeps, startFfmpegRun } from '../../../services/proxy/src/processes/ffmpeg-run.ts';
import type { SourceFeed } from '../../../services/proxy/src/sources/source-feed.ts';
import type { SourceFeeds } from '../../../services/proxy/src/sources/source-feeds.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { groupSource } from '../../support/failover-groups.ts';
import { decodeErrors, expectClean, judgeTs } from '../../support/judge/index.ts';
import { loadLoop } from '../../support/live/loop.ts';
import { Player } from '../../support/live/player.ts';
import { CHEAP_PROFILE } from './stage.ts';

const TICKS = 90_000;
const WRAP = 2 ** 33;
/** Before the wrap, the whole of what FFmpeg takes for negative time (60 s) and some more; after it, a while. */
const BEFORE_SECONDS = 76;
const SECONDS = 90;
const KEEP_ALL = { retainMs: 1e9, joinBufferMs: 0, maxBytes: 2 ** 28 };

/** A source feed's media, with its wrap `BEFORE_SECONDS` after its start. */
async function sourceAcrossWrap(): Promise<SourceFeed> {
  const feed = new Feed(KEEP_ALL);
  const splicer = new Splicer(feedSink(feed), { holdReordered: false, firstDts: WRAP - BEFORE_SECONDS * TICKS });
  const options = { startPts: 900_000, startPhaseSeconds: 0, speed: 1 };
  const player = new Player(await loadLoop('bframes'), options);
  splicer.beginInput({ kind: 'source' });
  for (let ms = 0; ms < SECONDS * 1_000; ms += 25) {
    const block = player.tick(ms);
    if (block !== undefined) splicer.push(block.bytes, ms);
  }
  feed.finish({ kind: 'ended' });
  // What a run uses of a source feed.
  const source: Pick<SourceFeed, 'feed' | 'history' | 'tracks' | 'onProgramChange'> = {
    feed,
    tracks: splicer.tracks,
    history: new FeedHistory(),
    onProgramChange: () => () => undefined,
  };
  return source as SourceFeed;
}

function runDeps(source: SourceFeed): RunDeps {
  const acquire = async () => ({ kind: 'mpegts', feed: source, release: () => undefined });
  return {
    sources: { acquire } as unknown as SourceFeeds,
    gateway: undefined as unknown as RunDeps['gateway'],
    sandbox: Sandbox.none(process.env.FFMPEG_PATH ?? 'ffmpeg', 'not what is tried here'),
    reading: AS_THE_TABLE_SAYS,
    segmentMs: 2_000,
    preferredAudioLanguages: [],
    firstPictureTimeoutMs: 5_000,
    log: createLogger('error'),
  };
}

const profile: ResolvedProfile = resolveProfile(
  { profile: CHEAP_PROFILE, variables: {}, inputUrl: 'pipe:0' },
  { type: 'cpu', device: '', hevc: true },
);

/** What viewers of a process feed get whose FFmpeg starts `startSeconds` into the source and dies at each of `deaths`. */
async function transcode(source: SourceFeed, startSeconds: number, deaths: readonly number[]): Promise<Buffer> {
  source.feed.ring.setLimits({ ...KEEP_ALL, joinBufferMs: (SECONDS - startSeconds) * 1_000 });
  const feed = new Feed(KEEP_ALL);
  const output = tsOutput(feed, true);
  const address = { url: 'http://source.example/live.ts', headers: {}, userAgent: 'test' };
  const firstMs = (WRAP - BEFORE_SECONDS * TICKS) / 90;
  const { signal } = new AbortController();
  const { timeline } = source.history.current;
  for (const [index, death] of [...deaths, Number.POSITIVE_INFINITY].entries()) {
    const resume =
      index === 0 ? undefined : { timeline, point: output.resumePoint, origin: undefined, marks: undefined };
    const run = await startFfmpegRun(
      profile,
      { streamId: 'x', canFailOver: false, source: groupSource(address), address, resume, signal },
      runDeps(source),
    );
    output.begin({ kind: 'run', continues: index === 0 ? undefined : { samePictures: false } });
    for await (const chunk of run.output) {
      output.push(chunk as Buffer, performance.now());
      if (feed.ring.headMs - firstMs > death * 1_000) break;
    }
    run.kill();
    const end = await run.ended;
    output.end(death === Number.POSITIVE_INFINITY && end.orderly);
  }
  feed.finish({ kind: 'ended' });
  const [entry] = feed.ring.entries;
  if (entry === undefined) throw new Error('FFmpeg made nothing');
  const parts = [entry.prefix];
  for (let at = entry.position; at < feed.published; ) {
    const bytes = feed.ring.view(at, feed.published, 2 ** 20);
    if (bytes === undefined) throw new Error('the ring has lost what was asked for');
    parts.push(bytes);
    at += bytes.length;
  }
  return Buffer.concat(parts);
}

describe("the wrap of a source feed's own clock", () => {
  it.each([
    ['started 66 s before it', 10, []],
    ['started 30 s before it', 46, []],
    ['started 2 s before it', 74, []],
    ['started after it', 80, []],
    ['replaced within the minute before it, just before it and just after it', 0, [50, 75.9, 76.3]],
  ] as const)('an FFmpeg %s loses nothing', async (_, startSeconds, deaths) => {
    const source = await sourceAcrossWrap();
    const bytes = await transcode(source, startSeconds, deaths);
    const verdict = judgeTs(bytes, { gapMs: 150 });
    // From the keyframe before the start to the end; a PES of sound at the very end may be cut.
    expectClean(verdict, {
      video: true,
      audio: true,
      minSeconds: SECONDS - startSeconds - 2.5,
      frameTicks: 3_600,
      maxGapMs: 150,
    });
    expect(verdict.durationSeconds).toBeLessThan(SECONDS - startSeconds + 3);
    expect(await decodeErrors(bytes)).toEqual([]);
  });
});
