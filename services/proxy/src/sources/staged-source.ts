/**
 * A provider's connection that is open before it is needed: it is read from its first keyframe on, and waits to go on where
 * another worker's connection to the same source ends.
 */

import { type Deferred, deferred, pause } from '../async.ts';
import { SourceError } from '../errors.ts';
import { ProgramReader } from '../mpegts/reading/program-reader.ts';
import { contentOf } from '../mpegts/reading/recent-entries.ts';
import type { Unit } from '../mpegts/reading/units.ts';
import type { BodyReader } from '../upstream/messages/body-reader.ts';

/** What may wait; a handover takes a few seconds. */
const MAX_BYTES = 32 * 1024 * 1024;
/** A source shows its first keyframe within two long GOPs. */
const KEYFRAME_MS = 12_000;
/** How much later than here a picture may arrive over another worker. */
const MATCH_MS = 3_000;
const MATCH_POLL_MS = 100;

export class StagedSource {
  readonly #reader: BodyReader;
  readonly #idleMs: number;
  readonly #chunks: Buffer[] = [];
  readonly #firstKeyframe: Deferred<number> = deferred();
  #bytes = 0;
  #taken = false;
  readonly #pumping: Promise<void>;

  /** @param idleMs how long the source may take for its next byte */
  constructor(reader: BodyReader, idleMs: number) {
    this.#reader = reader;
    this.#idleMs = idleMs;
    this.#pumping = this.#pump();
  }

  /**
   * Waits until what it begins with has come over the other connection too, so that the two can be joined without a gap. Not
   * for ever: the other one may have been cut for this one.
   *
   * @param hasSent whether a keyframe with this content (as `contentOf` has it) has come over the other connection
   * @throws {SourceError} when it broke off, or showed no keyframe
   */
  async overlap(hasSent: (content: number) => boolean, signal: AbortSignal): Promise<void> {
    const late = pause(KEYFRAME_MS, signal).then(() => {
      throw new SourceError('stalled', 'The source showed no keyframe.');
    });
    late.catch(() => undefined);
    const first = await Promise.race([this.#firstKeyframe.promise, late]);
    const untilMs = performance.now() + MATCH_MS;
    while (!hasSent(first) && performance.now() < untilMs && !signal.aborted) await pause(MATCH_POLL_MS, signal);
  }

  /** All that has come so far; from then on the connection is the caller's to read. */
  async take(): Promise<{ staged: Buffer[]; reader: BodyReader }> {
    this.#taken = true;
    // A read that is under way ends with the next bytes, which are still staged.
    await this.#pumping;
    return { staged: this.#chunks, reader: this.#reader };
  }

  close(): void {
    this.#reader.close();
    this.#firstKeyframe.reject(new SourceError('stopped', 'The source is no longer wanted.'));
  }

  async #pump(): Promise<void> {
    const onUnit = (unit: Unit) => {
      if (unit.track.kind === 'video' && unit.keyframe) this.#firstKeyframe.resolve(contentOf(unit));
    };
    const scan = new ProgramReader({ program: () => undefined, unit: onUnit, clock: () => undefined });
    try {
      while (!this.#taken) {
        const chunk = await this.#reader.read(this.#idleMs);
        if (chunk === undefined) break;
        this.#chunks.push(chunk);
        this.#bytes += chunk.length;
        if (this.#bytes > MAX_BYTES) throw new SourceError('stalled', 'A source was staged for too long.');
        scan.push(Buffer.from(chunk), performance.now());
      }
    } catch (error) {
      // Who takes it finds out by reading on.
      this.#firstKeyframe.reject(error);
    }
  }
}
