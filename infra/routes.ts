/** The worker paths that the load balancer passes on: playback, API, health and docs, but not the rest, such as `/metrics`. */

/** `*` matches any text, including slashes. A test compares this with the routes that a worker really has. */
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
  '/recordings*',
  '/dash/*',
  '/validate-cookies-file',
  '/ytdlp/*',
  '/events',
  '/webhooks*',
  '/docs*',
  '/openapi.json',
  '/console*',
] as const;

/** A rule of the load balancer accepts five values in all its conditions together. */
const VALUES_PER_RULE = 5;

/** The patterns under `/` and under the worker's ROOT_PATH, in portions that fit into a rule. */
export function routedPaths(rootPath: string): string[][] {
  const prefixes = rootPath === '' ? [''] : ['', rootPath];
  const all = prefixes.flatMap((prefix) => PATTERNS.map((pattern) => `${prefix}${pattern}`));
  // The most frequent paths first: a rule is checked only when those before it do not match.
  const sorted = [...all].sort((a, b) => Number(b.includes('/stream')) - Number(a.includes('/stream')));
  return Array.from({ length: Math.ceil(sorted.length / VALUES_PER_RULE) }, (_, index) =>
    sorted.slice(index * VALUES_PER_RULE, (index + 1) * VALUES_PER_RULE),
  );
}
