/** Answers another worker that has HLS viewers of a feed of this one: it wants segments to be cut, or the media of one. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { identityShape, parsed } from '../../../registry/shapes.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import { MAX_NEWS_BYTES, readNews } from '../feed/hls/segment-news.ts';
import type { SegmentsAsked } from '../relay/relayed-feed.ts';
import { RELAY_PING_MS } from '../timing.ts';

/** What this worker has of a feed's segments. */
export interface AnsweringSegments {
  /** Somebody wants them. @returns a function that ends that */
  want(): () => void;
  /**
   * What a follower knows that this worker may not: the one that made the feed before has told it.
   * @param by the follower, which may have media of that; undefined: it is of an earlier version
   */
  offer(known: SegmentNews, by?: WorkerIdentity): void;
  /** Undefined: not here. */
  mediaOf(n: number): Buffer | undefined;
  initOf(key: string): Buffer | undefined;
}

/** Segments are cut until one side has had enough or another worker makes the feed. The relay of the feed says which there are. */
export async function answerSegments(
  segments: AnsweringSegments,
  { place, visit, request, response, clock }: SegmentsAsked,
): Promise<void> {
  const known = readNews(await bodyOf(request));
  if (visit.isOver) return;
  if (known !== undefined) segments.offer(known, parsed(identityShape, String(request.headers['x-worker'])));
  visit.holds(segments.want());
  response.writeHead(200, { 'Content-Type': 'text/plain', Connection: 'close' });
  visit.holds(place.onOwner(() => response.end()));
  const ping = clock.setInterval(() => {
    if (!response.writableNeedDrain) response.write('\n');
  }, RELAY_PING_MS);
  visit.holds(() => clock.clearInterval(ping));
  response.write('\n');
}

/** The media of one segment, or an initialisation. @returns how many bytes that were */
export function answerMedia(media: Buffer | undefined, type: string, response: ServerResponse): number {
  if (media === undefined) {
    response.writeHead(404).end();
    return 0;
  }
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': media.length }).end(media);
  return media.length;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    length += (piece as Buffer).length;
    if (length <= MAX_NEWS_BYTES) pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString();
}
