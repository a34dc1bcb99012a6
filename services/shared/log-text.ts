/** A line of the log for people: time, level, worker, what, and what else is known. Pure, but for the look at a terminal. */

import { styleText } from 'node:util';
import type { LogFields } from './log.ts';
import { showControls } from './shown-text.ts';

/** `auto`: text on a terminal, JSON elsewhere. */
export type LogFormat = 'auto' | 'json' | 'text';

export interface TextLook {
  readonly colors: boolean;
  /** Several workers may write to this terminal. */
  readonly worker: boolean;
}

type Style = Parameters<typeof styleText>[0];

const LEVEL_STYLES: Readonly<Record<string, Style>> = {
  fatal: ['red', 'bold'],
  error: 'red',
  warn: 'yellow',
  info: 'green',
  debug: 'dim',
  trace: 'dim',
};

/** They have places of their own in the line. */
const PLACED = ['level', 'time', 'worker', 'msg', 'name'];

/** Ids and hashes: eight digits are enough to tell them apart. */
const LONG_ID = /\b([0-9a-f]{8})[0-9a-f]{24,}\b/g;

/** What messages say with their fields, and which fields those are. */
const SENTENCES: Readonly<Record<string, (fields: LogFields) => readonly [sentence: string, ...said: string[]]>> = {
  request: ({ method, url, status, ms, ip, cut }) => [
    `${method} ${url}: ${status} in ${ms} ms, for ${ip}${cut === true ? ', who did not wait for the end' : ''}`,
    ...['method', 'url', 'status', 'ms', 'ip', 'cut'],
  ],
  'viewer joined': ({ user, ip, player }) => [
    `viewer joined: ${user === undefined ? '' : `${user}, `}${ip}, ${player}`,
    ...['user', 'ip', 'player'],
  ],
  'viewer left': ({ seconds, mbps, skips }) => [
    [
      `viewer left${seconds === undefined ? '' : ` after ${seconds} s`}`,
      ...(mbps === undefined ? [] : [`${mbps} Mbit/s`]),
      ...(skips ? [`${skips} skips`] : []),
    ].join(', '),
    ...['seconds', 'mbps', 'bytes', 'skips'],
  ],
};

/** Fields that a message has in words already, by what it tells of. */
const IN_WORDS: Readonly<Record<string, readonly string[]>> = {
  takeover: ['type', 'from', 'to', 'gapMs', 'clientsKept'],
  handover: ['type', 'from', 'to', 'tookMs', 'clientsKept'],
  ffmpeg_ended: ['type', 'why', 'exit', 'source', 'next'],
};

/**
 * What writes lines for people, if they are wanted.
 *
 * @param out where the lines go; `auto` asks it whether it is a terminal, and colours whether it has them: NO_COLOR turns them off
 * @param worker whether lines say which worker they are of
 */
export function textFor(
  format: LogFormat,
  out: { readonly isTTY?: boolean; hasColors?(): boolean },
  worker: boolean,
): ((fields: LogFields) => string) | undefined {
  const isTerminal = out.isTTY === true;
  if (format === 'json' || (format === 'auto' && !isTerminal)) return undefined;
  const colors = isTerminal && out.hasColors?.() === true;
  return (fields) => asText(fields, { colors, worker });
}

/** @param fields of one line, as JSON has them */
export function asText(fields: LogFields, look: TextLook): string {
  const { level = '', time, worker, name, msg = '', type, err } = fields;
  const paint = (style: Style, text: string) =>
    look.colors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const [sentence, ...said] = SENTENCES[String(msg)]?.(fields) ?? [String(msg), ...(IN_WORDS[String(type)] ?? [])];
  const isNamed = typeof name !== 'string' || sentence.includes(name);
  const what = showControls(isNamed ? sentence : `${name}: ${sentence}`);
  const rest = Object.entries(fields)
    .filter(([key]) => !PLACED.includes(key) && !said.includes(key))
    .map(([key, value]) => `${key}=${shown(value)}`)
    .join(' ');
  const isSevere = level === 'error' || level === 'fatal';
  const parts = [
    paint('dim', clockTime(time)),
    paint(LEVEL_STYLES[String(level)] ?? 'reset', String(level).padEnd(5)),
    look.worker && worker !== undefined ? paint('cyan', showControls(String(worker))) : '',
    isSevere || level === 'warn' ? paint(LEVEL_STYLES[String(level)] ?? 'reset', what) : what,
    paint('dim', showControls(rest)),
  ];
  return [parts.filter((part) => part !== '').join(' '), ...(isSevere ? stackOf(err) : [])].join('\n');
}

/** In the machine's time zone, because people compare it with their own clock. */
function clockTime(time: unknown): string {
  const date = new Date(String(time));
  if (Number.isNaN(date.getTime())) return '';
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

function shown(value: unknown): string {
  const text = isError(value) ? value.message : typeof value === 'string' ? value : JSON.stringify(value);
  const short = text.replace(LONG_ID, '$1…');
  return short === '' || /[\s"]/.test(short) ? JSON.stringify(short) : short;
}

function isError(value: unknown): value is { readonly message: string; readonly stack?: string } {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';
}

/** A programmer needs it, and nobody else: it is shown for errors alone. */
function stackOf(err: unknown): string[] {
  if (!isError(err) || err.stack === undefined) return [];
  return err.stack
    .split('\n')
    .slice(1)
    .map((line) => showControls(line));
}
