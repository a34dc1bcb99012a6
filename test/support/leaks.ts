/** For afterEach: a test may leave no FFmpeg and no connection to a source behind. */
import type { LiveSource } from './live-source.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

export interface LeakSuspects {
  workers?: readonly Worker[];
  sources?: readonly LiveSource[];
  /** Limit until both are gone. The default is above what settings allow: three target durations of a player that left, a cleanup, a grace. */
  timeoutMs?: number;
}

/** Throws with a list of what is left after that time. */
export async function leakCheck({ workers = [], sources = [], timeoutMs = 20_000 }: LeakSuspects): Promise<void> {
  const leaks = async (): Promise<string[]> => {
    const found = workers.flatMap((worker) =>
      worker.ffmpegPids().map((pid) => `FFmpeg ${pid} of worker ${worker.pid}`),
    );
    for (const source of sources) {
      const { open } = await source.account();
      if (open > 0) found.push(`${open} connections to ${source.origin}`);
    }
    return found;
  };
  await until(async () => (await leaks()).length === 0, {
    timeoutMs,
    everyMs: 100,
    what: async () => `nothing to be left; there is ${(await leaks()).join(', ')}`,
  });
}
