/** POST /console/source: what is at an address, before a stream is made of it. */

import { z } from 'zod';
import { accountOf } from '../../upstream/provider/provider-connections.ts';
import type { Services } from '../../worker/services.ts';
import { emptyIsNone, sourceUrl } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';
import { workersNow } from '../views/snapshot.ts';
import { lookAt } from './source-look.ts';
import { namesOf, readersOf, usersOf } from './source-readers.ts';

/** All that a look may take. */
const LOOK_MS = 12_000;
/** What holds the connection meanwhile. */
const HOLDER = 'a test of the console';

const order = z.object({
  url: sourceUrl,
  user_agent: emptyIsNone(z.string().max(1024).nullable()),
  headers: z.record(z.string(), z.string()).nullish(),
});

const answer = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('found'),
    kind: z.enum(['mpegts', 'hls', 'dash', 'file', 'other']),
    bytes: z.int(),
    took_ms: z.int(),
    variants: z.int().nullable(),
    resolution: z.string().nullable(),
    video_codec: z.string().nullable(),
    fps: z.number().nullable(),
    audio_codec: z.string().nullable(),
    audio_channels: z.string().nullable(),
    file_bytes: z.int().nullable(),
  }),
  z.object({ state: z.literal('list'), channels: z.int(), names: z.array(z.string()).readonly() }),
  z.object({
    state: z.enum(['playing', 'full']).describe('playing: the cluster reads it already; full: its account is in use.'),
    streams: z.array(z.string()).describe('Names of streams that read it, or that use the account.'),
  }),
  z.object({ state: z.literal('failed'), reason: z.string() }),
]);

export function lookRoute(app: Api, services: Services): void {
  const { config, registry, guard, connections } = services;
  app.post(
    '/console/source',
    {
      schema: {
        tags: ['Status'],
        summary: 'Look at a source for the console: up to 3 s of it, over one connection, if its account has one left.',
        body: order,
        response: { 200: answer },
      },
    },
    async ({ body: { url, user_agent, headers } }): Promise<z.infer<typeof answer>> => {
      const address = { url, headers: headers ?? {}, userAgent: user_agent ?? config.defaultUserAgent };
      const workers = await workersNow(services);
      const readers = readersOf(workers, address);
      if (readers !== undefined) return { state: 'playing', streams: await namesOf(registry, readers) };
      const account = accountOf(address);
      const users = usersOf(workers, account);
      // Not even for a moment: a provider may end what plays.
      if (connections.areLimited && users.count >= config.sourceMaxConnections) {
        return { state: 'full', streams: await namesOf(registry, users.streams) };
      }
      const signal = AbortSignal.timeout(LOOK_MS);
      const release = await connections.acquire(HOLDER, address, signal);
      try {
        const look = await lookAt(address, guard, signal);
        if (look.state !== 'found') return look;
        const { kind, bytes, tookMs, variants, resolution, media = {}, fileBytes } = look;
        return {
          ...{ state: 'found', kind, bytes, took_ms: tookMs, variants: variants ?? null },
          resolution: resolution ?? media.resolution ?? null,
          ...{ video_codec: media.videoCodec ?? null, fps: media.fps ?? null },
          ...{ audio_codec: media.audioCodec ?? null, audio_channels: media.audioChannels ?? null },
          file_bytes: fileBytes ?? null,
        };
      } finally {
        release();
      }
    },
  );
}
