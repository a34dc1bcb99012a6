/** The FFmpegs of viewers that watch a source with an end: one per viewer, each with its own provider connection. */

import type { MadeStream, StreamProfile } from '../../../registry/types.ts';
import { systemClock } from '../../../shared/clock.ts';
import { codesInFiles } from '../../../shared/languages.ts';
import { lacksTrack } from '../ffmpeg/process/exit.ts';
import type { RunDeps } from '../processes/ffmpeg-run.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import { hintFromUrl } from '../upstream/provider/source-kind.ts';
import { stopIfGone, unlessGone } from '../visit.ts';
import { type FilmOptions, FiniteProcess } from './finite-process.ts';

export interface FiniteProcessesDeps extends RunDeps {
  readonly connections: ProviderConnections;
}

/** A URL of Matroska. */
const MATROSKA = /\.(?:mkv|mka|webm)(?:$|[?#])/i;

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
   * Starts one; resolves when it has output. Its sound has the language of its profile where the source has such a track.
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
    options: Omit<FilmOptions, 'soundLanguage'> = {},
  ): Promise<FiniteProcess> {
    const languages = languagesToTry(profile, address.url);
    while (true) {
      const soundLanguage = languages.shift();
      const process = await this.#begin(streamId, profile, address, signal, { ...options, soundLanguage });
      try {
        await unlessGone(process.firstByte, signal);
        return process;
      } catch (error) {
        process.kill();
        const mayBeElsewhere = soundLanguage !== undefined && !signal.aborted && lacksTrack(await process.ended);
        if (!mayBeElsewhere) throw error;
      }
    }
  }

  async #begin(
    streamId: string,
    profile: StreamProfile,
    address: SourceAddress,
    signal: AbortSignal,
    options: FilmOptions,
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

/**
 * As files write the language that a profile asks for, the likelier way first: each one that is not there costs the start of an FFmpeg.
 * Of HLS the rendition is chosen, so that FFmpeg gets that sound alone.
 */
function languagesToTry({ audioLanguage, audio }: StreamProfile, url: string): string[] {
  if (audioLanguage === undefined || audio === 'none' || hintFromUrl(url) === 'hls') return [];
  const codes = [...codesInFiles(audioLanguage)];
  return MATROSKA.test(url) ? codes.reverse() : codes;
}
