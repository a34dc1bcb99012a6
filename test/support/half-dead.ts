/** A player that opens a second connection and leaves its first one half dead: open, but never read again. */
import { expect } from 'vitest';
import { expectClean, judgeTs } from './judge/index.ts';
import type { RecordingHandle } from './recorder.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

/** Kernel buffers take up to 10 MB for a viewer before its worker notices; on a busy machine that is late. */
const KERNEL_MS = 30_000;

/** Shorter than a worker's limit for other viewers (CLIENT_STALL_TIMEOUT), which is a minute. */
export const QUICK_EVICTION = { CLIENT_TIMEOUT: '2' };

/** Ids of a stream's clients, according to one worker. */
export async function clientsAt({ api }: Worker, streamId: string): Promise<string[]> {
  const { body } = await api.get<{ clients: { client_id: string; stream_id: string }[] }>('/clients');
  return body.clients.filter((client) => client.stream_id === streamId).map(({ client_id }) => client_id);
}

/** Waits until only these clients are left, for as long as kernel buffers may delay that. */
export async function onlyLeft(worker: Worker, streamId: string, wanted: readonly (string | RegExp)[]): Promise<void> {
  const isWanted = (id: string, at: number) => {
    const each = wanted[at] ?? '';
    return typeof each === 'string' ? each === id : each.test(id);
  };
  let ids: string[] = [];
  await until(
    async () => {
      ids = (await clientsAt(worker, streamId)).sort();
      return ids.length === wanted.length && ids.every(isWanted);
    },
    { timeoutMs: KERNEL_MS, everyMs: 200, what: () => `${ids.join(', ')} to be ${wanted.join(', ')}` },
  );
}

/** The worker has closed a connection that nobody reads: only bytes in the kernel are left of it. */
export async function isClosed(viewer: RecordingHandle): Promise<void> {
  viewer.resume();
  await until(() => viewer.ended, { what: 'the half dead response to be over' });
  expect((await viewer.done).endedBy).toBe('error');
}

/** The recording continues, without a gap. */
export async function expectWhole(viewer: RecordingHandle, cleanStart: boolean): Promise<void> {
  const before = viewer.byteCount;
  await until(() => viewer.byteCount > before, { what: 'the newer connection to go on' });
  expect(viewer.ended).toBe(false);
  // A PES packet of sound may have 450 ms.
  const clean = {
    video: true,
    audio: true,
    minSeconds: 2,
    maxSignalled: 0,
    frameTicks: 3_600,
    maxGapMs: 450,
    cleanStart,
  };
  expectClean(judgeTs(await viewer.stop(), { gapMs: clean.maxGapMs }), clean);
}
