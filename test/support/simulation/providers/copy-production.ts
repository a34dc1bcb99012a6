/** The real copy of a source feed, which makes the feed of a shared direct stream, as a simulation watches it. */

import type { Feed } from '../../../../services/proxy/src/feed/feed.ts';
import type { FeedOutput } from '../../../../services/proxy/src/feed/feed-output.ts';
import type { RunDeps } from '../../../../services/proxy/src/processes/ffmpeg-run.ts';
import { type Production, productionOf } from '../../../../services/proxy/src/processes/production.ts';
import type { Run, RunRequest } from '../../../../services/proxy/src/processes/run.ts';
import type { StreamRecord } from '../../../../services/registry/types.ts';
import type { RunWorld, SimulatedRun } from '../run-model.ts';
import type { Unit } from '../unit-media.ts';
import { liveUnitsIn } from './live-media.ts';
import { FIRST_PICTURE_MS } from './source-run.ts';
import { SOURCE_SETTINGS } from './source-settings.ts';

export function copyProduction(stream: StreamRecord, world: RunWorld): Production {
  const deps: Partial<RunDeps> = {
    sources: world.sources(),
    segmentMs: SOURCE_SETTINGS.segmentMs,
    firstPictureTimeoutMs: FIRST_PICTURE_MS,
    preferredAudioLanguages: [],
  };
  // No source is HLS, so no FFmpeg starts.
  const real = productionOf(stream, deps as RunDeps);
  return {
    ...real,
    start: async (request) => running(await real.start(request), request, world),
    output: (feed, marks) => watched(real.output(feed, marks), feed, world),
  };
}

function running(real: Run, { streamId }: RunRequest, { nextMaker, running: all }: RunWorld): SimulatedRun {
  const { source } = real;
  if (source === undefined) throw new Error('a copy without a source feed');
  const run: SimulatedRun = {
    ...real,
    pid: nextMaker(),
    streamId,
    get url() {
      return source.address.url;
    },
    get account() {
      return source.account;
    },
  };
  all.add(run);
  void real.ended.then(() => all.delete(run));
  return run;
}

/** Tells of each picture that passes into the feed. All copies of a source have the same pictures, whoever makes them. */
function watched(real: FeedOutput, feed: Feed, { watchOf }: RunWorld): FeedOutput {
  const watch = watchOf(feed);
  let kind: Parameters<FeedOutput['begin']>[0]['kind'] = 'source';
  let newest: Unit | undefined;
  let isAnew = true;
  feed.onEnd(() => feed.end !== undefined && watch.ends(feed.end, feed.readerCount));
  const begin: FeedOutput['begin'] = (input) => {
    kind = input.kind;
    isAnew = newest === undefined ? kind === 'run' : kind === 'relay' && watch.beginsLater(newest);
    real.begin(input);
  };
  const push: FeedOutput['push'] = (chunk, nowMs) => {
    // The output rewrites it.
    const units = liveUnitsIn(chunk);
    const { head } = feed.ring;
    real.push(chunk, nowMs);
    const [first] = units;
    if (first !== undefined && isAnew) watch.starts({ ...first, maker: 0 });
    if (first !== undefined) isAnew = false;
    if (feed.ring.head === head) return;
    for (const { number } of units) {
      if (newest !== undefined && number <= newest.number) continue;
      newest = { number, maker: 0 };
      watch.passes(kind, newest);
    }
  };
  return Object.assign(Object.create(real) as FeedOutput, { begin, push });
}
