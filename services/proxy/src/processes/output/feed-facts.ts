/** What a process feed is made of, and what it consists of. Asked about once a second by whoever tells other workers of it. */

import type { MadeInput } from '../../../../registry/types.ts';
import type { MediaFacts } from '../../../../shared/media-facts.ts';
import type { Feed } from '../../feed/feed.ts';
import type { FfmpegSaid } from '../../ffmpeg/process/stderr.ts';
import { FeedVariant } from '../../segments/feed-variant.ts';
import type { SourceFeed } from '../../sources/source-feed.ts';

/** What is asked of a run. */
export interface ToldRun {
  readonly source: Pick<SourceFeed, 'feed' | 'made' | 'repairs'> | undefined;
  readonly said?: FfmpegSaid | undefined;
  readonly lastInputMs?: number | undefined;
}

/** What is asked of the feed itself. */
export interface ToldFeed {
  readonly feed: Feed;
  /** Read from its bytes. */
  readonly segments: { readonly facts: MediaFacts };
}

export interface FeedFactsTold {
  readonly input: MadeInput;
  readonly output: MediaFacts;
}

export class FeedFacts {
  /** Reads the bytes of the source that was read last. */
  #source: { readonly feed: Feed; readonly variant: FeedVariant } | undefined;

  /** @param run that the feed reads now; undefined: none of this worker */
  of({ feed, segments }: ToldFeed, run: ToldRun | undefined): FeedFactsTold {
    const { facts } = segments;
    const said = run?.said;
    // FFmpeg knows more codecs than are read here, and what it has said holds for its whole run.
    const output = filled(facts, said?.output);
    if (run === undefined) return { input: {}, output };
    const { source, lastInputMs } = run;
    const nowMs = feed.clock.monotonicMs();
    if (source === undefined) return { input: { ...said?.input, ...sinceMs(lastInputMs, nowMs) }, output };
    const { ring, lastMediaMs } = source.feed;
    const [oldest] = ring.entries;
    return {
      input: {
        ...this.#consistsOf(source.feed, said, facts),
        bitsPerSecond: source.made?.bitsPerSecond,
        bufferMs: oldest && Math.round(ring.headMs - oldest.mediaMs),
        ...sinceMs(lastMediaMs, nowMs),
        repairs: source.repairs,
      },
      output,
    };
  }

  /** @param copied of the feed, which is the source itself when there is no FFmpeg */
  #consistsOf(source: Feed, said: FfmpegSaid | undefined, copied: MediaFacts): MediaFacts {
    if (said === undefined) return copied;
    const { input } = said;
    if (Object.values(input).some((fact) => fact !== undefined)) return input;
    if (this.#source?.feed !== source) this.#source = { feed: source, variant: new FeedVariant(source, 0) };
    return this.#source.variant.facts;
  }
}

function sinceMs(thenMs: number | undefined, nowMs: number): Pick<MadeInput, 'lastByteAgoMs'> {
  return { lastByteAgoMs: thenMs === undefined ? undefined : Math.max(0, Math.round(nowMs - thenMs)) };
}

/** `facts`, and what `more` knows beside them. */
function filled(facts: MediaFacts, more: MediaFacts = {}): MediaFacts {
  return {
    resolution: facts.resolution ?? more.resolution,
    videoCodec: facts.videoCodec ?? more.videoCodec,
    fps: facts.fps ?? more.fps,
    audioCodec: facts.audioCodec ?? more.audioCodec,
    audioChannels: facts.audioChannels ?? more.audioChannels,
  };
}
