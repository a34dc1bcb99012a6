/** What every fragmenter is: it cuts a container other than MPEG-TS into initialisation bytes and complete fragments. */

import { SourceError } from '../../errors.ts';

/** Receives the pieces, in order: `init` once, before the first fragment. */
export interface FragmentSink {
  /** What a joining viewer gets first; empty for containers that need nothing. */
  init(bytes: Buffer): void;
  /**
   * @param bytes the fragment as it came, in pieces
   * @param randomAccess whether a viewer can start here, after the initialisation bytes
   * @param mediaTimeSeconds where it starts on the output's own timeline, if the container says so
   */
  fragment(bytes: Buffer[], randomAccess: boolean, mediaTimeSeconds: number | undefined): void;
}

/** Takes an FFmpeg's output as it comes. After it has thrown, it takes no more. */
export interface Fragmenter {
  /**
   * @throws {ContainerError} when the bytes are not this container, are laid out so that nobody could join, or hold a
   * piece larger than MAX_PIECE_BYTES
   */
  push(chunk: Buffer): void;
  /** The output has ended; an incomplete fragment is dropped. */
  end(): void;
}

/** An output that cannot be cut; the message says what is wrong with it and, where a profile can mend it, how. */
export class ContainerError extends SourceError {
  constructor(message: string, cause?: unknown) {
    super('ffmpeg', message, { cause });
  }
}

/** Largest box, cluster or fragment: over 12 s of a 20 Mbit/s stream. */
export const MAX_PIECE_BYTES = 32 * 1024 ** 2;

export function refuseTooLarge(what: string, bytes: number): void {
  if (bytes <= MAX_PIECE_BYTES) return;
  const limit = MAX_PIECE_BYTES / 1024 ** 2;
  throw new ContainerError(`${what} of ${bytes} bytes is larger than the ${limit} MiB that are kept at a time.`);
}
