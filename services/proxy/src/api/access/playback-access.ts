/** Who may play (PLAYBACK_AUTH): everybody, or callers with a signed URL or the API token. Also builds the playback URLs. */

import type { onRequestHookHandler } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import { listedAs } from '../../upstream/provider/source-kind.ts';
import type { Services } from '../../worker/services.ts';
import { isoTime } from '../http/fields.ts';
import type { Gate } from './gates.ts';
import { type Judgement, judge, SIGNATURE, sign } from './playback-signature.ts';
import { carriesToken } from './token.ts';

export interface PlaybackUrl {
  /** Relative to the base URL that the caller uses: the root or ROOT_PATH. */
  readonly url: string;
  /** Undefined: the URL works for as long as the stream exists. */
  readonly expiresAtMs: number | undefined;
}

export interface PlaybackQuery {
  /** Such as `?signature=…`, or empty. */
  readonly query: string;
  readonly expiresAtMs: number | undefined;
}

export interface PlaybackAccess {
  /**
   * The playback URL of a stream.
   * @param hls whether the caller wants HLS; unset: as whoever created the stream
   * @param ttlMs how long it is valid; PLAYBACK_URL_TTL by default
   */
  urlOf(stream: StreamRecord, wants?: { readonly hls?: boolean; readonly ttlMs?: number }): PlaybackUrl;
  /**
   * What the URLs of a recording end with: a query with its signature, or nothing.
   * @param given a signature that goes on if it is valid, so that nobody plays for longer than it says
   */
  ofRecording(id: string, given?: string): PlaybackQuery;
  /**
   * The reason why a request without the API token may not play; undefined when it may.
   * @param subject the id of a stream, or `recordingSubject`
   */
  refusal(subject: string, signature: string | undefined): StreampoolError | undefined;
}

export function playbackAccess({
  config,
  playbackSecrets,
  sealer,
}: Pick<Services, 'config' | 'playbackSecrets' | 'sealer'>): PlaybackAccess {
  return config.playbackAuth === 'open' ? OPEN : signedAccess(playbackSecrets, sealer, config.playbackUrlTtlMs);
}

const OPEN: PlaybackAccess = {
  urlOf: (stream, { hls } = {}) => ({ url: pathOf(stream, hls), expiresAtMs: undefined }),
  ofRecording: () => ({ query: '', expiresAtMs: undefined }),
  refusal: () => undefined,
};

/** What the signature of a recording is made over. It has a character that no id of a stream has: one never opens the other. */
export function recordingSubject(id: string): string {
  return `recording ${id}`;
}

/**
 * @param secrets the one to sign with, and those of the last day: it changes when a worker joins its cluster late
 * @param sealer knows whether other workers may have another one
 */
function signedAccess(
  secrets: () => readonly [string, ...string[]],
  sealer: Services['sealer'],
  defaultTtlMs: number,
): PlaybackAccess {
  const signed = (subject: string, ttlMs: number): PlaybackQuery => {
    const expiresAtMs = Math.ceil((Date.now() + ttlMs) / 1000) * 1000;
    return { query: `?${SIGNATURE}=${sign(secrets()[0], subject, expiresAtMs)}`, expiresAtMs };
  };
  return {
    urlOf: (stream, { hls, ttlMs = defaultTtlMs } = {}) => {
      const { query, expiresAtMs } = signed(stream.id, ttlMs);
      return { url: `${pathOf(stream, hls)}${query}`, expiresAtMs };
    },
    ofRecording: (id, given) => {
      const subject = recordingSubject(id);
      const isValid = judge(secrets(), subject, given, Date.now()).kind === 'valid';
      return isValid ? { query: `?${SIGNATURE}=${given}`, expiresAtMs: undefined } : signed(subject, defaultTtlMs);
    },
    refusal: (subject, signature) => refusalFor(judge(secrets(), subject, signature, Date.now()), sealer),
  };
}

/**
 * The hook of all playback routes. It checks a request only at its start: running playback goes on when the signature expires.
 *
 * @param gate checks the API token, with its rate limit: nobody can guess tokens here either
 */
export function playbackGate(access: PlaybackAccess, gate: Gate): onRequestHookHandler {
  return (request, reply, done) => {
    const { stream_id: streamId = '', recording_id: recordingId } = request.params as Partial<Record<string, string>>;
    // A ticket was given to somebody who might play. Whoever opens it judges it.
    if (streamId.includes('-')) return done();
    const subject = recordingId === undefined ? streamId : recordingSubject(recordingId);
    const { [SIGNATURE]: signature } = request.query as Partial<Record<string, string>>;
    const refusal = access.refusal(subject, signature);
    if (refusal === undefined) return done();
    if (!carriesToken(request)) return done(refusal);
    gate(request, reply).then(() => done(), done);
  };
}

const WAY =
  'POST /streams, POST /transcode, POST /streams/{stream_id}/playback-url and GET /recordings return signed URLs. The API token (header X-API-Token or query api_token) works too.';

function refusalFor(judgement: Judgement, sealer: Services['sealer']): StreampoolError | undefined {
  switch (judgement.kind) {
    case 'valid':
      return undefined;
    case 'missing':
      return new StreampoolError(401, `This URL is not signed. ${WAY}`);
    case 'wrong':
      return sealer.refusal(`The signature of this URL does not fit this stream or recording. ${WAY}`);
    case 'expired':
      return new StreampoolError(403, `This URL expired at ${isoTime(judgement.expiredAtMs)}. ${WAY}`);
  }
}

function pathOf(stream: StreamRecord, wantsHls?: boolean): string {
  const named = stream.profile === undefined ? listedAs(stream, stream.url) : undefined;
  if (named === 'dash') return `/dash/${stream.id}/manifest.mpd`;
  const isHls = wantsHls ?? (stream.profile?.hls || named === 'hls');
  return isHls ? `/hls/${stream.id}/playlist.m3u8` : `/stream/${stream.id}`;
}
