/** How `POST /broadcast/{network_id}/start` asks for subtitles. */

import { z } from 'zod';
import type { BroadcastSubtitles } from '../../../../registry/broadcasts/broadcast.ts';
import type { Services } from '../../worker/services.ts';
import { bodyFlag, bodyNumber, emptyIsNone, sourceUrl } from '../http/fields.ts';

export const subtitleFields = {
  subtitle_url: emptyIsNone(sourceUrl.nullable()).describe(
    'A file of subtitles, SubRip or WebVTT. They are cut as the segments are: see `segment/live_vtt.m3u8`.',
  ),
  subtitles_enabled: bodyFlag.nullish().describe('False: `subtitle_url` does not count.'),
  subtitle_language: emptyIsNone(
    z
      .string()
      .regex(/^[A-Za-z0-9-]{1,35}$/, 'must be a language tag, such as de')
      .nullable(),
  ).describe('Their language, as players are told it.'),
  subtitle_seek_seconds: emptyIsNone(bodyNumber.pipe(z.number().min(0)).nullable()).describe(
    'Where in the file of the subtitles the programme begins; `seek_seconds` when absent.',
  ),
};

const asked = z.object(subtitleFields);

/**
 * Undefined: there are to be none.
 * @throws {StreampoolError} 422 for a URL that is not allowed
 */
export function subtitlesOf(
  start: z.infer<typeof asked> & {
    readonly stream_url: string;
    readonly seek_seconds: number;
    readonly headers?: Readonly<Record<string, string>> | null | undefined;
  },
  { guard }: Pick<Services, 'guard'>,
): BroadcastSubtitles | undefined {
  const { subtitle_url: url, subtitles_enabled: isWanted, subtitle_language: language, stream_url: stream } = start;
  if (url == null || isWanted === false) return undefined;
  guard.checkLiteral(new URL(url));
  // What is meant for the provider is for nobody else.
  const isSame = new URL(url).origin === new URL(stream).origin;
  return {
    url,
    headers: isSame ? (start.headers ?? {}) : {},
    seekSeconds: start.subtitle_seek_seconds ?? start.seek_seconds,
    ...(language != null && { language }),
  };
}
