/** Reads one connection of a live source until it ends, breaks or hangs. */

import type { Clock } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { MediaScan } from '../../mpegts/syntax/media-scan.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import type { Heard, Silence } from './silence.ts';

/** How often it looks whether the source was left, and the longest time that one step counts as silence. */
const STEP_MS = 500;

export interface Piece {
  readonly bytes: Buffer;
  /** How long it was waited for. */
  readonly waitedMs: number;
  /** It has a picture or sound in it, as far as that can be told. */
  readonly hasMedia: boolean;
}

export interface LiveReaderOptions {
  /** Whether media can be told from other bytes. */
  readonly isMpegTs: boolean;
  /** Whether nobody wants this connection any more, however silent it is. */
  readonly isLeft?: (() => boolean) | undefined;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export class LiveReader {
  readonly #reader: BodyReader;
  readonly #url: string;
  readonly #silence: Silence;
  readonly #scan: MediaScan | undefined;
  readonly #isLeft: () => boolean;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Other bytes have come since the newest media. */
  #hasOther = false;

  /** @param silence of the source, over all its connections */
  constructor(reader: BodyReader, url: string, silence: Silence, options: LiveReaderOptions) {
    const { isMpegTs, isLeft = () => false, clock } = options;
    this.#reader = reader;
    this.#url = url;
    this.#silence = silence;
    this.#scan = isMpegTs ? new MediaScan() : undefined;
    this.#isLeft = isLeft;
    this.#clock = clock;
  }

  /**
   * The next bytes; undefined when the source has ended properly, `left` when `isLeft` says so.
   * @throws {SourceError} `stalled` when the source hangs, `ended` when it broke off
   */
  async read(): Promise<Piece | undefined | 'left'> {
    for (let waitedMs = 0; !this.#isLeft(); ) {
      const stepMs = Math.min(STEP_MS, this.#silence.nextMs);
      const askedMs = this.#clock.monotonicMs();
      const bytes = await this.#readWithin(stepMs);
      const tookMs = this.#clock.monotonicMs() - askedMs;
      waitedMs += tookMs;
      if (bytes === undefined) return undefined;
      const heard = this.#heard(bytes);
      // A worker that stood still heard nothing, which says nothing about the source.
      this.#silence.note(Math.min(tookMs, STEP_MS), heard);
      if (heard !== 'nothing') this.#hasOther = heard === 'bytes';
      if (this.#silence.isOver) throw this.#hung();
      if (bytes === 'nothing') continue;
      return { bytes, waitedMs, hasMedia: heard === 'media' || !this.#silence.knowsMedia };
    }
    return 'left';
  }

  #heard(bytes: Buffer | 'nothing'): Heard {
    if (bytes === 'nothing') return bytes;
    return this.#scan?.finds(bytes) === true ? 'media' : 'bytes';
  }

  async #readWithin(ms: number): Promise<Buffer | undefined | 'nothing'> {
    try {
      return await this.#reader.read(ms);
    } catch (error) {
      if (error instanceof SourceError && error.reason === 'stalled') return 'nothing';
      throw error;
    }
  }

  #hung(): SourceError {
    const source = maskUrl(this.#url);
    const seconds = Math.round(this.#silence.silentMs / 100) / 10;
    return new SourceError(
      'stalled',
      this.#hasOther
        ? `The source ${source} sent no picture or sound for ${seconds} s.`
        : `The source ${source} sent nothing for ${seconds} s.`,
    );
  }
}
