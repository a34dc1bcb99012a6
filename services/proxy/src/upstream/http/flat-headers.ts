/** The headers of an answer as the rest of the worker has them. Pure. */
import type { HopResponse } from './hop.ts';

/** One value a name; what cannot be passed on is left out. */
export function flattened(headers: HopResponse['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // Of several redirects the first counts, of lengths that agree any; a list is none.
    const single = name === 'location' || name === 'content-length';
    const text = Array.isArray(value) ? (single ? value[0] : value.join(', ')) : value;
    if (text === undefined) continue;
    // What cannot be written into a header again would break the answer to a viewer. A redirect goes into none.
    if (name === 'location') result[name] = addressIn(text);
    else if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) result[name.toLowerCase()] = text;
  }
  return result;
}

/** UTF-8 where it is that; other bytes beyond ASCII percent-encoded, so that they reach a redirect's target unchanged. */
function addressIn(text: string): string {
  const decoded = Buffer.from(text, 'latin1').toString('utf8');
  if (!decoded.includes('\uFFFD')) return decoded;
  return text.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}
