/** Converts the headers of an answer to the form that the worker uses. Pure. */
import type { HopResponse } from './hop.ts';

/** One value per name. Headers that cannot be passed on are left out. */
export function flattened(headers: HopResponse['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // Of several redirects the first one counts. Lengths agree here, so any counts.
    const single = name === 'location' || name === 'content-length';
    const text = Array.isArray(value) ? (single ? value[0] : value.join(', ')) : value;
    if (text === undefined) continue;
    // A value that no header can carry would break the answer to a viewer. A redirect goes into no such answer.
    if (name === 'location') result[name] = addressIn(text);
    else if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) result[name.toLowerCase()] = text;
  }
  return result;
}

/**
 * Decodes UTF-8. Otherwise percent-encodes the bytes beyond ASCII, so that they reach the redirect's target unchanged.
 */
function addressIn(text: string): string {
  const decoded = Buffer.from(text, 'latin1').toString('utf8');
  if (!decoded.includes('\uFFFD')) return decoded;
  return text.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}
