/** The streams of an option or a map (`v:0`, `a:m:language:eng`, `p:101:v`), read part by part and written anew. */

const KIND = /^[vVasdt]$/;
const NUMBER = /^(?:\d{1,9}|0x[0-9a-fA-F]{1,8})$/;
const NAME = /^\w[\w-]{0,63}$/;

/** The specifier in the form that FFmpeg takes; undefined when it is not valid. An empty one means every stream. */
export function readStreamSpecifier(text: string): string | undefined {
  if (text === '') return '';
  const parts = text.split(':', 9);
  if (parts.join(':') !== text) return undefined;
  const take = (shape: RegExp): boolean => shape.test(parts.shift() ?? '');
  while (parts.length > 0) {
    const part = parts.shift() ?? '';
    if (KIND.test(part) || part === 'u') continue;
    // An index comes last.
    if (/^\d{1,9}$/.test(part)) return parts.length === 0 ? text : undefined;
    if (part === 'p') {
      if (!take(/^\d{1,9}$/)) return undefined;
    } else if (part === 'i') {
      if (!take(NUMBER)) return undefined;
    } else if (part.startsWith('#')) {
      if (!NUMBER.test(part.slice(1))) return undefined;
    } else if (part === 'm') {
      if (!take(NAME) || (parts.length > 0 && !take(NAME))) return undefined;
      return parts.length === 0 ? text : undefined;
    } else {
      return undefined;
    }
  }
  return text;
}

/** The target of `-metadata`: `g`, `s:<streams>`, `c:0`, `p:0`, or nothing for the whole output. */
export function readMetadataSpecifier(text: string): string | undefined {
  if (text === '' || text === 'g' || text === 's' || /^[cp]:\d{1,4}$/.test(text)) return text;
  return text.startsWith('s:') && readStreamSpecifier(text.slice(2)) ? text : undefined;
}

/** The value of `-map`: streams of the one input, or the label of a graph's output. */
export function readMap(text: string): string | undefined {
  if (text.length > 200) return undefined;
  if (/^\[[A-Za-z_]\w*\]$/.test(text)) return text;
  const match = /^(-?)0(:[^?]*)?(\??)$/.exec(text);
  if (match === null) return undefined;
  const [, minus = '', rest = '', optional = ''] = match;
  const specifier = rest === '' ? '' : readStreamSpecifier(rest.slice(1));
  if (specifier === undefined || (rest !== '' && specifier === '')) return undefined;
  return `${minus}0${specifier === '' ? '' : ':'}${specifier}${optional}`;
}

/** The value of `-map_metadata` and `-map_chapters`: `-1` for none, or a part of input 0. */
export function readSourceOfMetadata(text: string): string | undefined {
  if (text === '-1' || text === '0') return text;
  return text.startsWith('0:') && readMetadataSpecifier(text.slice(2)) ? text : undefined;
}
