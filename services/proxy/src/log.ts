/** The worker's log: one JSON object a line on stdout, with secrets cut out before they are written. */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Keys whose value never reaches the log, at the top of a line and one or two objects deep. */
const SECRET_KEYS = [
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  '["set-cookie"]',
  '["proxy-authorization"]',
  '["x-api-token"]',
  '["X-API-Token"]',
  'api_token',
  'apiToken',
  'password',
  'redisPassword',
];

const REDACTED_PATHS = SECRET_KEYS.flatMap((key) => {
  const step = key.startsWith('[') ? key : `.${key}`;
  return [key, `*${step}`, `*.*${step}`];
});

/** Query parameters that carry a credential of ours; they appear in request URLs. */
const SECRET_QUERY = /([?&](?:api_token|token|signature)=)[^&#\s"\\]*/gi;

/** The same text with the values of `api_token`, `token` and `signature` query parameters hidden. */
export function maskQuerySecrets(text: string): string {
  return text.replace(SECRET_QUERY, '$1***');
}

/**
 * Makes the logger of a process.
 *
 * @param level least severe level that is written
 * @param bindings fields of every line, such as `{ worker: config.workerId }`
 * @param destination where lines go; stdout unless a test says otherwise
 */
export function createLogger(
  level: LogLevel,
  bindings: Record<string, unknown> = {},
  destination?: DestinationStream,
): Logger {
  const options = {
    level,
    base: bindings,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '***' },
    hooks: { streamWrite: maskQuerySecrets },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
