/** Values that are text or have their own grammar: drawn text, fonts, channel mixes, equalizer bands. */
import { readExpression } from './expression.ts';

const MAX_TEXT_CHARS = 1000;

/** Drawtext expansions that only show something. The others evaluate expressions. */
const EXPANSIONS = new Set('localtime gmtime pts n frame_num pict_type metadata'.split(' '));

/**
 * Text for the picture. `%{...}` may show times, frame numbers and metadata, without another expansion inside. drawtext
 * itself reads a backslash once more, so backslashes stay.
 */
export function readDrawnText(text: string): string | undefined {
  if (text.length > MAX_TEXT_CHARS) return undefined;
  const rest = text.replace(/%\{([a-z_]+)(?::(?:[^{}%\\]|%[A-Za-z]|\\.)*)?\}/g, (whole, name: string) =>
    EXPANSIONS.has(name) ? '' : whole,
  );
  return rest.includes('%{') ? undefined : text;
}

/** Fontconfig reads `name:file=/path`, so a name may contain only letters, digits and spaces. */
export function readFontName(text: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9 -]{0,63}$/.test(text) ? text : undefined;
}

/** `stereo|c0=0.5*FL+0.5*FR|c1<FR`, for the filter pan. */
export function readChannelMix(text: string): string | undefined {
  if (text.length > MAX_TEXT_CHARS) return undefined;
  const [layout = '', ...outputs] = text.split('|');
  if (!/^[\w.()+]+$/.test(layout) || outputs.length === 0) return undefined;
  for (const output of outputs) {
    const match = /^ *(\w{1,8}) *([=<])([\w.+*\- ]{1,300})$/.exec(output);
    if (match === null || readExpression(match[3] ?? '') === undefined) return undefined;
  }
  return text;
}

/** `c0 f=200 w=100 g=-10 t=1|c1 ...`, for the filter anequalizer. */
export function readEqualizerBands(text: string): string | undefined {
  if (text.length > MAX_TEXT_CHARS) return undefined;
  const bands = text.split('|');
  return bands.every((band) => /^ *c\d{1,2}(?: +[fwgt]=-?\d{1,9}(?:\.\d{1,9})?)+ *$/.test(band)) ? text : undefined;
}
