/** What a subtitle file says, and when. SubRip and WebVTT are read. */

import * as captions from 'media-captions';

/** Text that is shown for a time. */
export interface Cue {
  /** In the file's own time, s. */
  readonly start: number;
  readonly end: number;
  /** As WebVTT has it: lines, without a blank one. */
  readonly text: string;
  /** Where it stands, as WebVTT says it behind the times. Empty: at the bottom. */
  readonly settings: string;
}

/** A cue as `media-captions` reads it. */
interface ReadCue {
  readonly startTime: number;
  readonly endTime: number;
  readonly text: string;
  readonly vertical: string;
  readonly line: number | 'auto';
  /** `line` is a number of lines, and no percentage. */
  readonly snapToLines: boolean;
  readonly lineAlign: string;
  readonly position: number | 'auto';
  readonly positionAlign: string;
  readonly size: number;
  readonly align: string;
}
type Format = 'vtt' | 'srt';

// Its types leave out the endings of files, so TypeScript does not find them.
const { parseText } = captions as unknown as {
  parseText: (text: string, options: { readonly type: Format }) => Promise<{ readonly cues: readonly ReadCue[] }>;
};

const WEBVTT = /^\uFEFF?WEBVTT(?:[ \t\r\n]|$)/;
/** Tags of SubRip that WebVTT has too. */
const SHARED_TAG = /^<\/?[biu]>$/i;
/** A tag, or what belongs to none. */
const TAG_OR_MARK = /<\/?[a-zA-Z][^<>]*>|[<>&]/g;
const ENTITY: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' };
/** What other programs understand as a position in SubRip. */
const OVERRIDE = /\{\\[^{}]*\}/g;

/** The cues of a file, in the order of their times. None: it is no such file, or there is nothing in it. */
export async function cuesOf(file: Uint8Array): Promise<Cue[]> {
  const text = textOf(file).replaceAll('\0', '');
  const type: Format = WEBVTT.test(text) ? 'vtt' : 'srt';
  const { cues } = await parseText(text.replace(/\r\n?/g, '\n'), { type });
  return cues
    .map((cue) => ({ start: cue.startTime, end: cue.endTime, text: shown(cue.text, type), settings: settingsOf(cue) }))
    .filter(({ start, end, text: lines }) => start >= 0 && end > start && lines !== '')
    .sort((one, other) => one.start - other.start || one.end - other.end);
}

/** UTF-8, UTF-16 with its mark, else what Windows wrote before. */
function textOf(file: Uint8Array): string {
  const [first, second] = file;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(file);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch {
    return new TextDecoder('windows-1252').decode(file);
  }
}

function shown(text: string, type: Format): string {
  const written = type === 'vtt' ? text.replaceAll('-->', '--&gt;') : fromSubRip(text);
  return written
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

/** SubRip has no rule for what is no tag, and has tags that WebVTT has not. */
function fromSubRip(text: string): string {
  return text.replace(OVERRIDE, '').replace(TAG_OR_MARK, (found) => {
    if (found.length === 1) return ENTITY[found] ?? '';
    return SHARED_TAG.test(found) ? found.toLowerCase() : '';
  });
}

function settingsOf(cue: ReadCue): string {
  const { vertical, line, snapToLines, lineAlign, position, positionAlign, size, align } = cue;
  const alignedLine = lineAlign === 'start' ? '' : `,${lineAlign}`;
  const alignedPosition = positionAlign === 'auto' ? '' : `,${positionAlign}`;
  return [
    ...(vertical === '' ? [] : [`vertical:${vertical}`]),
    ...(typeof line === 'number' ? [`line:${line}${snapToLines ? '' : '%'}${alignedLine}`] : []),
    ...(typeof position === 'number' ? [`position:${position}%${alignedPosition}`] : []),
    ...(size === 100 ? [] : [`size:${size}%`]),
    ...(align === 'center' ? [] : [`align:${align}`]),
  ].join(' ');
}
