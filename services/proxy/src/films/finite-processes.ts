/** The FFmpegs of viewers that watch a source with an end: one per viewer, each with its own provider connection. */

import type { StreamProfile } from '../../../registry/types.ts';
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
  readonly #running = new Set<FiniteProcess>();
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
    options: Pick<CommandOptions, 'keyframeIntervalSeconds'> = {},
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
    this.#running.add(process);
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

  /** Ends them all. */
  close(): void {
    for (const process of this.#running) process.kill();
  }
}
