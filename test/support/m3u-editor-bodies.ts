/** The requests with which m3u-editor creates a stream, with all fields that it can send. */

/** A channel of a playlist, as the proxy sees it. */
export interface Channel {
  readonly id: number;
  readonly url: string;
  readonly playlistUuid: string;
  readonly failoverUrls?: readonly string[];
  readonly resolverUrl?: string;
  /** The provider account that fetches it. */
  readonly providerProfileId?: number;
  /** The user of the playlist who watches it. */
  readonly playlistAuthId?: number;
}

export const USER_AGENT = 'TiviMate/5.1';
/** A header that a playlist sends to its provider. */
export const REFERER = 'http://portal.example/';

const OUTPUT = '-c:v libx264 -preset faster -b:v {bitrate|2000k} -maxrate {maxrate|2500k} -bufsize {bufsize|2500k}';
const SOUND = '-c:a aac -b:a {audio_bitrate|128k}';
const HLS = '-f hls -hls_time 2 -hls_list_size 30 -hls_flags program_date_time';

/** Its default profiles, which are templates. */
export const PROFILES = {
  ts: `-fflags +genpts -i {input_url} ${OUTPUT} ${SOUND} -f mpegts {output_args|pipe:1}`,
  hls: `-fflags +genpts -i {input_url} ${OUTPUT} ${SOUND} ${HLS} {output_args|index.m3u8}`,
  fmp4: `-fflags +genpts -i {input_url} ${OUTPUT} ${SOUND} ${HLS} -hls_segment_type fmp4 {output_args|index.m3u8}`,
} as const;

/** POST /streams for a channel. */
export function channelBody(channel: Channel) {
  return {
    url: channel.url,
    metadata: {
      ...metadataOf(channel),
      ...(channel.providerProfileId === undefined ? {} : { provider_profile_id: channel.providerProfileId }),
      ...(channel.playlistAuthId === undefined ? {} : { playlist_auth_id: channel.playlistAuthId }),
    },
    strict_live_ts: true,
    use_sticky_session: true,
    enable_silence_detection: true,
    silence_threshold_db: -50,
    silence_duration: 3,
    silence_check_interval: 10,
    silence_failover_threshold: 3,
    silence_monitoring_grace_period: 15,
    ...(channel.failoverUrls === undefined ? {} : { failover_urls: channel.failoverUrls }),
    ...(channel.resolverUrl === undefined ? {} : { failover_resolver_url: channel.resolverUrl }),
    user_agent: USER_AGENT,
    headers: { Referer: REFERER },
  };
}

function metadataOf({ id, playlistUuid }: Channel) {
  return {
    id,
    channel_id: String(id),
    type: 'channel',
    playlist_uuid: playlistUuid,
    strict_live_ts: true,
    use_sticky_session: true,
    original_channel_id: id,
    original_playlist_uuid: playlistUuid,
    is_failover: false,
  };
}

/** POST /transcode for a channel. */
export function transcodedBody(channel: Channel, profile: string, profileId: number) {
  const { metadata, ...rest } = channelBody(channel);
  return { ...rest, profile, metadata: { ...metadata, profile_id: profileId } };
}

/** POST /transcode for a channel whose URL a program beside the proxy resolves. */
export function resolvedBody(channel: Channel, resolver: 'streamlink' | 'ytdlp', profileId: number) {
  const { metadata, ...rest } = channelBody(channel);
  const args = { streamlink: 'best --hls-live-edge 3', ytdlp: 'bestvideo+bestaudio/best' };
  const how = { resolver, resolver_args: args[resolver], cookies_path: '/cookies/portal.txt' };
  return { ...rest, ...how, metadata: { ...metadata, profile_id: profileId } };
}

/** POST /streams for an episode of a series. */
export function episodeBody(id: number, url: string, playlistUuid: string) {
  return {
    url,
    metadata: {
      id,
      episode_id: String(id),
      type: 'episode',
      playlist_uuid: playlistUuid,
      strict_live_ts: false,
      use_sticky_session: false,
      original_episode_id: id,
      original_playlist_uuid: playlistUuid,
    },
  };
}

/** POST /broadcast/{recording}/start for a stream that the editor itself plays, by the address that its players have. */
export function recordingBody(streamId: string) {
  return {
    stream_url: `http://tv.example:36400/m3u-proxy/stream/${streamId}?username=dvr`,
    seek_seconds: 0,
    duration_seconds: 3600,
    segment_start_number: 0,
    add_discontinuity: false,
    segment_duration: 2,
    hls_list_size: 0,
    dvr_mode: true,
    output_dir: '/recordings/of-the-editor',
    metadata: { recording: 1, title: 'News' },
  };
}

/** POST /broadcast/{network}/start for a programme of a network channel. */
export function networkBody(url: string, seconds: number, callbackUrl: string) {
  return {
    stream_url: url,
    seek_seconds: 0,
    duration_seconds: seconds,
    segment_start_number: 0,
    add_discontinuity: false,
    segment_duration: 2,
    hls_list_size: 20,
    transcode: false,
    callback_url: callbackUrl,
    headers: { Referer: REFERER },
    metadata: { network: 1 },
  };
}

/** The fields with which it has a programme encoded. */
export const TRANSCODED = {
  transcode: true,
  video_bitrate: '200',
  audio_bitrate: 96,
  video_resolution: '160x90',
  video_codec: 'libx264',
  audio_codec: 'aac',
  preset: 'ultrafast',
  hwaccel: null,
  deinterlace: true,
};
