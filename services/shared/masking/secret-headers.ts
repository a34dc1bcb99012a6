/** Which headers of a stream are secrets: they go to the server they were given for only, and nobody gets to read them. */

const NAMES = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'referer']);

/** `X-Api-Key`, `X-Auth-Token`, `Access-Token`, `X-Session-Id` and whatever else providers name theirs. */
const PARTS = /token|secret|passw|auth(?!ors?\b)|(?:^|[-_])(?:api-?)?key(?:$|[-_])|apikey|signature|session|cred|jwt/;

/** Whether no other origin than the source's own gets this header. A Referer often has a token in its query. */
export function staysAtOrigin(name: string): boolean {
  const lower = name.toLowerCase();
  return NAMES.has(lower) || PARTS.test(lower);
}

/** Whether the whole value is hidden where headers are shown. A Referer is a URL, and is masked as one. */
export function isSecretHeader(name: string): boolean {
  return name.toLowerCase() !== 'referer' && staysAtOrigin(name);
}
