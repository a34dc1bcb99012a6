/** A file of subtitles on a server of its own: one cue for each second of a film of 20 s. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** When each cue begins and ends, in s. */
export const FILM_SUBTITLES = Array.from({ length: 20 }, (_, n) => ({ n, start: n + 0.5, end: n + 1.25 }));

export function cueOf({ n }: { readonly n: number }): string {
  return `cue ${n}`;
}

export async function startSubtitles(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const text = FILM_SUBTITLES.map(
    ({ n, start, end }) => `${n + 1}\r\n${timeOf(start)} --> ${timeOf(end)}\r\ncue ${n}\r\n`,
  );
  const server = createServer((_, response) => response.end(text.join('\r\n'))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/film.srt`, close };
}

/** As SubRip writes it, within a minute. */
function timeOf(seconds: number): string {
  return `00:00:${seconds.toFixed(3).padStart(6, '0').replace('.', ',')}`;
}
