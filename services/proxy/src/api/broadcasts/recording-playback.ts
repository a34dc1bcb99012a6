/** Playback routes of recordings: the playlist, its segments, and the file. No token, or as PLAYBACK_AUTH says. */

import { z } from 'zod';
import type { RecordingIndex } from '../../broadcasts/store/recording-index.ts';
import { recordingPlaylist } from '../../broadcasts/store/recording-playlist.ts';
import { StreampoolError } from '../../errors.ts';
import type { Part } from '../../upstream/messages/byte-range.ts';
import type { Services } from '../../worker/services.ts';
import type { PlaybackAccess } from '../access/playback-access.ts';
import { SIGNATURE } from '../access/playback-signature.ts';
import type { Api } from '../http/typed-server.ts';
import { sendRecording } from './recording-file.ts';
import { recordingParams } from './recording-routes.ts';
import { isRecording } from './recording-views.ts';
import { sendSegment } from './segment-answer.ts';

const fileParams = recordingParams.extend({ file: z.string().describe('The name of a segment, from the playlist.') });
const TAGS = ['Recordings'];
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

export function recordingPlaybackRoutes(app: Api, { broadcasts, config }: Services, access: PlaybackAccess): void {
  const { reading } = broadcasts;
  /** @throws {StreampoolError} 404, or 503 when it is there and cannot be had now */
  const indexOf = async (id: string): Promise<RecordingIndex> => {
    const index = await reading.index(id);
    if (index?.order.kept === true) return index;
    isRecording(await broadcasts.find(id));
    throw new StreampoolError(503, 'The worker that has this recording does not answer. Try again.', {
      retryAfterSeconds: 1,
    });
  };

  app.get(
    '/recordings/:recording_id/playlist.m3u8',
    { schema: { tags: TAGS, summary: 'Play a recording by HLS, also while it runs.', params: recordingParams } },
    async (request, reply) => {
      const { recording_id: id } = request.params;
      const { [SIGNATURE]: given } = request.query as Partial<Record<string, string>>;
      const { query } = access.ofRecording(id, given);
      void reply.type(PLAYLIST_TYPE).header('Cache-Control', 'no-cache');
      return recordingPlaylist(await indexOf(id)).replace(/^live\d+\.ts$/gm, (name) => `segment/${name}${query}`);
    },
  );
  app.get(
    '/recordings/:recording_id/segment/:file',
    { schema: { tags: TAGS, summary: 'A segment of a recording, or a range of it.', params: fileParams } },
    async (request, reply) => {
      const { recording_id: id, file } = request.params;
      await indexOf(id);
      const media = await reading.segment(id, file);
      if (media === undefined) throw new StreampoolError(404, 'Segment not found');
      return sendSegment(file, media, request, reply);
    },
  );
  app.get(
    '/recordings/:recording_id/file.ts',
    {
      schema: {
        tags: TAGS,
        summary: 'Download a recording, or a range of it, as one file of MPEG-TS.',
        params: recordingParams,
      },
    },
    async (request, reply) => {
      const { recording_id: id } = request.params;
      const index = await indexOf(id);
      const media = (name: string, part?: Part) => reading.segment(id, name, part);
      await sendRecording({ index, media, stallTimeoutMs: config.clientStallTimeoutMs }, request, reply);
      return reply;
    },
  );
}
