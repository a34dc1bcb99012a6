/**
 * Reads `resolver_args`: what a caller may ask of a page resolver. Each option is on a list and each value has its form, and both are
 * written anew, so nothing of the caller's own spelling reaches the program. Pure.
 */
import { StreampoolError } from '../errors.ts';
import { NAMES, type PageResolver } from './page-resolver.ts';

export interface ResolverArguments {
  /** Streamlink: names of streams, the best first. yt-dlp: a format selection. */
  readonly quality: string;
  /** As the program takes them: `--name=value`. */
  readonly options: readonly string[];
  /** Stands before the URL, which is then that of a playlist, a manifest or media itself: `hls://`. */
  readonly scheme?: string;
}

interface Rule {
  /** The form of its value; absent: it has none. */
  readonly value?: RegExp;
  /** Accepted for compatibility. It concerns the transfer of the media, which the worker does itself. */
  readonly isDropped?: true;
}

interface Rules {
  readonly default: string;
  readonly quality: RegExp;
  /** What may stand first, see `ResolverArguments`; absent: nothing. */
  readonly scheme?: RegExp;
  /** Names of the option that says the quality, beside the word alone. */
  readonly qualityOptions: readonly string[];
  readonly options: ReadonlyMap<string, Rule>;
}

const LONGEST = 1_000;
const WHOLE = /^\d{1,6}$/;
const NUMBER = /^\d{1,6}(?:\.\d{1,3})?$/;
const LANGUAGES = /^(?:\*|[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}(?:,[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}){0,9})$/;

const dropped = (names: string, value?: RegExp): [string, Rule][] =>
  names.split(/\s+/).map((name) => [name, { isDropped: true, ...(value === undefined ? {} : { value }) }]);

const RULES: Readonly<Record<PageResolver, Rules>> = {
  streamlink: {
    default: 'best',
    quality: /^[A-Za-z0-9][\w+.]{0,39}(?:,[A-Za-z0-9][\w+.]{0,39}){0,9}$/,
    scheme: /^(?:hls|dash|httpstream):\/\/$/,
    qualityOptions: ['--default-stream'],
    options: new Map<string, Rule>([
      ['--stream-types', { value: /^[a-z0-9*-]{1,20}(?:,[a-z0-9*-]{1,20}){0,9}$/ }],
      ['--stream-priority', { value: /^[a-z0-9*-]{1,20}(?:,[a-z0-9*-]{1,20}){0,9}$/ }],
      ['--stream-sorting-excludes', { value: /^[<>=]{0,2}[\w+]{1,20}(?:,[<>=]{0,2}[\w+]{1,20}){0,9}$/ }],
      ['--hls-audio-select', { value: LANGUAGES }],
      ['--locale', { value: /^[a-z]{2}_[A-Z]{2}$/ }],
      ...dropped('--hls-live-edge --stream-segment-threads --stream-segment-attempts --retry-open --retry-max', WHOLE),
      ...dropped('--retry-streams --stream-timeout --stream-segment-timeout --hls-playlist-reload-attempts', NUMBER),
      ...dropped('--ringbuffer-size', /^\d{1,6}[kKmM]?$/),
      ...dropped(
        '--hls-live-restart --hls-segment-stream-data --twitch-disable-ads --twitch-low-latency --mux-subtitles',
      ),
    ]),
  },
  ytdlp: {
    default: 'bestvideo+bestaudio/best',
    quality: /^[\w+/,.()[\]<>=!?*^$~:-]{1,300}$/,
    qualityOptions: ['-f', '--format'],
    options: new Map<string, Rule>([
      ['-S', { value: /^[\w:+~,.<>=-]{1,200}$/ }],
      ['--format-sort', { value: /^[\w:+~,.<>=-]{1,200}$/ }],
      ...dropped('--retries --fragment-retries --concurrent-fragments -N --socket-timeout --buffer-size', NUMBER),
      ...dropped('--no-playlist --no-warnings --no-progress --quiet -q --no-part --hls-use-mpegts --no-cache-dir'),
    ]),
  },
};

/** One spelling of an option, for those that have two. */
const LONG: Readonly<Record<string, string>> = { '-S': '--format-sort' };

/**
 * @param text as the caller sent it; nothing: the resolver's default
 * @throws {StreampoolError} 422 that names what may stand there
 * @example readResolverArguments('streamlink', '720p,best --hls-live-edge 3') // { quality: '720p,best', options: [] }
 */
export function readResolverArguments(resolver: PageResolver, text: string | null | undefined): ResolverArguments {
  const rules = RULES[resolver];
  const given = (text ?? '').trim();
  if (given.length > LONGEST) throw refused(resolver, 'it is too long');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(given)) throw refused(resolver, 'it has a line break or a control character');
  const words = given === '' ? [] : given.split(/ +/).map(withoutQuotes);
  const scheme = rules.scheme?.test(words[0] ?? '') === true ? words.shift() : undefined;
  let quality: string | undefined;
  const options = new Map<string, string>();
  const setQuality = (word: string): void => {
    if (quality !== undefined) throw refused(resolver, `'${shown(word)}' is a second quality`);
    if (!rules.quality.test(word) || word.startsWith('-')) throw refused(resolver, `'${shown(word)}' is no quality`);
    quality = word;
  };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) {
      setQuality(word);
      continue;
    }
    const [name, inline] = divided(word);
    const isQuality = rules.qualityOptions.includes(name);
    const rule = isQuality ? { value: rules.quality } : rules.options.get(name);
    if (rule === undefined) throw refused(resolver, `'${shown(name)}' is not among the options that it may have`);
    if (rule.value === undefined) {
      if (inline !== undefined) throw refused(resolver, `'${shown(name)}' takes no value`);
      continue;
    }
    if (inline === undefined) at += 1;
    const value = withoutQuotes(inline ?? words[at] ?? '');
    // A value never begins like an option: then the option has none.
    if (value.startsWith('-') || !rule.value.test(value)) {
      throw refused(resolver, `'${shown(name)}' may not be '${shown(value)}'`);
    }
    if (isQuality) setQuality(value);
    else if (rule.isDropped !== true) options.set(LONG[name] ?? name, value);
  }
  return {
    quality: quality ?? rules.default,
    options: [...options].map(([name, value]) => `${name}=${value}`),
    ...(scheme === undefined ? {} : { scheme }),
  };
}

function divided(word: string): [name: string, value: string | undefined] {
  const at = word.indexOf('=');
  return at < 0 || !word.startsWith('--') ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** People put a whole word into quotes. Quotes anywhere else fit no form. */
function withoutQuotes(word: string): string {
  const [, , inside] = /^(["'])(.*)\1$/.exec(word) ?? [];
  return inside ?? word;
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function refused(resolver: PageResolver, why: string): StreampoolError {
  const { options, qualityOptions } = RULES[resolver];
  const allowed = [...qualityOptions, ...options.keys()].join(', ');
  return new StreampoolError(
    422,
    `resolver_args is refused: ${why}. ${NAMES[resolver]} may have a quality and these options: ${allowed}.`,
  );
}
