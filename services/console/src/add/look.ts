/** What `POST /console/source` says of a source, in a sentence. Pure. */

import { count, megabytes, oneDecimal } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

export type Look =
  | {
      readonly state: 'found';
      readonly kind: 'mpegts' | 'hls' | 'dash' | 'file' | 'other';
      readonly bytes: number;
      readonly took_ms: number;
      readonly variants: number | null;
      readonly resolution: string | null;
      readonly video_codec: string | null;
      readonly fps: number | null;
      readonly audio_codec: string | null;
      readonly audio_channels: string | null;
      readonly file_bytes: number | null;
    }
  | { readonly state: 'list'; readonly channels: number; readonly names: readonly string[] }
  | { readonly state: 'playing' | 'full'; readonly streams: readonly string[] }
  | { readonly state: 'failed'; readonly reason: string };

/** Whether a stream of it would play, and what there is to say. */
export function sentenceOf(look: Look): { readonly tone: 'good' | 'warn' | 'bad'; readonly text: string } {
  const { add } = words;
  const names = 'streams' in look ? look.streams.map((name) => visible(name)).join(', ') : '';
  switch (look.state) {
    case 'found':
      return { tone: 'good', text: foundOf(look) };
    case 'list':
      return { tone: 'bad', text: add.list(look.channels, look.names.map((name) => visible(name)).join(', ')) };
    case 'playing':
      return { tone: 'good', text: add.playing(names) };
    case 'full':
      return { tone: 'warn', text: add.full(names) };
    case 'failed':
      return { tone: 'bad', text: add.failed(visible(look.reason)) };
  }
}

function foundOf(look: Extract<Look, { state: 'found' }>): string {
  const { add } = words;
  const { kind, bytes, took_ms: ms, variants, resolution, file_bytes: size } = look;
  const read = add.read(
    bytes < 1_000_000 ? count(bytes / 1_000) : oneDecimal(bytes / 1_000_000),
    bytes >= 1_000_000,
    ms,
  );
  switch (kind) {
    case 'mpegts':
      return `${add.kinds.mpegts} ${mediaOf(look)}${read}`;
    case 'hls':
      return variants === null
        ? add.kinds.hls
        : `${add.kinds.hls} ${add.variants(variants, visible(resolution ?? ''))}`;
    case 'dash':
      return add.kinds.dash;
    case 'file':
      return size === null ? add.kinds.file : `${add.kinds.file} ${add.size(megabytes(size))}`;
    case 'other':
      return `${add.kinds.other} ${read}`;
  }
}

/** What is in it, as far as that was seen: it may have pictures, sound, or both. */
function mediaOf(look: Extract<Look, { state: 'found' }>): string {
  const { resolution, video_codec: video, fps, audio_codec: audio, audio_channels: channels } = look;
  const rate = fps === null ? '' : words.add.fps(fps);
  const parts = [
    [resolution ?? '', rate, video ?? ''].filter((part) => part !== '').join(' '),
    [audio ?? '', channels ?? ''].filter((part) => part !== '').join(' '),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : words.add.media(parts.map((part) => visible(part)).join(' + '));
}
