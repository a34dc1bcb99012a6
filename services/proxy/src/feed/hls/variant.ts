/** What an entry says of a feed: its codecs, the size and the rate of its pictures, and its bit rate, read from the feed's own bytes. */

import type { MediaFacts } from '../../../../shared/media-facts.ts';
import { layoutName, pictureName, soundName } from '../../mpegts/naming/ffmpeg-names.ts';
import { pictureCodec } from '../../mpegts/naming/picture-codec.ts';
import { soundCodec } from '../../mpegts/naming/sound-codec.ts';
import { elementaryOf, type ScannedUnit, UnitScanner } from '../../mpegts/segmenting/unit-scanner.ts';
import { pictureShape } from '../../mpegts/syntax/picture-shape.ts';
import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import { FeedProgram, type FeedTrack } from './feed-program.ts';

export interface Described {
  /** As RFC 6381 writes them, pictures first. None while a track of the feed has no such name: players want all or none. */
  readonly codecs: readonly string[];
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** Pictures a second. */
  readonly frameRate?: number | undefined;
}

export interface Variant extends Described {
  /** bit/s, of the segment with the most. */
  readonly peakBitsPerSecond: number;
}

/** What was read of a feed. */
export interface Reading {
  /** For the entry. */
  readonly described: Described;
  /** For people: of the pictures, and of the first track of sound. */
  readonly facts: MediaFacts;
}

/**
 * hls.js gives a variant up when the browser does not know one of its codecs by name. Without a list, it plays MPEG layer II in
 * Chromium, and the pictures beside AC-3.
 */
const HARMFUL = new Set(['mp4a.40.33', 'ac-3', 'ec-3']);
/** Tables and headers of a picture stand in its first packets. */
const HEAD_PACKETS = 16;
/** Times are rounded to ticks, so the steps of 23.976 pictures a second are 3,753 and 3,754. */
const SAME_STEP_TICKS = 2;

/** @param pieces whole packets, as a splicer has written them: tables first, then some seconds that begin with a keyframe */
export function readMedia(pieces: Iterable<Buffer>): Reading {
  const program = new FeedProgram();
  const names = new Map<FeedTrack, string>();
  const plain = new Map<FeedTrack, string>();
  const layouts = new Map<FeedTrack, string | undefined>();
  const times: number[] = [];
  let size: Described['size'];
  const picture = (unit: ScannedUnit, track: FeedTrack) => {
    if (unit.dts !== undefined) times.push(unit.dts);
    if (names.has(track) || (size !== undefined && plain.has(track))) return;
    const head = elementaryOf(unit, HEAD_PACKETS);
    const name = pictureCodec(track.codec, head);
    if (name !== undefined) names.set(track, name);
    size ??= sizeOf(pictureShape(track.codec, head));
    const plainName = pictureName(track.codec, head);
    if (plainName !== undefined && !plain.has(track)) plain.set(track, plainName);
  };
  const sound = (unit: ScannedUnit, track: FeedTrack) => {
    if (names.has(track) || track.audioCodec === undefined || unit.pts === undefined) return;
    const [frame] = track.sound.read(elementaryOf(unit), unit.pts).frames;
    if (frame === undefined) return;
    names.set(track, soundCodec(track.audioCodec, frame.bytes));
    plain.set(track, soundName(track.audioCodec, frame.bytes));
    layouts.set(track, layoutName(track.audioCodec, frame.bytes));
  };
  const scanner = new UnitScanner((unit) => {
    if (program.isTable(unit) || !unit.starts) return;
    const track = program.tracks.get(unit.pid);
    if (track?.kind === 'video' && track.leads) picture(unit, track);
    else if (track?.kind === 'audio') sound(unit, track);
  });
  for (const piece of pieces) scanner.push(piece);
  const media = [...program.tracks.values()].filter(({ kind }) => kind !== 'other');
  const known = media.flatMap((track) => names.get(track) ?? []);
  const isPictureFirst = (name: string) => (/^(avc|hvc)/.test(name) ? 0 : 1);
  const codecs = [...new Set(known)].sort((one, other) => isPictureFirst(one) - isPictureFirst(other));
  const isListed = known.length === media.length && !known.some((name) => HARMFUL.has(name));
  const frameRate = rateOf(times);
  const [video, audio] = (['video', 'audio'] as const).map((wanted) =>
    media.filter(({ kind }) => kind === wanted).sort((one, other) => one.order - other.order),
  );
  const leader = video?.find(({ leads }) => leads);
  const [first] = audio ?? [];
  return {
    described: { codecs: isListed ? codecs : [], size, frameRate },
    facts: {
      resolution: size && `${size.width}x${size.height}`,
      videoCodec: leader && plain.get(leader),
      fps: leader && frameRate && Math.round(frameRate * 100) / 100,
      audioCodec: first && plain.get(first),
      audioChannels: first && layouts.get(first),
    },
  };
}

function sizeOf(shape: string | undefined): Described['size'] {
  const [, width, height] = /^(\d+)x(\d+)/.exec(shape ?? '') ?? [];
  return width === undefined ? undefined : { width: Number(width), height: Number(height) };
}

/** From the usual distance of two pictures: a lost one, or a jump of the clock, changes nothing. */
function rateOf(times: readonly number[]): number | undefined {
  const steps = times.slice(1).map((dts, at) => dts - (times[at] as number));
  const usual = steps.toSorted((one, other) => one - other)[steps.length >> 1];
  if (usual === undefined || usual <= 0) return undefined;
  const alike = steps.filter((step) => Math.abs(step - usual) <= SAME_STEP_TICKS);
  return (TICKS_PER_SECOND * alike.length) / alike.reduce((sum, step) => sum + step, 0);
}

/**
 * The peak bit rate of what nobody has cut into segments yet.
 *
 * @param entries where a segment could begin: positions in bytes and times in ms
 * @param segmentMs HLS_SEGMENT_TIME
 */
export function peakOf(
  entries: readonly { readonly position: number; readonly mediaMs: number }[],
  segmentMs: number,
): number | undefined {
  let [from] = entries;
  let peak: number | undefined;
  for (const entry of entries) {
    if (from === undefined || entry.mediaMs - from.mediaMs < segmentMs) continue;
    const rate = ((entry.position - from.position) * 8 * 1000) / (entry.mediaMs - from.mediaMs);
    peak = Math.max(peak ?? 0, rate);
    from = entry;
  }
  return peak;
}
