/** Asks other workers directly: whether they live, whether they have a feed, what they know of a stream. */

import { z } from 'zod';
import { feedPath } from '../../../registry/feed-keys.ts';
import { ownerShape, parsed, streamReportShape } from '../../../registry/shapes.ts';
import type { StreamReport } from '../../../registry/stream-report.ts';
import type { MakingReport, Owner, WorkerIdentity } from '../../../registry/types.ts';
import { gather } from '../async.ts';
import { systemWire, type Wire } from './wire.ts';

/** A worker, with what another one needs to dial it. */
export type Peer = Pick<WorkerIdentity, 'workerId' | 'incarnation' | 'address'>;

/** A feed that a worker has: made by itself, or (`via`) relayed directly from its owner. */
export interface PeerPlace {
  readonly owner: Owner;
  readonly via: Peer | undefined;
}

/** A worker's answer about a feed that it has; `relayed`: it is not the owner. */
export interface PlaceAnswer {
  readonly owner: Owner;
  readonly relayed: boolean;
}

const count = z.number().nonnegative();
const sampleShape = z.object({ atMs: count, viewers: count, bitsPerSecond: count.optional() });
const makingShape: z.ZodType<MakingReport> = z.looseObject({
  lines: z.array(z.string().max(1_000)).max(100).optional().catch(undefined),
  samples: z.array(sampleShape).max(60).optional().catch(undefined),
  relays: z
    .record(z.string().max(20), z.array(z.string().max(255)).max(1_000))
    .optional()
    .catch(undefined),
});

/** Asks the worker that makes a stream; undefined: it does not, does not answer, or runs an earlier version. */
export async function makingReportOf(
  streamId: string,
  { address }: Pick<Peer, 'address'>,
  secret: string,
  timeoutMs: number,
  wire: Wire = systemWire,
): Promise<MakingReport | undefined> {
  const answer = await ask(wire, address, `/making/${encodeURIComponent(streamId)}`, secret, timeoutMs);
  return typeof answer === 'string' || answer.status !== 200 ? undefined : parsed(makingShape, answer.body);
}

/** The incarnation that answers at an address; `refused`: nothing listens there any more. */
export type PingAnswer = { kind: 'answers'; incarnation: string } | { kind: 'refused' } | { kind: 'silent' };

export async function ping(
  address: string,
  secret: string,
  timeoutMs: number,
  wire: Wire = systemWire,
): Promise<PingAnswer> {
  const answer = await ask(wire, address, '/ping', secret, timeoutMs);
  if (typeof answer === 'string') return { kind: answer };
  return answer.incarnation === undefined ? { kind: 'silent' } : { kind: 'answers', incarnation: answer.incarnation };
}

/** Who answers there; `stranger`: a worker with another secret; undefined: nobody. */
export async function incarnationAt(
  address: string,
  secret: string,
  timeoutMs: number,
  wire: Wire = systemWire,
): Promise<string | undefined> {
  const answer = await ask(wire, address, '/ping', secret, timeoutMs);
  if (typeof answer === 'string') return undefined;
  return answer.status === 403 ? 'stranger' : answer.incarnation;
}

/** When one worker knows a stream, how long to wait for another one that may have deleted it. */
const DISSENT_MS = 100;

/** What `peers` know of a stream; asks all at once. */
export async function streamReportsOf(
  streamId: string,
  peers: readonly Peer[],
  secret: string,
  timeoutMs: number,
  wire: Wire = systemWire,
): Promise<StreamReport[]> {
  const path = `/streams/${encodeURIComponent(streamId)}`;
  const asked = peers.map(async ({ address }) => {
    const answer = await ask(wire, address, path, secret, timeoutMs);
    return typeof answer === 'string' || answer.status !== 200 ? undefined : parsed(streamReportShape, answer.body);
  });
  const told = await gather(asked, (streamReport) => streamReport !== undefined, DISSENT_MS, wire.clock);
  return told.filter((streamReport) => streamReport !== undefined);
}

/**
 * Finds a peer with the feed. Prefers one that makes it over one that relays it. Where a peer has begun anew, the new incarnation counts:
 * while the registry is away, nobody else says that it is there.
 *
 * @param me the incarnation that asks; what it has itself does not count, neither does a peer that relays from it
 */
export async function peerPlaceOf(
  feed: string,
  peers: readonly Peer[],
  secret: string,
  timeoutMs: number,
  wire: Wire = systemWire,
  me?: string,
): Promise<PeerPlace | undefined> {
  const asked = peers.map(async (peer) => {
    const place = await placeAt(wire, peer, feed, secret, timeoutMs);
    const isMine = me !== undefined && (place?.owner.incarnation === me || place?.via?.incarnation === me);
    return isMine ? undefined : place;
  });
  const isMaker = (place: PeerPlace | undefined) => place !== undefined && place.via === undefined;
  const places = await gather(asked, isMaker, 0, wire.clock);
  return places.find(isMaker) ?? places.find(Boolean);
}

/**
 * Whether a peer has media of a feed that comes from another worker than this one: it may not have noticed yet that the owner is dead,
 * or may look for the next one. It goes on with that media, which whoever has none cannot.
 *
 * @param me the incarnation that asks
 */
export async function isHeldElsewhere(
  feed: string,
  peers: readonly Peer[],
  secret: string,
  timeoutMs: number,
  wire: Wire,
  me: string,
): Promise<boolean> {
  const asked = peers.map(async ({ address }) => {
    const answer = await ask(wire, address, `/places/${feed}`, secret, timeoutMs);
    if (typeof answer === 'string') return false;
    if (answer.status !== 200) return answer.body === SOUGHT;
    const place = parsed(placeAnswerShape, answer.body);
    // From one that makes it already, the registry knows.
    return place?.relayed === true && place.owner.incarnation !== me;
  });
  return (await gather(asked, Boolean, 0, wire.clock)).some(Boolean);
}

/** The body of 404 from a worker that has media of a feed, and looks for its new owner. */
export const SOUGHT = 'sought';

async function placeAt(
  wire: Wire,
  peer: Peer,
  feed: string,
  secret: string,
  timeoutMs: number,
): Promise<PeerPlace | undefined> {
  const answer = await ask(wire, peer.address, `/places/${feedPath(feed)}`, secret, timeoutMs);
  if (typeof answer === 'string' || answer.status !== 200 || answer.incarnation === undefined) return undefined;
  const place = parsed(placeAnswerShape, answer.body);
  return place && { owner: place.owner, via: place.relayed ? { ...peer, incarnation: answer.incarnation } : undefined };
}

const placeAnswerShape: z.ZodType<PlaceAnswer> = z.looseObject({ owner: ownerShape, relayed: z.boolean() });

interface Answer {
  readonly status: number;
  readonly incarnation: string | undefined;
  readonly body: string;
}

/** More than the largest stream record. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

function ask(
  { clock, request: dial }: Wire,
  address: string,
  path: string,
  secret: string,
  timeoutMs: number,
): Promise<Answer | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const headers = { Authorization: `Bearer ${secret}` };
    const request = dial(`http://${address}${path}`, { agent: false, headers });
    const timer = clock.setTimeout(() => request.destroy(new Error('no answer')), timeoutMs);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy();
      });
      response.on('error', () => undefined);
      response.once('close', () => {
        clock.clearTimeout(timer);
        if (!response.complete) {
          resolve('silent');
          return;
        }
        const incarnation = response.headers['x-incarnation'];
        resolve({
          status: response.statusCode ?? 0,
          incarnation: typeof incarnation === 'string' ? incarnation : undefined,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    // Other errors on the way say nothing about the worker at the end.
    request.once('error', (error: NodeJS.ErrnoException) => {
      clock.clearTimeout(timer);
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'silent');
    });
    request.end();
  });
}
