/** The feeds of this worker as other workers ask for them: by the key that the registry has for a feed. */

import { parseFeedKey } from '../../../registry/feed-keys.ts';
import type { RelayedFeeds } from '../cluster/cluster.ts';
import type { FilmFeeds } from '../films/film-feeds.ts';
import type { ProcessFeeds } from '../processes/process-feeds.ts';
import type { HlsFeeds } from '../sources/hls/hls-feeds.ts';
import type { SourceFeeds } from '../sources/source-feeds.ts';
import type { Drain } from './drain.ts';
import type { FeedsHere } from './feeds-here.ts';

export interface RelayedFeedsDeps {
  readonly here: FeedsHere;
  readonly sources: SourceFeeds;
  readonly hlsFeeds: Pick<HlsFeeds, 'find' | 'prepare'>;
  readonly processes: ProcessFeeds;
  readonly films: Pick<FilmFeeds, 'answer' | 'placeAnswer'>;
  readonly makingReport: NonNullable<RelayedFeeds['makingReport']>;
  readonly broadcastFile: NonNullable<RelayedFeeds['broadcastFile']>;
  readonly drain: Drain;
}

export function relayedFeeds({
  here,
  sources,
  hlsFeeds,
  processes,
  films,
  makingReport,
  broadcastFile,
  drain,
}: RelayedFeedsDeps): RelayedFeeds {
  return {
    find: async (key, via) => {
      const name = parseFeedKey(key);
      if (name === undefined) return undefined;
      // Nobody reads those as a whole.
      if (name.kind === 'hls' || name.kind === 'film') return undefined;
      return name.kind === 'source' ? sources.relay(name.source, via) : processes.relay(name.streamId, name.slot, via);
    },
    findHls: async (key, via) => (parseFeedKey(key)?.kind === 'hls' ? hlsFeeds.find(key, via) : undefined),
    answerFilm: (key, asked) => films.answer(key, asked),
    placeAnswer: (key) => here.placeOf(key)?.placeAnswer ?? films.placeAnswer(key),
    makingReport,
    broadcastFile,
    isSought: (key) => here.placeOf(key)?.isSought === true,
    prepare: async (key) => {
      const name = parseFeedKey(key);
      if (drain.isBegun || name === undefined) return false;
      if (name.kind === 'film') return false;
      if (name.kind === 'hls') return hlsFeeds.prepare(key);
      return name.kind === 'source' ? sources.prepare(name.source) : processes.prepare(name.streamId, name.slot);
    },
  };
}
