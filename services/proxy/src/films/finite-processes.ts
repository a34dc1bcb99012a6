/** The FFmpegs of viewers that watch a source with an end: one per viewer, each with its own provider connection. */

import type { MadeStream, StreamProfile } from '../../../registry/types.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { CommandOptions } from '../ffmpeg/process/command.ts';
import type { RunDeps } from '../processes/ffmpeg-run.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import { stopIfGone, unlessGone } from '../visit.ts';
import { FiniteProcess } from './finite-process.ts';

export interface FiniteProcessesDeps extends RunDeps {
  readonly connections: ProviderConnections;
}

export class FiniteProcesses {
  readonly #deps: FiniteProcessesDeps;
  /** With the stream that each one plays; those that began last are at the end. */
  readonly #running = new Map<FiniteProcess, string>();
  /** Those that wait for their place among the provider's connections. */
  #starting = 0;

  constructor(deps: FiniteProcessesDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#running.size + this.#starting;
  }

  /**
   * Starts one; resolves when it has output.
   *
   * @param streamId the stream that the viewer watches
   * @param signal aborts when the viewer leaves
   * @param options see `buildArguments`
   * @throws {SourceError} when the source does not play, or by the signal
   * @throws {StreampoolError} 503 at the provider's connection limit
   */
  async start(
    streamId: string,
    profile: StreamProfile,
    address: SourceAddress,
    signal: AbortSignal,
    options: Pick<CommandOptions, 'keyframeIntervalSeconds' | 'seekSeconds' | 'keepTimes'> = {},
  ): Promise<FiniteProcess> {
    const over = new AbortController();
    const { connections } = this.#deps;
    this.#starting++;
    let disconnect = await connections.acquire(streamId, address, signal).finally(() => {
      this.#starting--;
    });
    const place = {
      giveBack: () => disconnect(),
      take: async () => {
        disconnect = await connections.acquire(streamId, address, over.signal);
        if (over.signal.aborted) disconnect();
      },
    };
    let process: FiniteProcess;
    try {
      stopIfGone(signal);
      process = new FiniteProcess(profile, address, place, this.#deps, options);
    } catch (error) {
      disconnect();
      throw error;
    }
    this.#running.set(process, streamId);
    void process.ended.then(() => {
      over.abort();
      disconnect();
      this.#running.delete(process);
    });
    try {
      await unlessGone(process.firstByte, signal);
    } catch (error) {
      process.kill();
      throw error;
    }
    return process;
  }

  /** What the newest FFmpeg of each stream makes, by stream. Each is read and written at the pace of its viewer, so nothing has a bit rate. */
  made(): Record<string, MadeStream> {
    const nowMs = systemClock.monotonicMs();
    const made: Record<string, MadeStream> = {};
    for (const [{ said, lastInputMs }, streamId] of this.#running) {
      const lastByteAgoMs = lastInputMs === undefined ? undefined : Math.round(nowMs - lastInputMs);
      made[streamId] = { failures: 0, speed: said.speed, input: { ...said.input, lastByteAgoMs }, output: said.output };
    }
    return made;
  }

  /** The last lines of the newest FFmpeg of a stream, masked; undefined: it has none here. */
  linesOf(streamId: string): readonly string[] | undefined {
    return [...this.#running].findLast(([, id]) => id === streamId)?.[0].said.shown;
  }

  /** Ends them all. */
  close(): void {
    for (const process of this.#running.keys()) process.kill();
  }
}
