/** Routes for people who record a stream: they need no name for it, and get one file. Behind the token. */

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ShownBroadcast } from '../../../../registry/broadcasts/broadcast.ts';
import { BROADCAST_ID } from '../../broadcasts/store/names.ts';
import type { Services } from '../../worker/services.ts';
import type { PlaybackAccess } from '../access/playback-access.ts';
import { optionalBody } from '../http/fields.ts';
import { each, keptText, sendLong } from '../http/long-answer.ts';
import { notFound } from '../http/not-found.ts';
import type { Api } from '../http/typed-server.ts';
import type { StreamIndex } from '../lists/stream-index.ts';
import { disclosureFor } from '../views/stream-views.ts';
import { broadcastStart, orderOf } from './broadcast-order.ts';
import { recordingListQuery, recordingPageView, recordingQuestion } from './recording-list-query.ts';
import { RecordingSearch } from './recording-search.ts';
import { isRecording, recordingView, viewOfRecording } from './recording-views.ts';

export const recordingParams = z.object({
  recording_id: z
    .string()
    .regex(BROADCAST_ID, 'must be 1 to 128 letters, digits, _ and -')
    .describe('Id of the recording, as the list says it.'),
});

const MAX_NAME_CHARACTERS = 200;

const recordOrder = optionalBody(
  z.object({
    duration_seconds: broadcastStart.shape.duration_seconds.describe('When it ends; 0: when it is stopped.'),
    segment_duration: broadcastStart.shape.segment_duration,
    name: z
      .string()
      .min(1)
      .max(MAX_NAME_CHARACTERS)
      .nullish()
      .describe('What people call it, and its file. `title` of the metadata of the stream when absent.'),
  }),
);

const TAGS = ['Recordings'];

export function recordingRoutes(app: Api, services: Services, access: PlaybackAccess, streams: StreamIndex): void {
  const searched = new RecordingSearch({ services, streams, access });
  const { broadcasts, registry } = services;
  const found = async (id: string): Promise<ShownBroadcast> => isRecording(await broadcasts.find(id));

  const disclosure = disclosureFor(services.config.apiToken);
  const viewOf = (shown: ShownBroadcast) => viewOfRecording(shown, access, disclosure);
  // A signature ends some time, so what has one is made anew.
  const entryOf: (shown: ShownBroadcast) => object | string =
    services.config.playbackAuth === 'open' ? keptText(viewOf) : viewOf;

  app.post(
    '/streams/:stream_id/record',
    {
      schema: {
        tags: TAGS,
        summary: 'Record a stream. Answers when there is media.',
        params: z.object({ stream_id: z.string() }),
        ...{ body: recordOrder, response: { 200: recordingView } },
      },
    },
    async ({ params: { stream_id: streamId }, body }) => {
      const stream = await registry.stream(streamId);
      if (stream === undefined) throw notFound(registry, 'Stream not found');
      const order = await orderOf(
        broadcastStart.parse({
          ...{ ...body, stream_url: stream.url, dvr_mode: true, hls_list_size: 0 },
          metadata: { ...stream.metadata, ...(body?.name != null && { title: body.name }) },
        }),
        services,
        stream,
      );
      const id = randomUUID().replaceAll('-', '');
      try {
        return viewOf(await broadcasts.begin(id, order));
      } catch (error) {
        // Its caller never learns its id. Why it could not begin says more than why nothing could be removed.
        await broadcasts.remove(id).catch(() => undefined);
        throw error;
      }
    },
  );
  app.get(
    '/recordings',
    {
      schema: {
        tags: TAGS,
        summary: 'List the recordings of the cluster, the newest first, or a page of those searched for.',
        querystring: z.object(recordingListQuery),
        response: {
          200: z.union([z.object({ recordings: z.array(recordingView), total: z.int() }), recordingPageView]),
        },
      },
    },
    async ({ query }, reply) => {
      const question = recordingQuestion(query);
      if (question !== undefined) return searched.page(question);
      const kept = (await broadcasts.list()).filter(({ order }) => order.kept);
      const begun = ({ progress }: ShownBroadcast) => progress?.startedAtMs ?? Number.POSITIVE_INFINITY;
      kept.sort((one, other) => begun(other) - begun(one) || (one.id < other.id ? -1 : 1));
      return sendLong(reply, { total: kept.length }, { recordings: each(kept, entryOf) });
    },
  );
  app.get(
    '/recordings/:recording_id',
    {
      schema: {
        tags: TAGS,
        summary: 'Show one recording, with URLs that play and download it.',
        ...{ params: recordingParams, response: { 200: recordingView } },
      },
    },
    async ({ params: { recording_id: id } }) => viewOf(await found(id)),
  );
  app.post(
    '/recordings/:recording_id/stop',
    {
      schema: {
        tags: TAGS,
        summary: 'End a recording. What there is stays.',
        ...{ params: recordingParams, response: { 200: recordingView } },
      },
    },
    async ({ params: { recording_id: id } }) => {
      await found(id);
      return viewOf(isRecording(await broadcasts.end(id)));
    },
  );
  app.delete(
    '/recordings/:recording_id',
    {
      schema: {
        tags: TAGS,
        summary: 'End a recording, and remove everything of it.',
        ...{ params: recordingParams, response: { 200: z.object({ message: z.string() }) } },
      },
    },
    async ({ params: { recording_id: id } }) => {
      await found(id);
      await broadcasts.remove(id);
      return { message: `Recording ${id} was deleted` };
    },
  );
}
