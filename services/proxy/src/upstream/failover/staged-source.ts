/**
 * A provider connection that is open before it is needed: it waits to continue where another worker's connection to the same
 * source ends, or to follow a source that is silent.
 */

import type { Clock } from '../../../../shared/clock.ts';
import { type Deferred, deferred, pauseBy, within } from '../../async.ts';
import { SourceError } from '../../errors.ts';
import { ProgramReader } from '../../mpegts/reading/program-reader.ts';
import { contentOf } from '../../mpegts/reading/unit-content.ts';
import type { Unit } from '../../mpegts/reading/units.ts';
import type { BodyReader } from '../messages/body-reader.ts';

/** Maximum media that may wait; a handover takes a few seconds. */
const MAX_BYTES = 32 * 1024 * 1024;
/** A source sends its first keyframe within two long GOPs. */
const KEYFRAME_MS = 12_000;
/** How much later a picture may arrive over another worker than here. */
const MATCH_MS = 3_000;
const MATCH_POLL_MS = 100;

export class StagedSource {
  readonly #reader: BodyReader;
  readonly #idleMs: number;
  readonly #clock: Clock;
  readonly #chunks: Buffer[] = [];
  /** Of the keyframes in it, in the form of `contentOf`. */
  readonly #keyframes: number[] = [];
  readonly #firstKeyframe: Deferred<number> = deferred();
  /** A viewer could begin: with a keyframe, or without video with any sound. */
  readonly #begun: Deferred<void> = deferred();
  #bytes = 0;
  #taken = false;
  readonly #pumping: Promise<void>;

  /** @param idleMs how long the source may take for its next byte */
  constructor(reader: BodyReader, idleMs: number, clock: Clock) {
    this.#reader = reader;
    this.#idleMs = idleMs;
    this.#clock = clock;
    this.#pumping = this.#pump();
  }

  /**
   * Waits until the first keyframe here has also come over the other connection, so that the two join without a gap.
   * The wait has a limit: the provider may have cut the other connection for this one.
   *
   * @param hasSent whether a keyframe with this content, in the form of `contentOf`, has come over the other connection
   * @throws {SourceError} when it broke off or sent no keyframe
   */
  async overlap(hasSent: (content: number) => boolean, signal: AbortSignal): Promise<void> {
    const first = await within(this.#clock, this.#firstKeyframe.promise, KEYFRAME_MS, signal);
    if (first === undefined) throw new SourceError('stalled', 'The source sent no keyframe.');
    const untilMs = this.#clock.monotonicMs() + MATCH_MS;
    while (!hasSent(first) && this.#clock.monotonicMs() < untilMs && !signal.aborted)
      await pauseBy(this.#clock, MATCH_POLL_MS, signal);
  }

  /**
   * Waits until a viewer could begin with what has come.
   * @throws {SourceError} when that takes longer than `timeoutMs`
   */
  async begun(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const begun = this.#begun.promise.then(() => true);
    const hasBegun = await within(this.#clock, begun, timeoutMs, signal);
    if (hasBegun === undefined) throw new SourceError('stalled', 'The source sent no keyframe.');
  }

  /**
   * Whether a keyframe that is here has also come over the other connection. A connection may begin after the last one
   * that did: the other one broke off meanwhile.
   *
   * @param hasSent as `overlap` has it
   */
  repeats(hasSent: (content: number) => boolean): boolean {
    return this.#keyframes.some(hasSent);
  }

  /** Returns all media that has come so far. From then on the caller reads the connection. */
  async take(): Promise<{ staged: Buffer[]; reader: BodyReader }> {
    this.#taken = true;
    // A read in progress ends with its next bytes, which are still staged.
    await this.#pumping;
    return { staged: this.#chunks, reader: this.#reader };
  }

  close(): void {
    this.#reader.close();
    this.#fail(new SourceError('stopped', 'The source is no longer wanted.'));
  }

  #fail(error: unknown): void {
    this.#firstKeyframe.reject(error);
    this.#begun.reject(error);
  }

  async #pump(): Promise<void> {
    let hasVideo = false;
    const program = (_map: unknown, tracks: readonly { kind: string }[]) => {
      hasVideo = tracks.some(({ kind }) => kind === 'video');
    };
    const onUnit = (unit: Unit) => {
      if (!hasVideo && unit.track.kind === 'audio') this.#begun.resolve();
      if (unit.track.kind !== 'video' || !unit.keyframe) return;
      const content = contentOf(unit);
      this.#keyframes.push(content);
      this.#firstKeyframe.resolve(content);
      this.#begun.resolve();
    };
    const scan = new ProgramReader({ program, unit: onUnit, clock: () => undefined });
    try {
      while (!this.#taken) {
        const chunk = await this.#reader.read(this.#idleMs);
        if (chunk === undefined) break;
        this.#chunks.push(chunk);
        this.#bytes += chunk.length;
        if (this.#bytes > MAX_BYTES) throw new SourceError('stalled', 'The source waited too long for a handover.');
        scan.push(Buffer.from(chunk), this.#clock.monotonicMs());
      }
    } catch (error) {
      // The caller of `take` gets this error when it reads on.
      this.#fail(error);
    }
  }
}
