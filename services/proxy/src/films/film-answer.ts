/** Answers another worker that serves the viewer of a film of this one: its playlist, its segments, and that it is still wanted. */

import type { ServerResponse } from 'node:http';
import { CONTAINERS, type Container } from '../feed/hls/segment-events.ts';
import { encodeFrame } from '../relay/relay-frames.ts';
import { failureRecord } from '../relay/relayed-failure.ts';
import type { SegmentsAsked } from '../relay/relayed-feed.ts';
import { RELAY_PING_MS } from '../timing.ts';
import type { FilmFeed } from './film-feed.ts';

/** What stands behind the address of a film's segments. */
export const FILM_NAMES = {
  container: 'container',
  playlist: (container: Container) => `${container}.m3u8`,
  segment: (container: Container, n: number) => `${n}.${container === 'ts' ? 'ts' : 'm4s'}`,
  init: (key: string) => `${key}.mp4`,
};

/** @returns how many bytes of media that were */
export async function answerFilm(film: FilmFeed, asked: Omit<SegmentsAsked, 'place'>): Promise<number> {
  const { name, visit, response, clock } = asked;
  if (name === '') {
    // The film is wanted as long as the other worker listens.
    response.writeHead(200, { 'Content-Type': 'text/plain', Connection: 'close' });
    const ping = clock.setInterval(() => {
      if (!response.writableNeedDrain) response.write('\n');
    }, RELAY_PING_MS);
    visit.holds(() => clock.clearInterval(ping));
    film.feed.onEnd(() => {
      if (film.isLost) response.end();
    });
    response.write('\n');
    return 0;
  }
  try {
    return send(await contentOf(film, name, visit.signal), response);
  } catch (error) {
    if (!visit.isOver) response.writeHead(500).end(encodeFrame({ type: 'end', end: failureRecord(error) }));
    return 0;
  }
}

/** @returns undefined for a name that it does not know */
async function contentOf(film: FilmFeed, name: string, signal: AbortSignal): Promise<string | Buffer | undefined> {
  if (name === FILM_NAMES.container) return film.chosen(signal);
  for (const container of CONTAINERS) {
    if (name === FILM_NAMES.playlist(container)) return (await film.segments(container).playlist(signal)).text;
    const n = Number(name.split('.')[0]);
    if (name === FILM_NAMES.segment(container, n)) return film.segments(container).segment(n, signal);
  }
  const [, key] = /^([0-9a-f]{8})\.mp4$/.exec(name) ?? [];
  return key === undefined ? undefined : film.segments('fmp4').init(key);
}

function send(content: string | Buffer | undefined, response: ServerResponse): number {
  if (content === undefined) {
    response.writeHead(404).end();
    return 0;
  }
  const bytes = Buffer.from(content);
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length }).end(bytes);
  return bytes.length;
}
