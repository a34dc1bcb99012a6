/**
 * A provider's connection that is open before it is needed: it is read from its first keyframe on, and waits to go on where
 * another worker's connection to the same source ends.
 */

import { type Deferred, deferred } from '../async.ts';
import { SourceError } from '../errors.ts';
import { ProgramReader, type Unit } from '../mpegts/program-reader.ts';
import { contentOf } from '../mpegts/recent-entries.ts';
import type { BodyReader } from '../upstream/body-reader.ts';

/** What may wait; a handover takes a few seconds. */
const MAX_BYTES = 32 * 1024 * 1024;

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

  /** The content of its first keyframe, as `contentOf` has it. Rejects when it broke off before. */
  get firstKeyframe(): Promise<number> {
    return this.#firstKeyframe.promise;
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
