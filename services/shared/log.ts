/**
 * The log on stdout, with secrets masked before they are written: one JSON object a line, or a line for people on a terminal
 * (log-text.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { anonymous } from './masking/anonymous.ts';
import { maskFields } from './masking/fields.ts';
import { maskText } from './masking/mask.ts';

export type Logger = PinoLogger;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The fields of a line, as pino has written them. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** The process's own secrets, masked everywhere. */
  readonly secrets?: readonly string[];
  /** What is added to a line about a stream, by its id, such as its name. */
  readonly aboutStream?: (id: string) => LogFields | undefined;
  /** Whether lines leave out who a viewer is: its name, and the last part of its address. */
  readonly anonymize?: boolean;
  /** A line as people read it, without its end. Unset: JSON. */
  readonly asText?: ((fields: LogFields) => string) | undefined;
}

/**
 * Makes the logger of a process.
 *
 * @param level least severe level that is written
 * @param bindings fields of every line, such as `{ worker: config.workerId }`
 * @param destination where lines go; stdout unless a test sets it
 */
export function createLogger(
  level: LogLevel,
  bindings: LogFields = {},
  destination?: DestinationStream,
  options: LogOptions = {},
): Logger {
  const settings = {
    level,
    base: bindings,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: (line: string) => finished(line, options) },
  };
  return pino(settings, destination ?? stdout());
}

/** Bytes of lines that may wait for whoever reads stdout. What comes then is dropped. */
const MOST_WAITING = 4 * 1024 * 1024;
/** For the last lines of a process. */
const LAST_LINES_MS = 1_000;

/** A terminal may be closed and a disk may be full: the process goes on without a log, and can end. */
function stdout(): DestinationStream {
  // With a length above 0 somebody can wait for what is written.
  const destination = pino.destination({ dest: 1, sync: false, minLength: 1, maxLength: MOST_WAITING });
  destination.on('error', () => giveUp(destination));
  return destination;
}

/** What waits would be tried again for ever when the process ends. */
function giveUp(destination: { flushSync?: () => void }): void {
  destination.flushSync = () => undefined;
}

/** Call it before the end of the process: waits until all lines are written, or cannot be. */
export async function lastLines(log: Logger): Promise<void> {
  const over = new AbortController();
  const late = sleep(LAST_LINES_MS, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([new Promise<void>((resolve) => log.flush(() => resolve())), late]);
  over.abort();
}

/** Works on a whole line, so that nothing escapes the masking: fields, bindings, stacks and causes of errors. */
function finished(line: string, { secrets = [], aboutStream, anonymize = false, asText }: LogOptions): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line);
  } catch {
    return maskText(line, secrets);
  }
  const { msg, ...rest } = fields;
  const about = typeof rest.stream === 'string' ? aboutStream?.(rest.stream) : undefined;
  // The message stays at the end, where people look for it.
  const masked = maskFields({ ...about, ...rest, msg }, secrets) as LogFields;
  const shown = anonymize ? anonymous(masked) : masked;
  return `${asText === undefined ? JSON.stringify(shown) : asText(shown)}\n`;
}
