/** Which paths of a worker the load balancer passes on: playback, API, health and the docs; never the rest, such as `/metrics`. */

/** `*` stands for any text, slashes included. A test compares this with the routes that a worker really has. */
const PATTERNS = [
  '/',
  '/livez',
  '/readyz',
  '/health',
  '/info',
  '/stream*',
  '/hls/*',
  '/transcode*',
  '/test-connection',
  '/stats*',
  '/clients*',
  '/workers*',
  '/broadcast*',
  '/dash/*',
  '/validate-cookies-file',
  '/ytdlp/*',
  '/webhooks*',
  '/docs*',
  '/openapi.json',
] as const;

/** The load balancer takes five values in all conditions of a rule. */
const VALUES_PER_RULE = 5;

/** The patterns under `/` and under the worker's ROOT_PATH, in portions that fit into a rule. */
export function routedPaths(rootPath: string): string[][] {
  const prefixes = rootPath === '' ? [''] : ['', rootPath];
  const all = prefixes.flatMap((prefix) => PATTERNS.map((pattern) => `${prefix}${pattern}`));
  // What is asked most comes first: a rule is only looked at when those before it did not match.
  const sorted = [...all].sort((a, b) => Number(b.includes('/stream')) - Number(a.includes('/stream')));
  return Array.from({ length: Math.ceil(sorted.length / VALUES_PER_RULE) }, (_, index) =>
    sorted.slice(index * VALUES_PER_RULE, (index + 1) * VALUES_PER_RULE),
  );
}
