/**
 * The contract of every fragmenter: it cuts a container other than MPEG-TS into initialisation bytes and complete
 * fragments.
 */

import { SourceError } from '../../errors.ts';

/** Receives the pieces in order: `init`, then fragments; `init` again where a decoder has to be set anew. */
export interface FragmentSink {
  /** What a joining viewer gets first; empty for containers that need no such bytes. */
  init(bytes: Buffer): void;
  /**
   * @param bytes the fragment in the pieces in which it came
   * @param randomAccess whether a viewer can start here, after the initialisation bytes
   * @param mediaTimeSeconds where it starts on the output's own timeline, if the container says so
   */
  fragment(bytes: Buffer[], randomAccess: boolean, mediaTimeSeconds: number | undefined): void;
}

/** Takes FFmpeg's output. It takes no more after it has thrown. */
export interface Fragmenter {
  /**
   * @throws {ContainerError} when the bytes are not this container, when no viewer could join at them, or when a piece
   * is larger than MAX_PIECE_BYTES
   */
  push(chunk: Buffer): void;
  /** The output has ended. An incomplete fragment is dropped. */
  end(): void;
}

/** An output that cannot be cut. The message says what is wrong and how to correct the profile, if that helps. */
export class ContainerError extends SourceError {
  constructor(message: string, cause?: unknown) {
    super('ffmpeg', message, { cause });
  }
}

/** Largest box, cluster or fragment: more than 12 s of a 20 Mbit/s stream. */
export const MAX_PIECE_BYTES = 32 * 1024 ** 2;

export function refuseTooLarge(what: string, bytes: number): void {
  if (bytes <= MAX_PIECE_BYTES) return;
  const limit = MAX_PIECE_BYTES / 1024 ** 2;
  throw new ContainerError(`${what} of ${bytes} bytes is larger than the limit of ${limit} MiB.`);
}
