/** A worker that passes one direct stream on, its viewers, and a provider's pictures. */

import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pino } from 'pino';
import { StreampoolError } from '../../../../services/proxy/src/errors.ts';
import type { StreamSource } from '../../../../services/proxy/src/streams/stream-source.ts';
import { type DirectResult, serveDirect } from '../../../../services/proxy/src/upstream/direct/direct-stream.ts';
import type { DirectSettings } from '../../../../services/proxy/src/upstream/direct/transfer.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import type { MovablePlace } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { TsBuilder } from '../../mpegts/build-ts.ts';
import { type LoggedFailover, openGuard, serve, streamSource, type TestServer } from '../support.ts';

export const SETTINGS: DirectSettings = {
  connectTimeoutMs: 500,
  readTimeoutMs: 500,
  streamTimeoutMs: 15_000,
  liveChunkTimeoutMs: 400,
  vodReadTimeoutMs: 400,
  clientStallTimeoutMs: 5000,
  retryAttempts: 2,
  retryDelayMs: 20,
  retryExponentialBackoff: false,
  streamTotalTimeoutMs: 10_000,
  bitrateMonitoring: false,
  minBitrateBytesPerSecond: 62_500,
  bitrateCheckIntervalMs: 100,
  bitrateFailoverThreshold: 2,
  bitrateGraceMs: 0,
};

export function nullPackets(count: number): Buffer {
  const bytes = Buffer.alloc(count * 188, 0xff);
  for (let at = 0; at < bytes.length; at += 188) bytes.writeUInt32BE(0x471fff10, at);
  return bytes;
}

interface ProxyOptions {
  readonly failoverUrls?: string[];
  readonly settings?: Partial<DirectSettings>;
  readonly signal?: AbortSignal;
  readonly place?: MovablePlace;
}

export interface Proxy extends TestServer {
  readonly results: DirectResult[];
  /** What viewers are answered with, one for each request. */
  readonly replies: ServerResponse[];
  readonly failovers: LoggedFailover[];
  readonly source: StreamSource;
  readonly warnings: string[];
}

/** A worker in miniature: one direct stream, errors as the API would answer them. */
export async function proxy(url: string, more: ProxyOptions = {}): Promise<Proxy> {
  const results: DirectResult[] = [];
  const replies: ServerResponse[] = [];
  const guard = openGuard();
  const memories = new SourceMemories();
  const warnings: string[] = [];
  const log = pino({ base: null }, { write: (line) => void warnings.push(JSON.parse(line).msg) });
  const { source, failovers } = await streamSource(
    { url, failoverUrls: more.failoverUrls ?? [], headers: { 'X-Stream': '1' } },
    guard,
  );
  const handle = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    replies.push(reply);
    try {
      const { range } = request.headers;
      const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
      const settings = { ...SETTINGS, ...more.settings };
      const { signal, place } = more;
      const parts = { source, method, range, reply, settings, guard, memories, log, signal, place } as const;
      results.push(await serveDirect(parts));
    } catch (error) {
      if (!(error instanceof StreampoolError)) throw error;
      reply.writeHead(error.status).end(JSON.stringify({ detail: error.message }));
    }
  };
  const server = await serve((request, reply) => void handle(request, reply));
  return { ...server, results, replies, failovers, source, warnings };
}

export interface Viewer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly response: IncomingMessage;
  readonly chunks: Buffer[];
  body(): Buffer;
  /** Resolves to whether the response came to a proper end. */
  readonly over: Promise<boolean>;
}

export function watch(origin: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Viewer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(origin, { headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      const over = new Promise<boolean>((done) => response.once('close', () => done(response.complete)));
      const body = (): Buffer => Buffer.concat(chunks);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, response, chunks, body, over });
    });
    request.on('error', reject);
    request.end();
  });
}

/** Longer than a source has to play until it is opened again at once. */
export const PLAYED_MS = 1_200;

/** Pictures without end, one every 20 ms. @param pictures from one keyframe to the next */
export function streamPictures(response: ServerResponse, pictures = 25): () => void {
  const ts = new TsBuilder();
  response.write(ts.tables().take());
  let n = 0;
  const timer = setInterval(() => {
    response.write(ts.video(90_000 + n * 1_800, 90_000 + n * 1_800, n % pictures === 0, 400).take());
    n++;
  }, 20);
  response.once('close', () => clearInterval(timer));
  return () => clearInterval(timer);
}
