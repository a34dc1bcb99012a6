/** Which headers of a stream are secret: only the server they are meant for gets them, and they are never shown. */

const NAMES = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'referer']);

/** `X-Api-Key`, `X-Auth-Token`, `Access-Token`, `X-Session-Id` and similar names that providers use. */
const PARTS = /token|secret|passw|auth(?!ors?\b)|(?:^|[-_])(?:api-?)?key(?:$|[-_])|apikey|signature|session|cred|jwt/;

/** Whether only the source's own origin gets this header. A Referer often has a token in its query. */
export function staysAtOrigin(name: string): boolean {
  const lower = name.toLowerCase();
  return NAMES.has(lower) || PARTS.test(lower);
}

/** Whether the whole value is hidden when headers are shown. A Referer is a URL and is masked as one. */
export function isSecretHeader(name: string): boolean {
  return name.toLowerCase() !== 'referer' && staysAtOrigin(name);
}
