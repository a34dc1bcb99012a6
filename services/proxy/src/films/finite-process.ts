/** FFmpeg for one viewer of a source with an end. It starts at the beginning and runs at the pace of that viewer. */

import type { Readable } from 'node:stream';
import type { StreamProfile } from '../../../registry/types.ts';
import type { StreampoolError } from '../errors.ts';
import { buildArguments, type CommandOptions } from '../ffmpeg/process/command.ts';
import type { FfmpegExit } from '../ffmpeg/process/exit.ts';
import { type FfmpegProcess, spawnFfmpeg } from '../ffmpeg/process/process.ts';
import type { FfmpegSaid } from '../ffmpeg/process/stderr.ts';
import type { ResolvedProfile } from '../ffmpeg/profiles/profiles.ts';
import type { RunDeps } from '../processes/ffmpeg-run.ts';
import { failureOf } from '../processes/recovery.ts';
import { languagesOf } from '../processes/track-trials.ts';
import { wantedVariant } from '../processes/wanted-variant.ts';
import { openThroughGateway } from '../upstream/gateway/gateway-input.ts';
import type { ProviderPlace } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';

/** How a film is read, and what is taken of it: see `CommandOptions`. */
export type FilmOptions = Pick<
  CommandOptions,
  'keyframeIntervalSeconds' | 'seekSeconds' | 'keepTimes' | 'soundLanguage'
>;

export class FiniteProcess {
  readonly #process: FfmpegProcess;
  /** Resolves when there is output; rejects with the reason when there will be none. */
  readonly firstByte: Promise<void>;
  readonly ended: Promise<FfmpegExit>;
  readonly #failure: (exit: FfmpegExit) => StreampoolError;
  readonly #isWhole: () => boolean;
  readonly #lastInputMs: () => number | undefined;

  /**
   * @param place its place among the provider's connections, which it frees while its viewer pauses
   * @param options see `buildArguments`
   */
  constructor(
    profile: StreamProfile,
    address: SourceAddress,
    place: ProviderPlace,
    deps: RunDeps,
    options: FilmOptions = {},
  ) {
    const wanted = wantedVariant(profile, languagesOf(profile, deps.preferredAudioLanguages), 0);
    const opened = openThroughGateway(deps.gateway, address, wanted, place);
    this.#process = spawnFfmpeg({
      sandbox: deps.sandbox,
      args: buildArguments(profile as ResolvedProfile, opened.input, { ...options, reading: deps.reading }),
      input: 'none',
      log: deps.log,
      name: profile.name,
      tally: deps.tally,
      gateway: opened.gateway,
    });
    const { stdout } = this.#process;
    this.#failure = (exit) => failureOf({ exit, sourceError: opened.lastError }, address.url);
    this.#isWhole = () => opened.lastError === undefined;
    this.#lastInputMs = () => opened.lastMediaMs;
    this.ended = this.#process.exited.then((exit) => {
      opened.close();
      if (opened.lastError !== undefined) deps.log.warn({ reason: opened.lastError.reason }, opened.lastError.message);
      return exit;
    });
    const readable = new Promise<void>((resolve) => {
      stdout.once('readable', () => stdout.readableLength > 0 && resolve());
    });
    const failed = this.ended.then((exit) => {
      if (stdout.readableLength > 0) return;
      throw this.#failure(exit);
    });
    failed.catch(() => undefined);
    this.firstByte = Promise.race([readable, failed]);
    this.firstByte.catch(() => undefined);
  }

  /** Process id of the FFmpeg. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** What its FFmpeg has said, as of the moment of asking. */
  get said(): FfmpegSaid {
    return this.#process.said;
  }

  /** When FFmpeg last got something of the source, monotonic ms; undefined: nothing yet. */
  get lastInputMs(): number | undefined {
    return this.#lastInputMs();
  }

  /** Its source has not broken off. */
  get isWhole(): boolean {
    return this.#isWhole();
  }

  /** Why it has not come to the end of its source. */
  failureAfter(exit: FfmpegExit): StreampoolError {
    return this.#failure(exit);
  }

  /** The bytes for the viewer. A slow reader slows FFmpeg down. */
  get output(): Readable {
    return this.#process.stdout;
  }

  kill(): void {
    this.#process.kill();
  }
}
