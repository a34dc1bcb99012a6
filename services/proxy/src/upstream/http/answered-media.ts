/** Reads the first bytes of what a source has answered. They tell what kind of source it is. */

import { type Clock, systemClock } from '../../../../shared/clock.ts';
import { secretsOf } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import { parseContentLength } from '../messages/byte-range.ts';
import type { SourceAddress } from '../provider/source-address.ts';
import { FIRST_BYTES_WANTED, kindOfResponse, type SourceKind, speaksOfFile } from '../provider/source-kind.ts';
import { readerOf } from './answer-reader.ts';
import type { UpstreamResponse } from './upstream-request.ts';

export interface AnsweredMedia {
  readonly kind: SourceKind;
  /** Reads from the first byte on. The caller closes it. */
  readonly reader: BodyReader;
}

/**
 * @param response a successful one, see `requireSuccess`
 * @param firstBytesMs how long the first bytes may take
 * @throws {SourceError} when they do not come, or are no media; the connection is closed then
 */
export async function answeredMedia(
  response: UpstreamResponse,
  { url, headers }: SourceAddress,
  firstBytesMs: number,
  clock: Clock = systemClock,
): Promise<AnsweredMedia> {
  const reader = readerOf(response, clock);
  try {
    const kind = kindOfResponse({
      contentType: response.headers['content-type'],
      contentLength: parseContentLength(response.headers['content-length']),
      isNamedFile: speaksOfFile(response),
      firstBytes: await reader.peek(FIRST_BYTES_WANTED, firstBytesMs),
      secrets: secretsOf(url, headers),
    });
    if (kind.kind === 'not_media') throw new SourceError(kind.reason, kind.detail);
    return { kind, reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}
