/** The log: one JSON object per line on stdout, with secrets masked before they are written. */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { maskFields } from './masking/fields.ts';
import { maskText } from './masking/mask.ts';

export type Logger = PinoLogger;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Makes the logger of a process.
 *
 * @param level least severe level that is written
 * @param bindings fields of every line, such as `{ worker: config.workerId }`
 * @param destination where lines go; stdout unless a test sets it
 * @param secrets the process's own secrets, masked everywhere
 */
export function createLogger(
  level: LogLevel,
  bindings: Record<string, unknown> = {},
  destination?: DestinationStream,
  secrets: readonly string[] = [],
): Logger {
  const options = {
    level,
    base: bindings,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: (line: string) => maskLine(line, secrets) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Masks a whole finished line, so that nothing escapes: fields, bindings, stacks and causes of errors. */
function maskLine(line: string, secrets: readonly string[]): string {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return maskText(line, secrets);
  }
  return `${JSON.stringify(maskFields(fields, secrets))}\n`;
}
