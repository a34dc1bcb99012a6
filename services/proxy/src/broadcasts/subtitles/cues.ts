/** What a subtitle file says, and when. SubRip and WebVTT are read. */

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

type Format = 'vtt' | 'srt';

/** `00:01:02,500 --> 00:01:04.000 line:0`: hours may be left out, and what stands behind is WebVTT's. */
const TIMES = /^\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})\s+-->\s+((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})(.*)$/;
const SETTING = /^(?:vertical|line|position|size|align):[\w.,%-]+$/;
const WEBVTT = /^\uFEFF?WEBVTT(?:[ \t\r\n]|$)/;
/** Tags of SubRip that WebVTT has too. */
const SHARED_TAG = /^<\/?[biu]>$/i;
/** A tag, or what belongs to none. */
const TAG_OR_MARK = /<\/?[a-zA-Z][^<>]*>|[<>&]/g;
const ENTITY: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' };
/** What other programs understand as a position in SubRip. */
const OVERRIDE = /\{\\[^{}]*\}/g;

/** The cues of a file, in the order of their times. None: it is no such file, or there is nothing in it. */
export function cuesOf(file: Uint8Array): Cue[] {
  const text = textOf(file).replaceAll('\0', '').replace(/\r\n?/g, '\n');
  const format: Format = WEBVTT.test(text) ? 'vtt' : 'srt';
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .flatMap((block) => cueIn(block, format) ?? [])
    .filter(({ start, end, text: lines }) => end > start && lines !== '')
    .sort((one, other) => one.start - other.start || one.end - other.end);
}

/** Above the times may stand a number or a name. Undefined: there are no times in it, as in a remark. */
function cueIn(block: string, format: Format): Cue | undefined {
  const lines = block.split('\n');
  const at = lines.findIndex((line) => TIMES.test(line));
  const [, start, end, behind = ''] = TIMES.exec(lines[at] ?? '') ?? [];
  if (start === undefined || end === undefined) return undefined;
  const settings = format === 'vtt' ? behind.split(/\s+/).filter((each) => SETTING.test(each)) : [];
  return {
    start: secondsOf(start),
    end: secondsOf(end),
    text: shown(lines.slice(at + 1).join('\n'), format),
    settings: settings.join(' '),
  };
}

function secondsOf(time: string): number {
  return time
    .replace(',', '.')
    .split(':')
    .reduce((seconds, part) => 60 * seconds + Number(part), 0);
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

function shown(text: string, format: Format): string {
  const written = format === 'vtt' ? text.replaceAll('-->', '--&gt;') : fromSubRip(text);
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
