/** Asks the worker that has a feed for its segments: which there are, as they come; and the media of one. */

import type { IncomingMessage } from 'node:http';
import type { Owner } from '../../../registry/types.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import type { Peer } from '../relay/peers.ts';
import type { Wire } from '../relay/wire.ts';
import { RELAY_SILENCE_MS } from '../timing.ts';
import { MAX_NEWS_BYTES, newsLine, readNews } from './segment-news.ts';

export interface SegmentsPeer {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly owner: Owner;
  /** Another worker to ask, when the owner cannot be reached. */
  readonly via: Peer | undefined;
  readonly secret: string;
  readonly wire: Wire;
}

/** Media of one segment takes no longer between two workers. */
const SEGMENT_MS = 5_000;

/**
 * Hears of segments until the connection ends, however it ends: whoever still wants them asks again, the worker that makes the feed
 * by then.
 *
 * @param known what this worker knows already, for an owner that does not
 */
export async function hearSegments(
  peer: SegmentsPeer,
  known: SegmentNews | undefined,
  onNews: (news: SegmentNews) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await ask(peer, 'POST', '', signal, known === undefined ? '' : newsLine(known));
  if (response?.statusCode !== 200) {
    response?.destroy();
    return;
  }
  const { clock } = peer.wire;
  let silence = clock.setTimeout(() => response.destroy(), RELAY_SILENCE_MS);
  let rest = '';
  try {
    for await (const piece of response) {
      clock.clearTimeout(silence);
      silence = clock.setTimeout(() => response.destroy(), RELAY_SILENCE_MS);
      const lines = (rest + (piece as Buffer).toString()).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_NEWS_BYTES) return;
      for (const line of lines) {
        const news = line === '' ? undefined : readNews(line);
        if (news !== undefined) onNews(news);
      }
    }
  } catch {
    // The worker has gone, or does not answer any more.
  } finally {
    clock.clearTimeout(silence);
    response.destroy();
  }
}

/** The media of a segment; undefined when that worker does not have it, or does not answer. */
export async function fetchSegment(peer: SegmentsPeer, n: number): Promise<Buffer | undefined> {
  const { clock } = peer.wire;
  const late = new AbortController();
  const timer = clock.setTimeout(() => late.abort(), SEGMENT_MS);
  try {
    const response = await ask(peer, 'GET', `/${n}.ts`, late.signal);
    if (response?.statusCode !== 200) {
      response?.destroy();
      return undefined;
    }
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  } catch {
    return undefined;
  } finally {
    clock.clearTimeout(timer);
  }
}

function ask(
  { feed, owner, via, secret, wire }: SegmentsPeer,
  method: string,
  path: string,
  signal: AbortSignal,
  body = '',
): Promise<IncomingMessage | undefined> {
  const dialled = via ?? owner;
  return new Promise((resolve) => {
    const call = wire.request(
      `http://${dialled.address}/feeds/${feed}/segments${path}${via === undefined ? '' : '?via=1'}`,
      {
        ...{ method, agent: false, signal },
        headers: { Authorization: `Bearer ${secret}`, 'X-Incarnation': dialled.incarnation },
      },
    );
    call.once('response', resolve);
    call.once('error', () => resolve(undefined));
    call.end(body);
  });
}
