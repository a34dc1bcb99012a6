/**
 * The types of values for options and filter options. A type reads a caller's text and writes it anew, and FFmpeg only
 * gets what the type has written. No type can write a path, a URL, a line break or an option.
 */
import { StreampoolError } from '../../errors.ts';
import { readExpression } from './expression.ts';
import { readChannelMix, readDrawnText, readEqualizerBands, readFontName } from './text-types.ts';

export interface ValueType {
  /** For an error: "-b:v takes <expects>". */
  readonly expects: string;
  /** The value in the form that FFmpeg takes; undefined when `text` is not of this type. */
  read(text: string): string | undefined;
}

const SIZES =
  'ntsc pal qntsc qpal sntsc spal film ntsc-film sqcif qcif cif 4cif 16cif qqvga qvga vga svga xga uxga qxga sxga wvga wxga wsxga wuxga cga ega hd480 hd720 hd1080 2k 4k nhd hqvga wqvga fwqvga hvga qhd 2kdci 4kdci uhd2160 uhd4320';
const RATES = 'ntsc pal qntsc qpal sntsc spal film ntsc-film';
const SCALER_FLAGS =
  'fast_bilinear bilinear bicubic experimental neighbor area bicublin gauss sinc lanczos spline accurate_rnd full_chroma_int full_chroma_inp bitexact error_diffusion'.split(
    ' ',
  );
const NUMBER = /^\+?(-?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,3})?)((?:[kKMG]i?B?|dB)?)$/;
const INTEGER = /^\+?(-?)0*(\d{1,18})$/;
const TRUE = new Set('1 true yes y on enable enabled'.split(' '));
const FALSE = new Set('0 false no n off disable disabled'.split(' '));
/** Enough for any list that a person writes. */
const MAX_LIST_CHARS = 1000;

/** A type whose values match `pattern` completely and stay unchanged. */
function pattern(expects: string, shape: RegExp): ValueType {
  return { expects, read: (text) => (text.length <= MAX_LIST_CHARS && shape.test(text) ? text : undefined) };
}

function readNumber(text: string): string | undefined {
  const match = NUMBER.exec(text);
  return match === null ? undefined : `${match[1]}${match[2]}`;
}

function readInteger(text: string): string | undefined {
  const match = INTEGER.exec(text);
  return match === null ? undefined : `${match[2] === '0' ? '' : match[1]}${match[2]}`;
}

function readBoolean(text: string): string | undefined {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return '1';
  if (FALSE.has(word)) return '0';
  return word === 'auto' || word === '-1' ? 'auto' : undefined;
}

function readRatio(text: string): string | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(?:[:/](\d{1,9}))?$/.exec(text);
  return match === null ? undefined : match[2] === undefined ? match[1] : `${match[1]}/${match[2]}`;
}

function readSize(text: string): string | undefined {
  const match = /^(\d{1,5})[xX](\d{1,5})$/.exec(text);
  if (match !== null) return `${match[1]}x${match[2]}`;
  return SIZES.split(' ').includes(text) ? text : undefined;
}

function readCount(text: string): string | undefined {
  const count = readInteger(text);
  return count !== undefined && Number(count) >= 1 && Number(count) <= 64 ? count : undefined;
}

const TYPES: Readonly<Record<string, ValueType>> = {
  integer: { expects: 'a whole number', read: readInteger },
  count: { expects: 'a whole number from 1 to 64', read: readCount },
  number: { expects: 'a number', read: readNumber },
  bitrate: {
    expects: 'a bitrate such as 2M, 2500k or 800000',
    read: (text) => (text.startsWith('-') || text.endsWith('dB') ? undefined : readNumber(text)),
  },
  boolean: { expects: '0 or 1', read: readBoolean },
  rate: {
    expects: 'a frame rate such as 25 or 30000/1001',
    read: (text) => (RATES.split(' ').includes(text) ? text : readRatio(text)),
  },
  ratio: { expects: 'a ratio such as 16/9', read: (text) => readRatio(text) ?? readExpression(text) },
  aspect: { expects: 'an aspect ratio such as 16:9', read: (text) => readRatio(text)?.replace('/', ':') },
  size: { expects: 'a size such as 1280x720', read: readSize },
  color: pattern(
    'a colour such as white@0.5 or #202020',
    /^(?:[A-Za-z]{1,24}|(?:#|0x)?[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?)(?:@(?:0x[0-9A-Fa-f]{1,2}|\d(?:\.\d{1,6})?))?$/,
  ),
  duration: pattern(
    'a time such as 2.5, 200ms or 00:00:02',
    /^-?(?:(?:\d{1,3}:)?\d{1,2}:\d{1,2}(?:\.\d{1,9})?|\d{1,12}(?:\.\d{0,9})?(?:s|ms|us)?)$/,
  ),
  word: pattern('a name', /^(?:\w[\w.+-]{0,63}|-?\d{1,18}(?:\.\d{1,18})?)$/),
  words: pattern('names with | between them', /^-?\w[\w.()+@-]*(?:\|[\w.()+@-]+)*$/),
  'word-list': pattern('names with a comma or a plus between them', /^[+-]?\w+(?:[,+-]\w+)*$/),
  numbers: pattern('numbers', /^[-+.\d][-+.\deEdBkMS|:,/ ]*$/),
  expression: { expects: 'an expression of numbers, names and functions', read: readExpression },
  'drawn-text': { expects: 'text that expands only times, frame numbers and metadata', read: readDrawnText },
  font: { expects: 'the name of a font', read: readFontName },
  'scaler-flags': {
    expects: `scaler flags among ${SCALER_FLAGS.join(', ')}`,
    read: (text) => readFlags(text, new Set(SCALER_FLAGS)),
  },
  timecode: pattern('a time code such as 00:00:00:00', /^\d\d:\d\d:\d\d[:;.]\d\d$/),
  mix: { expects: 'a mix such as stereo|c0=FL|c1=FR', read: readChannelMix },
  bands: { expects: 'bands such as c0 f=200 w=100 g=-10 t=1', read: readEqualizerBands },
  postprocess: pattern('names of post-processing steps', /^\w[\w:,/|~*-]*$/),
  codec: pattern('the name of an encoder or decoder, or copy', /^[A-Za-z0-9][\w-]{0,63}$/),
  fourcc: pattern('four characters such as hvc1, or a number', /^(?:\w{4}|0x[0-9A-Fa-f]{1,8})$/),
  'stream-id': pattern('a stream and its number, such as 0:256', /^\d{1,3}:\d{1,5}$/),
};

/** The type of an option that nobody may set. */
export const NOT_ALLOWED: ValueType = { expects: 'nothing', read: () => undefined };

/**
 * The type for an entry of a table: a name above; a name with additional words (`integer(none|fast)`, `flags(a|b)`); or
 * `none` for an option that nobody may set.
 */
export function typeOf(spelling: string): ValueType {
  if (spelling === 'none') return NOT_ALLOWED;
  const named = /^([\w-]+)\(([^)]*)\)$/.exec(spelling);
  if (named === null) {
    const type = TYPES[spelling];
    if (type === undefined) throw new Error(`No value type is called '${spelling}'.`);
    return type;
  }
  const names = new Set((named[2] ?? '').split('|'));
  const listed = [...names].join(', ');
  if (named[1] === 'flags') return { expects: `flags among ${listed}`, read: (text) => readFlags(text, names) };
  const base = typeOf(named[1] ?? '');
  return {
    expects: `${base.expects}, or one of ${listed}`,
    read: (text) => (names.has(text) ? text : base.read(text)),
  };
}

/** `+a-b`, `a+b` or `a|b`, but no number, because its bits could mean anything. */
function readFlags(text: string, names: ReadonlySet<string>): string | undefined {
  if (!/^[+-]?\w+(?:[+|-]\w+)*$/.test(text) || text.length > MAX_LIST_CHARS) return undefined;
  const flags = text.split(/[+|-]/).filter((flag) => flag !== '');
  return flags.every((flag) => names.has(flag)) ? text.replaceAll('|', '+') : undefined;
}

/**
 * Reads a value with `type`.
 *
 * @param what The option or filter option, as an error names it.
 * @throws StreampoolError 422 naming what is allowed.
 */
export function readValue(type: ValueType, text: string, what: string): string {
  const value = type.read(text);
  if (value === undefined) {
    throw new StreampoolError(422, `The profile's ${what} may not be '${shorten(text)}': it takes ${type.expects}.`);
  }
  return value;
}

/** Shortens a value for an error. */
export function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
