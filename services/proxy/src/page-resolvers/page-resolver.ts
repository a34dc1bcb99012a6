/**
 * The programs that find the media of a web page: which there are, and what they are called. A failover resolver is something else: it
 * names the next source of a stream.
 */
import { StreampoolError } from '../errors.ts';

export type PageResolver = 'streamlink' | 'ytdlp';

export const PAGE_RESOLVERS: readonly PageResolver[] = ['streamlink', 'ytdlp'];

/** As people know them. */
export const NAMES: Readonly<Record<PageResolver, string>> = { streamlink: 'streamlink', ytdlp: 'yt-dlp' };

/** The settings that switch one off, and that say where it is. */
const SETTINGS: Readonly<Record<PageResolver, { readonly enabled: string; readonly path: string }>> = {
  streamlink: { enabled: 'STREAMLINK_ENABLED', path: 'STREAMLINK_PATH' },
  ytdlp: { enabled: 'YTDLP_ENABLED', path: 'YTDLP_PATH' },
};

export function switchedOff(resolver: PageResolver): StreampoolError {
  const { enabled } = SETTINGS[resolver];
  return new StreampoolError(400, `${NAMES[resolver]} is switched off on this server (${enabled}=false).`);
}

export function notInstalled(resolver: PageResolver): StreampoolError {
  const name = NAMES[resolver];
  const { path } = SETTINGS[resolver];
  return new StreampoolError(
    503,
    `${name} is not installed on this worker. Install it (Debian: apt-get install ${name}), or name it in ${path}.`,
  );
}
