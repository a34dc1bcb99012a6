/** Fetches a file of subtitles, as any source is: through the guard, within a time and a size. */

import type { BroadcastSubtitles } from '../../../../registry/broadcasts/broadcast.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import type { EgressGuard } from '../../upstream/egress/egress-guard.ts';
import { readerOf } from '../../upstream/http/answer-reader.ts';
import { openUpstream, requireSuccess } from '../../upstream/http/open-upstream.ts';
import { type Cue, cuesOf } from './cues.ts';

export interface LoadCuesDeps {
  readonly guard: EgressGuard;
  readonly userAgent: string;
  readonly clock: Clock;
}

/** A film of three hours has about 0.2 MB of text. */
export const MAX_SUBTITLE_BYTES = 4 * 1024 * 1024;
/** For all of it. Media servers take some seconds to get text out of a film. */
const LOAD_MS = 20_000;

/**
 * @returns its cues, at least one
 * @throws {SourceError} why it cannot be had: no message contains a credential
 */
export async function loadCues(
  { guard, userAgent, clock }: LoadCuesDeps,
  { url, headers }: Pick<BroadcastSubtitles, 'url' | 'headers'>,
  signal: AbortSignal,
): Promise<Cue[]> {
  const over = new AbortController();
  const timer = clock.setTimeout(() => over.abort(), LOAD_MS);
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const request = { url, headers, userAgent, guard, clock, signal: either };
    const answer = requireSuccess(
      await openUpstream({ ...request, connectTimeoutMs: LOAD_MS, headersTimeoutMs: LOAD_MS }),
    );
    const stop = () => answer.body.destroy();
    either.addEventListener('abort', stop, { once: true });
    const reader = readerOf(answer, clock);
    const pieces: Buffer[] = [];
    let bytes = 0;
    try {
      for (let piece = await reader.read(LOAD_MS); piece !== undefined; piece = await reader.read(LOAD_MS)) {
        bytes += piece.length;
        if (bytes > MAX_SUBTITLE_BYTES) {
          const most = MAX_SUBTITLE_BYTES / 1024 ** 2;
          throw new SourceError('not_media', `The subtitles ${maskUrl(url)} are larger than ${most} MB.`);
        }
        pieces.push(piece);
      }
    } finally {
      either.removeEventListener('abort', stop);
      answer.body.destroy();
    }
    const cues = cuesOf(Buffer.concat(pieces));
    if (cues.length > 0) return cues;
    throw new SourceError('not_media', `There are no subtitles in ${maskUrl(url)}: neither SubRip nor WebVTT.`);
  } finally {
    clock.clearTimeout(timer);
  }
}
