/**
 * Which URLs a source may have. The API refuses others in a request, the failover resolver in an answer, and the egress guard
 * wherever one is opened, redirects and what FFmpeg asks the gateway for included. Where it may lead is the guard's matter. Pure.
 */

/** Without the colon. A new one also needs somebody who opens it: `upstream/http` opens these two. */
const SCHEMES: readonly string[] = ['http', 'https'];

/** How errors and the API reference name such a URL. */
export const A_SOURCE_URL = `an ${SCHEMES.join(' or ')} URL`;
export const SOURCE_URL_EXAMPLE = 'http://tv.example/live/7.ts';

/** Longer ones are no URLs of media. */
export const MAX_URL_CHARACTERS = 8192;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/** Whether a text is the URL of a source. Its length is not looked at. */
export function isSourceUrl(text: string): boolean {
  if (CONTROL_CHARACTER.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return schemeRefusal(url) === undefined && url.hostname !== '';
}

/** Why a URL cannot be that of a source, whatever its host; undefined when it can. */
export function schemeRefusal({ protocol }: URL): string | undefined {
  const scheme = protocol.replace(/:$/, '');
  return SCHEMES.includes(scheme) ? undefined : `A source must be ${A_SOURCE_URL}; ${scheme} is not allowed.`;
}
