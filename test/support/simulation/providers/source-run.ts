/** A model of an FFmpeg that reads a source feed: it makes a unit of each picture of the feed. */

import type { Readable } from 'node:stream';
import { deferred } from '../../../../services/proxy/src/async.ts';
import { SourceError } from '../../../../services/proxy/src/errors.ts';
import { Cursor } from '../../../../services/proxy/src/feed/cursor.ts';
import type { RunEnd, RunRequest } from '../../../../services/proxy/src/processes/run.ts';
import { enterSource, leaseSource } from '../../../../services/proxy/src/processes/run-entry.ts';
import type { RunWorld, SimulatedRun } from '../run-model.ts';
import { unitBytes } from '../unit-media.ts';
import { liveUnitsIn } from './live-media.ts';
import { UnitStream } from './unit-stream.ts';
import { UnitsGot } from './units-got.ts';

/** How long a source may take to its first picture. */
export const FIRST_PICTURE_MS = 10_000;
/** How long the process takes to end, in ms. */
const END_MS = 5;

export async function startSourceRun(request: RunRequest, world: RunWorld): Promise<SimulatedRun> {
  const { process, running } = world;
  const lease = await leaseSource(request, world.sources());
  try {
    const source = lease.feed;
    if (source === undefined) throw new SourceError('not_media', 'The source is no live MPEG-TS.');
    const { entry } = await enterSource(source, request, FIRST_PICTURE_MS);
    const output = new UnitStream();
    const ended = deferred<RunEnd>();
    const maker = world.nextMaker();
    let isOver = false;
    const end = (sourceError: SourceError | undefined) => {
      if (isOver) return;
      isOver = true;
      cursor?.close();
      output.end();
      process.setTimeout(() => {
        running.delete(run);
        ended.resolve({ exit: undefined, sourceError, orderly: false });
      }, END_MS);
    };
    const run: SimulatedRun = {
      streamId: request.streamId,
      get url() {
        return source.address.url;
      },
      get account() {
        return source.account;
      },
      output: output as unknown as Readable,
      ended: ended.promise,
      source,
      pid: maker,
      duration: Promise.resolve(undefined),
      kill: () => end(undefined),
      release: lease.release,
    };
    running.add(run);
    const pictures = new UnitsGot(`run ${maker}`, world.provider, world.broken);
    let cursor: Cursor | undefined;
    const sink = {
      write: (bytes: Buffer, done: () => void) => {
        for (const unit of liveUnitsIn(bytes)) {
          pictures.got(unit);
          output.push(unitBytes({ ...unit, maker }));
        }
        process.setImmediate(done);
      },
      finished: (feedEnd: { readonly kind: string; readonly error?: Error }) =>
        end(feedEnd.error instanceof SourceError ? feedEnd.error : undefined),
      dropped: () => end(undefined),
    };
    cursor = new Cursor(source.feed, entry, sink, 0);
    if (isOver) cursor.close();
    return run;
  } catch (error) {
    lease.release();
    throw error;
  }
}
