/** How `POST /broadcast/{network_id}/start` asks for another picture and sound, and the profile that makes them. */

import { z } from 'zod';
import { languageCode } from '../../../../shared/languages.ts';
import { bodyFlag, emptyIsNone } from '../http/fields.ts';

/** m3u-editor gives kbit/s as a number or a text, and people a unit. */
const bitrate = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(
    z.string().regex(/^\d{1,6}(\.\d{1,3})?[kKmM]?$/, 'must be kbit/s, such as 2500, or have a unit, such as 2500k'),
  );
const word = (pattern: RegExp, example: string) => z.string().regex(pattern, `must be a name, such as ${example}`);
const optional = <T extends z.ZodType>(schema: T) => emptyIsNone(schema.nullable());

export const transcodeFields = {
  transcode: bodyFlag.default(false).describe('Whether picture and sound are encoded; otherwise they are copied.'),
  video_bitrate: optional(bitrate).describe('kbit/s, with `transcode`; 2000 when absent.'),
  audio_bitrate: optional(bitrate).describe('The same of the sound; 192 when absent.'),
  video_resolution: optional(z.string().regex(/^[1-9]\d{1,3}x[1-9]\d{1,3}$/, 'must be such as 1280x720')).describe(
    'The picture is made to fit in it, with `transcode`.',
  ),
  video_codec: optional(word(/^[a-z0-9_]{1,32}$/, 'libx264')).describe(
    'An encoder of FFmpeg, or `copy`; libx264 when absent.',
  ),
  audio_codec: optional(word(/^[a-z0-9_]{1,32}$/, 'aac')).describe('The same of the sound; aac when absent.'),
  preset: optional(word(/^[a-z0-9]{1,16}$/, 'veryfast')).describe('Of the encoder; veryfast for libx264 and libx265.'),
  hwaccel: optional(word(/^[a-z0-9]{1,16}$/, 'cuda')).describe('How FFmpeg decodes the picture.'),
  preferred_audio_language: optional(z.string())
    .transform((text) => (text == null ? undefined : languageCode(text)))
    .describe(
      'The sound in this language is taken, if the source has it: de, deu and ger are the same. One that is no language does not count.',
    ),
  deinterlace: bodyFlag.nullish().describe('Whether interlaced pictures are made whole.'),
};

const asked = z.object(transcodeFields);
export type TranscodeFields = z.infer<typeof asked>;

const VIDEO_KBITS = '2000';
const AUDIO_KBITS = '192';
const CPU_PRESET = 'veryfast';
/** Encoders that take the presets of x264. */
const CPU_ENCODERS = new Set(['libx264', 'libx265']);

/**
 * The profile for a broadcast, as `POST /transcode` takes one. Whether FFmpeg has the encoders, and whether they may be used, is checked
 * where every profile is.
 */
export function broadcastProfile(fields: TranscodeFields): string {
  const hwaccel = fields.hwaccel ?? 'none';
  return [
    ...(hwaccel === 'none' ? [] : ['-hwaccel', hwaccel]),
    ...['-i', '{input_url}', ...videoOptions(fields), ...audioOptions(fields), '-sn', '-dn'],
    ...['-f', 'mpegts', '{output_args}'],
  ].join(' ');
}

function videoOptions(fields: TranscodeFields): string[] {
  const codec = fields.video_codec ?? 'libx264';
  if (codec === 'copy') return ['-c:v', 'copy'];
  const kbits = kilobits(fields.video_bitrate ?? VIDEO_KBITS);
  const preset = fields.preset ?? (CPU_ENCODERS.has(codec) ? CPU_PRESET : undefined);
  const rate = ['-b:v', `${kbits}k`, '-maxrate', `${kbits}k`, '-bufsize', `${2 * kbits}k`];
  return ['-c:v', codec, ...(preset === undefined ? [] : ['-preset', preset]), ...rate, '-vf', filters(fields)];
}

function filters({ deinterlace, video_resolution: size }: TranscodeFields): string {
  const fit = size == null ? [] : [`scale=s=${size}:force_original_aspect_ratio=decrease:force_divisible_by=2`];
  return [...(deinterlace === true ? ['yadif=deint=interlaced'] : []), ...fit, 'format=yuv420p'].join(',');
}

function audioOptions(fields: TranscodeFields): string[] {
  const codec = fields.audio_codec ?? 'aac';
  if (codec === 'copy') return ['-c:a', 'copy'];
  return ['-c:a', codec, '-b:a', `${kilobits(fields.audio_bitrate ?? AUDIO_KBITS)}k`, '-ac', '2', '-ar', '48000'];
}

/** @param text kbit/s, or with a unit */
function kilobits(text: string): number {
  const factor = /m$/i.test(text) ? 1_000 : 1;
  return Math.max(1, Math.round(Number.parseFloat(text) * factor));
}
