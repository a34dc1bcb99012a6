/** Routes of broadcasts: recordings, and the windows of network channels. */

import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  BROADCAST_STATES,
  hasEnded,
  type ShownBroadcast,
  shownState,
} from '../../../../registry/broadcasts/broadcast.ts';
import { BROADCAST_ID } from '../../broadcasts/store/names.ts';
import { standInPid } from '../../broadcasts/store/recording-index.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { optionalIsoTime } from '../http/fields.ts';
import { each, keptText, sendLong } from '../http/long-answer.ts';
import type { Api } from '../http/typed-server.ts';
import { type Disclosure, disclosureFor } from '../views/stream-views.ts';
import { broadcastStart, orderOf } from './broadcast-order.ts';
import { sendSegment } from './segment-answer.ts';

const params = z.object({
  network_id: z
    .string()
    .regex(BROADCAST_ID, 'must be 1 to 128 letters, digits, _ and -')
    .describe('Id of the broadcast.'),
});
const fileParams = params.extend({
  file: z.string().describe('The name of a segment, from the playlist; or `live.m3u8`, or `live_vtt.m3u8`.'),
});

const state = z.enum(BROADCAST_STATES);

const status = {
  network_id: z.string(),
  status: state,
  current_segment_number: z.int().describe('Number of the newest segment.'),
  started_at: z.string().nullable(),
  stream_url: z.string(),
  ffmpeg_pid: z
    .int()
    .nullable()
    .describe('A number that is the same while it runs, where no FFmpeg of its own makes it.'),
  error_message: z.string().nullable(),
  bytes_written: z.int(),
};
const broadcastStatus = z.object({ ...status, hls_dir: z.null() });
const broadcastEntry = z.object({ ...status, metadata: z.record(z.string(), z.string()) });
const broadcastList = z.object({ broadcasts: z.array(broadcastEntry), count: z.int() });
const stopped = z.object({
  message: z.string(),
  network_id: z.string(),
  final_segment_number: z.int(),
  status: state,
});

const TAGS = ['Broadcasts'];
/** The playlist of the subtitles, as m3u-editor asks for it. */
const SUBTITLES_NAME = 'live_vtt.m3u8';
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/** Management routes: behind the token. */
export function broadcastRoutes(app: Api, services: Services): void {
  const { broadcasts, config } = services;
  const disclosure = disclosureFor(config.apiToken);
  // Most have ended, and stay as they are.
  const entryText = keptText((shown: ShownBroadcast) => ({
    ...viewOf(shown, disclosure),
    metadata: disclosure.metadata(shown.order.metadata),
  }));
  const found = async (id: string): Promise<ShownBroadcast> => {
    const shown = await broadcasts.find(id);
    if (shown === undefined) throw new StreampoolError(404, 'Broadcast not found');
    return shown;
  };

  app.get(
    '/broadcast',
    { schema: { tags: TAGS, summary: 'List the broadcasts.', response: { 200: broadcastList } } },
    async (_request, reply) => {
      const all = await broadcasts.list();
      return sendLong(reply, { count: all.length }, { broadcasts: each(all, entryText) });
    },
  );
  app.post(
    '/broadcast/:network_id/start',
    {
      schema: {
        tags: TAGS,
        summary: 'Begin a broadcast, or the next programme of one. Answers when it has media.',
        ...{ params, body: broadcastStart, response: { 200: broadcastStatus } },
      },
    },
    async ({ params: { network_id: id }, body }) => {
      const shown = await broadcasts.begin(id, await orderOf(body, services));
      return { ...viewOf(shown, disclosure), stream_url: body.stream_url, hls_dir: null };
    },
  );
  app.post(
    '/broadcast/:network_id/stop',
    { schema: { tags: TAGS, summary: 'End a broadcast. What there is stays.', params, response: { 200: stopped } } },
    async ({ params: { network_id: id } }) => {
      const shown = await broadcasts.end(id);
      if (shown === undefined) throw new StreampoolError(404, 'Broadcast not found');
      const view = viewOf(shown, disclosure);
      return {
        message: 'Broadcast stopped',
        network_id: id,
        final_segment_number: view.current_segment_number,
        status: view.status,
      };
    },
  );
  app.get(
    '/broadcast/:network_id/status',
    { schema: { tags: TAGS, summary: 'Show one broadcast.', params, response: { 200: broadcastStatus } } },
    async ({ params: { network_id: id } }) => ({ ...viewOf(await found(id), disclosure), hls_dir: null }),
  );
  app.delete(
    '/broadcast/:network_id',
    {
      schema: {
        tags: TAGS,
        summary: 'End a broadcast, and remove everything of it.',
        ...{ params, response: { 200: z.object({ message: z.string() }) } },
      },
    },
    async ({ params: { network_id: id } }) => {
      await broadcasts.remove(id);
      return { message: `Broadcast ${id} cleaned up successfully` };
    },
  );
}

/** Playback routes: no token, or as PLAYBACK_AUTH says. */
export function broadcastPlaybackRoutes(app: Api, { broadcasts }: Services): void {
  const { reading } = broadcasts;
  const playlist = async (id: string, reply: FastifyReply): Promise<string> =>
    answered(await reading.playlist(id), id, reply);
  const answered = async (text: string | undefined, id: string, reply: FastifyReply): Promise<string> => {
    if (text === undefined) throw await missing(id);
    void reply.type(PLAYLIST_TYPE).header('Cache-Control', 'no-cache');
    return text;
  };
  /** Why something is not here. */
  const missing = async (id: string): Promise<StreampoolError> => {
    const shown = await broadcasts.find(id);
    const runs = shown !== undefined && !hasEnded(shown.progress?.state ?? 'starting');
    if (!runs) return new StreampoolError(404, 'Broadcast not found');
    return new StreampoolError(503, 'The worker that has this broadcast does not answer. Try again.', {
      retryAfterSeconds: 1,
    });
  };
  const schema = { tags: TAGS, summary: 'The playlist of a broadcast.', params };
  for (const name of ['live.m3u8', 'live.m3u8.tmp']) {
    app.get(`/broadcast/:network_id/${name}`, { schema }, async ({ params: { network_id: id } }, reply) =>
      playlist(id, reply),
    );
  }
  app.get(
    '/broadcast/:network_id/master.m3u8',
    { schema: { tags: TAGS, summary: 'The playlist of a broadcast with its subtitles, for players.', params } },
    async ({ params: { network_id: id } }, reply) => answered(await reading.master(id), id, reply),
  );
  app.get(
    '/broadcast/:network_id/segment/:file',
    { schema: { tags: TAGS, summary: 'A segment of a broadcast, or a range of it.', params: fileParams } },
    async (request, reply) => {
      const { network_id: id, file } = request.params;
      if (file === 'live.m3u8') return playlist(id, reply);
      if (file === SUBTITLES_NAME) {
        const text = await reading.playlist(id, 'vtt');
        const isThere = text !== undefined || (await reading.index(id)) === undefined;
        if (!isThere) throw new StreampoolError(404, 'This broadcast has no subtitles.');
        return answered(text, id, reply);
      }
      const media = await reading.segment(id, file);
      if (media === undefined) throw new StreampoolError(404, 'Segment not found');
      return sendSegment(file, media, request, reply);
    },
  );
}

function viewOf(shown: ShownBroadcast, disclosure: Disclosure) {
  const { id, order, progress } = shown;
  const state = shownState(shown);
  return {
    network_id: id,
    status: state,
    current_segment_number: progress?.last?.n ?? progress?.next ?? order.startNumber,
    started_at: optionalIsoTime(progress?.startedAtMs),
    stream_url: disclosure.url(order.streamUrl),
    ffmpeg_pid: hasEnded(state) ? null : (progress?.pid ?? standInPid(id)),
    error_message: progress?.error ?? null,
    bytes_written: progress?.bytes ?? 0,
  };
}
