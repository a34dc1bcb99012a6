/** A model of an FFmpeg that opens its source itself: it takes a connection, makes a unit every quarter of a second, and ends when it is told to. */

import type { Readable } from 'node:stream';
import { deferred } from '../../../services/proxy/src/async.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import type { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { ProcessMarks } from '../../../services/proxy/src/processes/output/process-marks.ts';
import type { Production } from '../../../services/proxy/src/processes/production.ts';
import type { Run, RunEnd, RunRequest } from '../../../services/proxy/src/processes/run.ts';
import { leaseSource } from '../../../services/proxy/src/processes/run-entry.ts';
import type { SourceFeeds } from '../../../services/proxy/src/sources/source-feeds.ts';
import {
  accountOf,
  type ProviderConnections,
} from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { isLiveByName } from '../../../services/proxy/src/upstream/provider/source-kind.ts';
import type { Timer } from '../../../services/shared/clock.ts';
import type { Rule } from './invariants.ts';
import type { Process } from './machine.ts';
import type { Provider } from './providers/provider.ts';
import { startSourceRun } from './providers/source-run.ts';
import { UnitStream } from './providers/unit-stream.ts';
import { type MediaWatch, UNIT_MS, unitBytes, unitOutput } from './unit-media.ts';

/** From the request to the provider until its first media, in ms. */
const OPEN_MS = [20, 400] as const;

export interface RunWorld {
  readonly process: Process;
  readonly provider: Provider;
  readonly connections: ProviderConnections;
  readonly watchOf: (feed: Feed) => MediaWatch;
  /** The number of a new run. */
  readonly nextMaker: () => number;
  readonly running: Set<SimulatedRun>;
  /** The source feeds of the worker. */
  readonly sources: () => SourceFeeds;
  readonly broken: (rule: Rule, what: string) => void;
}

export interface SimulatedRun extends Run {
  readonly streamId: string;
  readonly url: string;
  /** The account of the provider that it has a connection of. */
  readonly account: string;
}

/** HLS_SEGMENT_TIME. Units of the model have no marks. */
const SEGMENT_MS = 2_000;

export function simulatedProduction(world: RunWorld): Production {
  return {
    start: (request) => (isLiveByName(request.address.url) ? startSourceRun(request, world) : startRun(request, world)),
    leaseSource: (request) => leaseSource(request, world.sources()),
    output: (feed) => unitOutput(feed, world.watchOf(feed)),
    marks: () => new ProcessMarks('own', SEGMENT_MS),
    opaque: true,
    samePictures: false,
    aheadMs: undefined,
    needsProcess: true,
  };
}

function refusal(): SourceError {
  return new SourceError('http_status', 'The source answers 503.', { upstreamStatus: 503 });
}

async function startRun({ streamId, address, signal }: RunRequest, world: RunWorld): Promise<SimulatedRun> {
  const { process, provider, connections, running } = world;
  const free = await connections.acquire(streamId, address, signal);
  if (signal.aborted) {
    free();
    throw new SourceError('stopped', 'The stream is no longer wanted.');
  }
  if (provider.isBroken(address.url)) {
    free();
    throw refusal();
  }
  const account = accountOf(address);
  const connection = {};
  provider.connect(account, connection);
  const disconnect = () => provider.disconnect(account, connection);
  process.onEnd(disconnect);
  const output = new UnitStream();
  const ended = deferred<RunEnd>();
  const maker = world.nextMaker();
  const { scheduler } = process.machine;
  let timer: Timer | undefined;
  const make = () => {
    output.push(unitBytes({ number: Math.floor(scheduler.nowMs / UNIT_MS), maker }));
    timer = process.setTimeout(make, UNIT_MS);
  };
  timer = process.setTimeout(make, scheduler.between(...OPEN_MS));
  let isOver = false;
  const end = (sourceError: SourceError | undefined) => {
    if (isOver) return;
    isOver = true;
    process.clearTimeout(timer);
    forget();
    output.end();
    // The process of FFmpeg takes a moment to end.
    process.setTimeout(() => {
      running.delete(run);
      disconnect();
      ended.resolve({ exit: undefined, sourceError, orderly: false });
    }, 5);
  };
  // It takes a moment until the connection's end arrives.
  const breaks = () => scheduler.after(scheduler.between(0.1, 3), process, () => end(refusal()));
  const forget = provider.onBreak(address.url, breaks);
  process.onEnd(forget);
  const run: SimulatedRun = {
    streamId,
    url: address.url,
    account,
    output: output as unknown as Readable,
    ended: ended.promise,
    source: undefined,
    pid: maker,
    duration: Promise.resolve(undefined),
    kill: () => end(undefined),
    release: free,
  };
  running.add(run);
  return run;
}
