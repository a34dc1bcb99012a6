/** What the first page of the console shows, made of what the registry knows. Pure. */

import { countConnections } from '../../../../registry/connections.ts';
import type { StreamSummary } from '../../../../registry/registry.ts';
import type { MadeStream, WorkerRecord } from '../../../../registry/types.ts';
import {
  type About,
  MAX_ROWS,
  type NowNumbers,
  type NowState,
  type PlayingStream,
  type ShownMedia,
} from '../../../../shared/console/live.ts';
import type { MediaFacts } from '../../../../shared/media-facts.ts';
import { makersOf } from '../views/media-views.ts';
import { incoming } from './cluster-state.ts';
import type { ShownRecord } from './counts/stream-book.ts';

export interface NowFacts {
  readonly about: About;
  readonly summaries: ReadonlyMap<string, StreamSummary>;
  readonly workers: readonly WorkerRecord[];
  /** At least of the streams that are shown. */
  readonly records: ReadonlyMap<string, ShownRecord>;
  readonly bitsPerSecond: number | undefined;
  /** Undefined while the record of events cannot be read. */
  readonly joinsLastMinute: number | undefined;
  readonly failuresLastHour: number | undefined;
  readonly areMore: boolean;
  /** Stream → when its first viewer came, in ms. */
  readonly since: ReadonlyMap<string, number>;
}

/** The streams that the page shows: those with the most viewers, in a steady order. */
export function shownStreams(summaries: ReadonlyMap<string, StreamSummary>): string[] {
  return [...summaries]
    .filter(([, { viewers }]) => viewers > 0)
    .sort(([a, { viewers }], [b, { viewers: others }]) => others - viewers || (a < b ? -1 : 1))
    .slice(0, MAX_ROWS)
    .map(([id]) => id);
}

export function nowState(facts: NowFacts): NowState {
  const { about, summaries, workers, records, since } = facts;
  const makers = makersOf(workers);
  const order = shownStreams(summaries).filter((id) => records.has(id));
  const streams = order.flatMap((id): [string, PlayingStream][] => {
    const [record, summary] = [records.get(id), summaries.get(id)];
    if (record === undefined || summary === undefined) return [];
    return [[id, playingStream(record, summary, makers.get(id)?.made, since.get(id))]];
  });
  return { about, numbers: numbersOf(facts), streams: Object.fromEntries(streams), order };
}

function numbersOf(facts: NowFacts): NowNumbers {
  const { summaries, workers, bitsPerSecond, joinsLastMinute, failuresLastHour, areMore } = facts;
  const playing = [...summaries.values()].filter(({ viewers }) => viewers > 0);
  const sharing = sum(playing.map(({ viewers, processes }) => (processes > 0 ? viewers : 0)));
  const ffmpegs = sum(workers.map(({ processes }) => processes));
  return {
    viewers: sum(playing.map(({ viewers }) => viewers)),
    playing: playing.length,
    streams: summaries.size,
    ffmpegs,
    sharing,
    saved: Math.max(0, sharing - ffmpegs),
    connections: countConnections(workers).total,
    bitsPerSecond: bitsPerSecond === undefined ? undefined : Math.round(bitsPerSecond),
    bitsPerSecondIn: incoming(workers),
    joinsLastMinute,
    failuresLastHour,
    ...(areMore ? { areMore } : {}),
  };
}

export function playingStream(
  { name, profile, sourceHost, backup }: ShownRecord,
  { viewers, owner }: StreamSummary,
  made: MadeStream | undefined,
  sinceMs: number | undefined,
): PlayingStream {
  const { variant } = made ?? {};
  return {
    ...{ name, profile, sourceHost, backup },
    viewers,
    bitsPerSecond: made?.bitsPerSecond === undefined ? undefined : Math.round(made.bitsPerSecond),
    width: variant?.size?.width,
    height: variant?.size?.height,
    frameRate: variant?.frameRate,
    codecs: variant?.codecs.join(','),
    input: mediaOf(made?.input),
    output: mediaOf(made?.output),
    speed: made?.speed === undefined ? undefined : Math.round(made.speed * 100) / 100,
    failures: made?.failures,
    owner,
    sinceMs,
  };
}

function mediaOf(facts: MediaFacts | undefined): ShownMedia | undefined {
  if (facts === undefined) return undefined;
  const { resolution, videoCodec, fps, audioCodec, audioChannels } = facts;
  return { resolution, videoCodec, fps, audioCodec, audioChannels };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
