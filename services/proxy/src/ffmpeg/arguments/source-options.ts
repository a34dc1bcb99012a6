/**
 * Takes out of a profile what it says to the provider: FFmpeg's options of HTTP that stand before `-i`. The worker opens the source,
 * so they become headers of the stream. Source of the options: FFmpeg's documentation, "Protocols", http. Pure.
 */
import { StreampoolError } from '../../errors.ts';

export interface SourceOptions {
  /** The arguments without these options. */
  readonly args: readonly string[];
  /** By the name as the profile has it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string | undefined;
}

/** As FFmpeg and its older versions spell it. */
const USER_AGENT = ['-user_agent', '-user-agent'];
/** Line ends, or the letters that people write for them in a template. */
const LINE_END = /\r\n|\n|\r|\\r\\n|\\n|\\r/;

/**
 * @param args of a profile, split and with its variables filled in
 * @throws StreampoolError 422 for an option without its value, or a line that is no header
 * @example takeSourceOptions(['-user_agent', 'VLC', '-i', url]) // { args: ['-i', url], headers: {}, userAgent: 'VLC' }
 */
export function takeSourceOptions(args: readonly string[]): SourceOptions {
  const input = args.indexOf('-i');
  const kept: string[] = [];
  const headers: Record<string, string> = {};
  let userAgent: string | undefined;
  for (let at = 0; at < args.length; at += 1) {
    const option = args[at] ?? '';
    const isTaken = at < input && (USER_AGENT.includes(option) || Object.hasOwn(TAKEN, option));
    if (!isTaken) {
      kept.push(option);
      continue;
    }
    at += 1;
    const value = args[at];
    if (value === undefined || at >= input) throw refused(option, 'it needs a value');
    if (USER_AGENT.includes(option)) userAgent = value.trim() === '' ? undefined : value.trim();
    else Object.assign(headers, TAKEN[option]?.(value));
  }
  const named = Object.entries(headers).find(([name]) => name.toLowerCase() === 'user-agent');
  if (named === undefined) return { args: kept, headers, userAgent };
  const { [named[0]]: agent, ...others } = headers;
  return { args: kept, headers: others, userAgent: userAgent ?? agent };
}

const TAKEN: Readonly<Record<string, (value: string) => Record<string, string>>> = {
  '-headers': headerLines,
  '-referer': (value) => ({ Referer: value.trim() }),
  '-cookies': cookieHeader,
};

function headerLines(text: string): Record<string, string> {
  const lines = text.split(LINE_END).filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
      // The line may be a credential, so it is not shown.
      if (name === undefined || value === undefined) throw refused('-headers', 'each line must be "Name: value"');
      return [name, value] as const;
    }),
  );
}

/** Each line is a cookie as a server sets it; what follows its value says where it belongs, which a source knows by itself. */
function cookieHeader(text: string): Record<string, string> {
  const pairs = text.split(LINE_END).flatMap((line) => {
    const pair = line.split(';', 1)[0]?.trim() ?? '';
    return pair === '' ? [] : [pair];
  });
  if (pairs.some((pair) => !/^[^=\s]+=/.test(pair))) throw refused('-cookies', 'each line must be "name=value; …"');
  return pairs.length === 0 ? {} : { Cookie: pairs.join('; ') };
}

function refused(option: string, advice: string): StreampoolError {
  return new StreampoolError(422, `The profile argument '${option}' is refused: ${advice}.`);
}
