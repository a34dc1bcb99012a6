/**
 * Leaves one variant in an HLS master playlist, and one of its audio renditions. FFmpeg would open all that it finds,
 * each over its own connection, until it has chosen. Pure.
 */

import { languageCode } from '../../../../shared/languages.ts';
import { type Attributes, attributesOf } from '../playlists/attribute-list.ts';

/** What the output needs from its source. */
export interface WantedVariant {
  readonly video: boolean;
  readonly audio: boolean;
  /** Maximum size of the output in pixels; undefined: the size of the source. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** In the form of `languageCode`, the preferred one first. */
  readonly languages: readonly string[];
  /** The output takes more than the first track of each kind, so all renditions of the variant stay. */
  readonly allRenditions: boolean;
  /** It is this one, if it is there; undefined: whichever fits. */
  readonly address?: string | undefined;
  /** Number of failed tries. Each one moves on to the next best variant. */
  readonly attempt: number;
}

interface Variant {
  /** Line of its tag. Its address is the next line that is not a comment. */
  readonly line: number;
  readonly attributes: Attributes;
  readonly width: number;
  readonly height: number;
  readonly bandwidth: number;
}

const AUDIO_CODEC = /^(?:mp4a|ac-3|ec-3|ac-4|opus|flac|alac|dts)/i;
/** Codecs that FFmpeg often fails to decode, and pictures that are too dark without tone mapping. */
const HARD_CODEC = /^(?:dv|vvc|vvi|av01)/i;
const HARD_RANGE = /^(?:PQ|HLG)$/;

/**
 * The playlist with only the best variant. A playlist without variants stays as it is.
 * @param url where it was found
 */
export function withOneVariant(text: string, wanted: WantedVariant, url: string): string {
  const lines = text.split(/\r\n|[\n\r\0]/);
  const variants = lines.flatMap((line, index) =>
    line.startsWith('#EXT-X-STREAM-INF:') ? [variantOf(line, index)] : [],
  );
  const named = variants.filter(
    ({ line }) => wanted.address !== undefined && addressAt(lines, line, url) === wanted.address,
  );
  const ranked = [...new Set([...named, ...ranking(variants, wanted)])];
  const chosen = ranked[wanted.attempt % ranked.length];
  if (chosen === undefined) return text;
  const rendition = wanted.allRenditions ? undefined : soundOf(lines, chosen, wanted.languages);
  let skipped = false;
  const kept = lines.filter((line, index) => {
    if (line.startsWith('#EXT-X-STREAM-INF:')) {
      skipped = index !== chosen.line;
      return !skipped;
    }
    if (line.startsWith('#EXT-X-I-FRAME-STREAM-INF:')) return false;
    if (line.startsWith('#EXT-X-MEDIA:')) {
      return wanted.allRenditions ? belongsTo(attributesOf(line), chosen) : wanted.audio && index === rendition;
    }
    if (line.startsWith('#') || line.trim() === '') return true;
    const isAddress = !skipped;
    skipped = false;
    return isAddress;
  });
  return kept.join('\n');
}

/** The whole address of a variant; undefined where its tag has none. */
function addressAt(lines: readonly string[], tag: number, url: string): string | undefined {
  const address = lines
    .slice(tag + 1)
    .find((line) => !line.startsWith('#') && line.trim() !== '')
    ?.trim();
  return address !== undefined && URL.canParse(address, url) ? new URL(address, url).href : undefined;
}

/** Best first: the smallest that fills the output, then larger ones, then the largest of the smaller ones. */
function ranking(variants: readonly Variant[], wanted: WantedVariant): Variant[] {
  const fitting = (test: (variant: Variant) => boolean): Variant[] => {
    const found = variants.filter(test);
    return found.length > 0 ? found : [...variants];
  };
  const larger = (a: Variant, b: Variant) => b.width * b.height - a.width * a.height || b.bandwidth - a.bandwidth;
  if (!wanted.video) {
    const sound = variants.filter(isSoundAlone).sort((a, b) => b.bandwidth - a.bandwidth);
    return sound.length > 0 ? sound : [...variants].sort((a, b) => a.bandwidth - b.bandwidth);
  }
  const pictures = fitting((variant) => !isSoundAlone(variant));
  const easy = pictures.filter((variant) => !isHard(variant));
  const candidates = (easy.length > 0 ? easy : pictures).sort(larger);
  const { width = Number.POSITIVE_INFINITY, height = Number.POSITIVE_INFINITY } = wanted;
  const fills = candidates.filter((variant) => variant.width >= width || variant.height >= height);
  const smaller = candidates.filter((variant) => !fills.includes(variant));
  const smallestFirst = fills.sort((a, b) => a.width * a.height - b.width * b.height || b.bandwidth - a.bandwidth);
  return [...smallestFirst, ...smaller];
}

/** Line of the audio rendition that plays with the variant; undefined when the audio is in the variant itself. */
function soundOf(lines: readonly string[], { attributes }: Variant, languages: readonly string[]): number | undefined {
  const group = attributes.get('AUDIO');
  const renditions = lines.flatMap((line, index) => {
    const media = line.startsWith('#EXT-X-MEDIA:') ? attributesOf(line) : undefined;
    return media?.get('TYPE') === 'AUDIO' && media.get('GROUP-ID') === group ? [{ index, media }] : [];
  });
  const rank = (media: Attributes): number => {
    const code = languageCode(media.get('LANGUAGE') ?? '');
    const at = code === undefined ? -1 : languages.indexOf(code);
    const isNarrated = /describes-video/.test(media.get('CHARACTERISTICS') ?? '');
    const isDefault = media.get('DEFAULT') === 'YES';
    return (at < 0 ? languages.length : at) * 4 + (isNarrated ? 2 : 0) + (isDefault ? 0 : 1);
  };
  return renditions.sort((a, b) => rank(a.media) - rank(b.media))[0]?.index;
}

/** Whether a rendition belongs to the variant. */
function belongsTo(media: Attributes, { attributes }: Variant): boolean {
  const type = media.get('TYPE') ?? '';
  return attributes.get(type) === media.get('GROUP-ID');
}

function isSoundAlone({ attributes, height }: Variant): boolean {
  const codecs = codecsOf(attributes);
  return height === 0 && codecs.length > 0 && codecs.every((codec) => AUDIO_CODEC.test(codec));
}

function isHard({ attributes }: Variant): boolean {
  return (
    codecsOf(attributes).some((codec) => HARD_CODEC.test(codec)) || HARD_RANGE.test(attributes.get('VIDEO-RANGE') ?? '')
  );
}

function codecsOf(attributes: Attributes): string[] {
  return (attributes.get('CODECS') ?? '').split(',').flatMap((codec) => (codec.trim() === '' ? [] : [codec.trim()]));
}

function variantOf(line: string, index: number): Variant {
  const attributes = attributesOf(line);
  const [, width = '0', height = '0'] = /^(\d{1,5})x(\d{1,5})$/i.exec(attributes.get('RESOLUTION') ?? '') ?? [];
  const bandwidth = Number(attributes.get('BANDWIDTH') ?? 0) || 0;
  return { line: index, attributes, width: Number(width), height: Number(height), bandwidth };
}
