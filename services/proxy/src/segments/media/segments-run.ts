/** Asks the worker that has a feed for its segments: to cut them, and for the media of one. */

import type { IncomingMessage } from 'node:http';
import type { WorkerIdentity } from '../../../../registry/types.ts';
import type { Container } from '../../feed/hls/segment-events.ts';
import type { SegmentNews } from '../../feed/hls/segment-list.ts';
import { newsText } from '../../feed/hls/segment-news.ts';
import type { FeedPlace } from '../../ownership/feed-place.ts';
import type { Peer } from '../../relay/peers.ts';
import { asHeader } from '../../relay/relay-run.ts';
import type { Wire } from '../../relay/wire.ts';
import { RELAY_SILENCE_MS } from '../../timing.ts';

export interface SegmentsPeer {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly owner: Peer;
  /** Another worker to ask, when the owner cannot be reached. */
  readonly via: Peer | undefined;
  readonly secret: string;
  readonly wire: Wire;
}

/** Whom to ask for the segments of a feed; undefined: this worker makes it. */
export function peerOf(place: FeedPlace): SegmentsPeer | undefined {
  const { current, feed, secret, wire } = place;
  return current.kind === 'own' ? undefined : { feed, owner: current.owner, via: current.via, secret, wire };
}

/** Another worker that follows the feed. */
export function followerPeer({ feed, secret, wire }: FeedPlace, follower: WorkerIdentity): SegmentsPeer {
  return { feed, owner: follower, via: follower, secret, wire };
}

/** Media of one segment takes no longer between two workers. */
const SEGMENT_MS = 5_000;

/** Behind the address of a feed's segments. */
const OF_CONTAINER: Readonly<Record<Container, { readonly list: string; readonly extension: string }>> = {
  ts: { list: '', extension: 'ts' },
  fmp4: { list: '/fmp4', extension: 'm4s' },
};

/**
 * Wants segments until the connection ends, however it ends: whoever still wants them asks again, the worker that makes the feed by
 * then.
 *
 * @param wanted in which container; what this worker knows already, for an owner that does not; and which worker it is, for one that
 *   lacks media. Unset: it has none.
 */
export async function wantSegments(
  peer: SegmentsPeer,
  wanted: { readonly container: Container; readonly known: SegmentNews | undefined; readonly me?: WorkerIdentity },
  signal: AbortSignal,
): Promise<void> {
  const { container, known, me } = wanted;
  const said = { body: known && newsText(known), headers: me && { 'X-Worker': asHeader(me) } };
  const response = await ask(peer, 'POST', OF_CONTAINER[container].list, signal, said);
  if (response === undefined) return;
  const { clock } = peer.wire;
  const expect = () => clock.setTimeout(() => response.destroy(), RELAY_SILENCE_MS);
  let silence = expect();
  try {
    for await (const _ of response) {
      clock.clearTimeout(silence);
      silence = expect();
    }
  } catch {
    // The worker has gone, or does not answer any more.
  } finally {
    clock.clearTimeout(silence);
    response.destroy();
  }
}

/** The media of a segment; undefined when that worker does not have it, or does not answer. */
export function fetchSegment(peer: SegmentsPeer, container: Container, n: number): Promise<Buffer | undefined> {
  return fetchMedia(peer, `/${n}.${OF_CONTAINER[container].extension}`);
}

/** A part of a segment; undefined as above. */
export function fetchPart(peer: SegmentsPeer, n: number, p: number): Promise<Buffer | undefined> {
  return fetchMedia(peer, `/${n}.${p}.m4s`);
}

/** An initialisation; undefined as above. */
export function fetchInit(peer: SegmentsPeer, key: string): Promise<Buffer | undefined> {
  return fetchMedia(peer, `/${key}.mp4`);
}

async function fetchMedia(peer: SegmentsPeer, path: string): Promise<Buffer | undefined> {
  const { clock } = peer.wire;
  const late = new AbortController();
  const timer = clock.setTimeout(() => late.abort(), SEGMENT_MS);
  try {
    const response = await ask(peer, 'GET', path, late.signal);
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
  { body = '', headers = {} }: { readonly body?: string | undefined; readonly headers?: object | undefined } = {},
): Promise<IncomingMessage | undefined> {
  const dialled = via ?? owner;
  return new Promise((resolve) => {
    const call = wire.request(
      `http://${dialled.address}/feeds/${feed}/segments${path}${via === undefined ? '' : '?via=1'}`,
      {
        ...{ method, agent: false, signal },
        headers: { ...headers, Authorization: `Bearer ${secret}`, 'X-Incarnation': dialled.incarnation },
      },
    );
    call.once('response', resolve);
    call.once('error', () => resolve(undefined));
    call.end(body);
  });
}
