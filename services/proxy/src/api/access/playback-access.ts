/** Who may play (PLAYBACK_AUTH): everybody, or who has a signed URL or the API token; and playback URLs as the API writes them. */

import type { StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import { hintFromUrl } from '../../upstream/provider/source-kind.ts';
import type { Services } from '../../worker/worker.ts';
import { isoTime } from '../http/fields.ts';
import type { Gate } from './gates.ts';
import { type Judgement, judge, SIGNATURE, sign } from './playback-signature.ts';
import { carriesToken } from './token.ts';

export interface PlaybackUrl {
  /** Relative to the root or to ROOT_PATH, whichever the caller goes through. */
  readonly url: string;
  /** Undefined: it can be played as long as there is the stream. */
  readonly expiresAtMs: number | undefined;
}

export interface PlaybackAccess {
  /** Where a stream plays. @param ttlMs for how long from now on; else PLAYBACK_URL_TTL */
  urlOf(stream: StreamRecord, ttlMs?: number): PlaybackUrl;
  /** Why a request without the API token may not play; undefined when it may. */
  refusal(streamId: string, signature: string | undefined): StreampoolError | undefined;
}

export function playbackAccess({ config, playbackSecret }: Services): PlaybackAccess {
  return config.playbackAuth === 'open' ? OPEN : signedAccess(playbackSecret, config.playbackUrlTtlMs);
}

const OPEN: PlaybackAccess = {
  urlOf: (stream) => ({ url: pathOf(stream), expiresAtMs: undefined }),
  refusal: () => undefined,
};

/** @param secret may become another one when the worker joins its cluster late */
function signedAccess(secret: () => string, defaultTtlMs: number): PlaybackAccess {
  return {
    urlOf: (stream, ttlMs = defaultTtlMs) => {
      const expiresAtMs = Math.ceil((Date.now() + ttlMs) / 1000) * 1000;
      return { url: `${pathOf(stream)}?${SIGNATURE}=${sign(secret(), stream.id, expiresAtMs)}`, expiresAtMs };
    },
    refusal: (streamId, signature) => refusalFor(judge(secret(), streamId, signature, Date.now())),
  };
}

/**
 * The hook of all playback routes. It looks at the beginning of a request only: what plays goes on when its signature expires.
 *
 * @param gate what the API token is checked by, with its rate limit: nobody tries tokens here by the thousand either
 */
export function playbackGate(access: PlaybackAccess, gate: Gate): Gate {
  return async (request, reply) => {
    const { stream_id: streamId = '' } = request.params as { stream_id?: string };
    const { [SIGNATURE]: signature } = request.query as Partial<Record<string, string>>;
    const refusal = access.refusal(streamId, signature);
    if (refusal === undefined) return;
    if (!carriesToken(request)) throw refusal;
    await gate(request, reply);
  };
}

const WAY =
  'POST /streams, POST /transcode and POST /streams/{stream_id}/playback-url answer signed URLs; the API token (header X-API-Token or query api_token) will do as well.';

function refusalFor(judgement: Judgement): StreampoolError | undefined {
  switch (judgement.kind) {
    case 'valid':
      return undefined;
    case 'missing':
      return new StreampoolError(401, `This URL is not signed. ${WAY}`);
    case 'wrong':
      return new StreampoolError(403, `The signature of this URL is not one for this stream. ${WAY}`);
    case 'expired':
      return new StreampoolError(403, `This URL expired at ${isoTime(judgement.expiredAtMs)}. ${WAY}`);
  }
}

function pathOf(stream: StreamRecord): string {
  const hls = stream.profile === undefined ? hintFromUrl(stream.url) === 'hls' : stream.profile.hls;
  return hls ? `/hls/${stream.id}/playlist.m3u8` : `/stream/${stream.id}`;
}
