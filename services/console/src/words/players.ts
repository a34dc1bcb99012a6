/** A player by its user agent, in words. Pure. */

import { visible } from './visible.ts';

/** What stands in a user agent → what people call the player. The first that fits counts. */
const PLAYERS: readonly (readonly [RegExp, string])[] = [
  [/\bVLC\b|LibVLC/i, 'VLC'],
  [/\bmpv\b/i, 'mpv'],
  [/\bKodi\b/i, 'Kodi'],
  [/\bLavf\//, 'FFmpeg'],
  [/\bGStreamer\b/i, 'GStreamer'],
  [/TiviMate/i, 'TiviMate'],
  [/IPTV ?Smarters/i, 'IPTV Smarters'],
  [/Jellyfin/i, 'Jellyfin'],
  [/\bPlex/i, 'Plex'],
  [/\bEmby/i, 'Emby'],
  [/AppleCoreMedia/i, 'Apple player'],
  [/ExoPlayer/i, 'ExoPlayer'],
  [/streamlink/i, 'Streamlink'],
  [/^curl\//i, 'curl'],
  [/^Wget\//i, 'Wget'],
  [/\bEdg\//, 'Edge'],
  [/\bFirefox\//, 'Firefox'],
  [/\bChrom(?:e|ium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

/** More characters of an unknown one say nothing more. */
const MOST = 40;

/** @example playerOf('VLC/3.0.21 LibVLC/3.0.21') // 'VLC' */
export function playerOf(userAgent: string): string {
  return PLAYERS.find(([sign]) => sign.test(userAgent))?.[1] ?? visible(userAgent, MOST);
}
