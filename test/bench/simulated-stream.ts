/** A stream as Redis sees it, without media. */
import type { StreamSpec } from '../../services/registry/types.ts';

/** As large as that of a transcoded stream with a built-in profile. */
export function streamSpec(id: string, n: number): StreamSpec {
  const outputOptions = ['-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '3000k', '-c:a', 'aac', '-b:a', '128k'];
  return {
    id,
    url: `http://provider.example:8080/live/user${n}/secret${n}/${n}.ts`,
    failoverUrls: [`http://backup.example:8080/live/user${n}/secret${n}/${n}.ts`],
    failoverResolverUrl: undefined,
    userAgent: 'VLC/3.0.18 LibVLC/3.0.18',
    headers: {},
    metadata: { name: `Channel ${n}`, playlist: 'simulated' },
    profile: {
      name: '720p',
      variables: { video_bitrate: '3000k', audio_bitrate: '128k' },
      args: ['-i', '{input_url}', ...outputOptions, '-f', 'mpegts', 'pipe:1'],
      inputOptions: [],
      outputOptions,
      container: 'mpegts',
      hls: false,
      video: 'encode',
      audio: 'encode',
    },
  };
}
