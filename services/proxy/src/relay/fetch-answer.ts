/** Answers a worker that asks this one for a playlist or media of an HLS or DASH source. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { parsed } from '../../../registry/shapes.ts';
import type { Owner, WorkerIdentity } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import { RELAY_PING_MS } from '../timing.ts';
import type { Visit } from '../visit.ts';
import type { FetchAsk, FetchedBody } from './fetch-run.ts';
import { dataHeader, encodeFrame, type FetchedHead } from './relay-frames.ts';
import { failureRecord } from './relayed-failure.ts';

export interface FetchedAnswer {
  readonly head: FetchedHead;
  readonly body: FetchedBody;
}

/** An HLS source of this worker, for the others. */
export interface FetchedFeed {
  /**
   * @param follower the worker that asks
   * @returns `moved` when another worker is to be asked, before the provider has answered
   * @throws {StreampoolError} as the provider has failed
   */
  fetch(ask: FetchAsk, follower: WorkerIdentity): Promise<FetchedAnswer | { readonly moved: Owner | undefined }>;
}

const askShape: z.ZodType<FetchAsk> = z.looseObject({
  kind: z.enum(['playlist', 'media', 'leave']),
  url: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
  range: z.string().optional(),
  variant: z.string().optional(),
  form: z.literal('dash').optional(),
  fresh: z.boolean().optional(),
});

/** More than any address and its headers. */
const MAX_ASK_BYTES = 64 * 1024;
/** Frames that a reader of any version takes. */
const MAX_DATA_BYTES = 1024 * 1024;

/** What is asked for; undefined when nobody can tell. */
export async function readAsk(request: IncomingMessage): Promise<FetchAsk | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ASK_BYTES) return undefined;
  }
  return parsed(askShape, Buffer.concat(chunks).toString());
}

export interface FetchVisit {
  readonly visit: Visit;
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** Called with the bytes of each piece that is sent. */
  readonly onSent: (bytes: number) => void;
}

export async function answerFetch(
  feed: FetchedFeed,
  ask: FetchAsk,
  follower: WorkerIdentity,
  { visit, response, clock, onSent }: FetchVisit,
): Promise<void> {
  response.removeHeader('Transfer-Encoding');
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', Connection: 'close' });
  const ping = () => {
    if (!response.writableNeedDrain) response.write(encodeFrame({ type: 'ping' }));
  };
  // The provider may take its time. Until then the pings say that this worker is there.
  ping();
  const pings = clock.setInterval(ping, RELAY_PING_MS);
  visit.holds(() => clock.clearInterval(pings));
  try {
    const answer = await visit.take(feed.fetch(ask, follower), (fetched) => {
      if ('body' in fetched) fetched.body.close();
    });
    if ('moved' in answer) {
      response.end(encodeFrame({ type: 'end', end: { kind: 'moved', owner: answer.moved } }));
      return;
    }
    const { head, body } = answer;
    response.write(encodeFrame({ type: 'head', head }));
    for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
      for (let at = 0; at < chunk.length; at += MAX_DATA_BYTES) {
        const piece = chunk.subarray(at, at + MAX_DATA_BYTES);
        onSent(piece.length);
        response.write(dataHeader(piece.length, false));
        if (!response.write(piece)) await drained(response, visit.signal);
      }
      if (visit.isOver) return;
    }
    response.end(encodeFrame({ type: 'end', end: { kind: 'ended' } }));
  } catch (error) {
    if (!visit.isOver) response.end(encodeFrame({ type: 'end', end: failureRecord(error) }));
  } finally {
    await visit.end();
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
