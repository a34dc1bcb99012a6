/** Opens a live source and reads its first bytes, which tell what kind of source it is. */

import { secretsOf } from '../../../shared/masking/mask.ts';
import { SourceError } from '../errors.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { openUpstream, requireSuccess } from '../upstream/http/open-upstream.ts';
import type { SourceMemories } from '../upstream/http/source-memory.ts';
import { BodyReader } from '../upstream/messages/body-reader.ts';
import { parseContentLength } from '../upstream/messages/byte-range.ts';
import type { AccountWatch } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import { FIRST_BYTES_WANTED, kindOfResponse, type SourceKind, speaksOfFile } from '../upstream/provider/source-kind.ts';

export interface OpenSourceDeps {
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  readonly account?: AccountWatch | undefined;
  readonly settings: {
    readonly connectTimeoutMs: number;
    /** Time until the response headers. */
    readonly readTimeoutMs: number;
    /** Time until the first bytes. */
    readonly liveChunkTimeoutMs: number;
  };
  readonly signal: AbortSignal;
}

export interface OpenedSource {
  readonly kind: SourceKind;
  /** Reads from the first byte on. The caller closes it. */
  readonly reader: BodyReader;
}

/** @throws {SourceError} when it does not answer, or answers with something other than media */
export async function openSource(
  address: SourceAddress,
  { guard, memories, account, settings, signal }: OpenSourceDeps,
): Promise<OpenedSource> {
  const response = requireSuccess(
    await openUpstream({
      ...address,
      signal,
      connectTimeoutMs: settings.connectTimeoutMs,
      headersTimeoutMs: settings.readTimeoutMs,
      guard,
      account,
      memory: memories.of(address),
    }),
  );
  const reader = new BodyReader(response.body, response.url);
  try {
    const kind = kindOfResponse({
      contentType: response.headers['content-type'],
      contentLength: parseContentLength(response.headers['content-length']),
      isNamedFile: speaksOfFile(response),
      firstBytes: await reader.peek(FIRST_BYTES_WANTED, settings.liveChunkTimeoutMs),
      secrets: secretsOf(address.url, address.headers),
    });
    if (kind.kind === 'not_media') throw new SourceError(kind.reason, kind.detail);
    return { kind, reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}
