/** What a start asks of picture and sound becomes arguments of FFmpeg that every profile may have, or is refused. */

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  broadcastProfile,
  transcodeFields,
} from '../../../../services/proxy/src/api/broadcasts/broadcast-transcode.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';

const fields = z.object(transcodeFields);
const PICTURE = '-c:v libx264 -preset veryfast -b:v 2000k -maxrate 2000k -bufsize 4000k -vf format=pix_fmts=yuv420p';
const SOUND = '-c:a aac -b:a 192k -ac 2 -ar 48000';

/** The checked arguments before and after the input. */
function argumentsOf(given: object): { input: string; output: string } {
  const profile = broadcastProfile(fields.parse({ transcode: true, ...given }));
  const request = { profile, variables: {}, inputUrl: 'http://provider.example/1.ts' };
  const resolved = resolveProfile(request, { type: 'cpu', device: '', hevc: true });
  expect([resolved.container, resolved.hls]).toEqual(['mpegts', false]);
  return { input: resolved.inputOptions.join(' '), output: resolved.outputOptions.join(' ') };
}

describe('a profile', () => {
  it.each([
    ['nothing', {}, '', `${PICTURE} ${SOUND} -sn -dn`],
    [
      'what m3u-editor leaves empty',
      { video_bitrate: '', preset: '', hwaccel: null },
      '',
      `${PICTURE} ${SOUND} -sn -dn`,
    ],
    [
      'bitrates as numbers, and with a unit',
      { video_bitrate: '2.5M', audio_bitrate: 96 },
      '',
      `${PICTURE.replaceAll('2000k', '2500k').replace('4000k', '5000k')} ${SOUND.replace('192k', '96k')} -sn -dn`,
    ],
    [
      'a size, and whole pictures',
      { video_resolution: '1280x720', deinterlace: '1' },
      '',
      `${PICTURE.replace('format', 'yadif=deint=interlaced,scale=s=1280x720:force_original_aspect_ratio=decrease:force_divisible_by=2,format')} ${SOUND} -sn -dn`,
    ],
    [
      'an encoder and a decoder of a graphics card',
      { video_codec: 'h264_nvenc', hwaccel: 'cuda', preset: 'p4' },
      '-hwaccel cuda',
      `${PICTURE.replace('libx264', 'h264_nvenc').replace('veryfast', 'p4')} ${SOUND} -sn -dn`,
    ],
    ['a picture as it is', { video_codec: 'copy' }, '', `-c:v copy ${SOUND} -sn -dn`],
    ['sound as it is', { audio_codec: 'copy' }, '', `${PICTURE} -c:a copy -sn -dn`],
  ])('of %s', (_, given, input, output) => {
    expect(argumentsOf(given)).toEqual({ input, output });
  });

  it.each([
    { video_codec: 'libx264 -y /tmp/x' },
    { video_codec: 'LIBX264' },
    { preset: 'fast,movie=/etc/passwd' },
    { hwaccel: 'cuda -f' },
    { video_resolution: '1280x720,movie=x' },
    { video_resolution: '0x720' },
    { video_bitrate: '2000k -f null' },
    { audio_bitrate: -1 },
  ])('is refused for %o', (given) => {
    expect(fields.safeParse({ transcode: true, ...given }).success).toBe(false);
  });
});
