/**
 * Expressions of FFmpeg's evaluator, such as `trunc(iw*min(1,720/ih)/2)*2`. They are read by tokens and written without
 * white space.
 */

/**
 * The functions of the evaluator, then those that single filters add. Left out are loops (`while`, `root`, `taylor`),
 * because a frame would never end, and `print`, which writes to the log.
 */
const FUNCTIONS = new Set(
  `sinh cosh tanh sin cos tan atan asin acos exp log abs time squish gauss isinf isnan mod max min eq gte gt lte lt ld st
   floor ceil trunc round sqrt not pow random randomi hypot gcd if ifnot bitand bitor between clip atan2 lerp sgn
   rotw roth clipval negval gammaval gammaval709`.split(/\s+/),
);

/** A number with a unit prefix, a name, or an operator. */
const TOKEN =
  /(0x[0-9a-fA-F]{1,16}|(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:e[+-]?\d{1,3})?(?:[kKMGmu]i?B?|dB)?)(?![\w.])|([A-Za-z_]\w{0,63})(?!\w)|[-+*/^(),;]/y;

const MAX_CHARS = 2000;
const MAX_DEPTH = 50;

/** The expression without white space; undefined when it is not valid. */
export function readExpression(text: string): string | undefined {
  if (text.length > MAX_CHARS || /[^\x20-\x7e]/.test(text)) return undefined;
  // FFmpeg removes white space before it reads, so `1 2` is twelve.
  const compact = text.replaceAll(' ', '');
  const token = new RegExp(TOKEN);
  let depth = 0;
  let operand = false;
  while (token.lastIndex < compact.length) {
    const at = token.lastIndex;
    const match = token.exec(compact);
    if (match === null) return undefined;
    const next = compact[token.lastIndex];
    if (match[1] !== undefined || match[2] !== undefined) {
      if (operand) return undefined;
      operand = true;
      if (next === '(') {
        if (match[2] === undefined || !FUNCTIONS.has(match[2])) return undefined;
        operand = false;
      }
      continue;
    }
    const sign = compact[at];
    if (sign === '(') {
      if (operand) return undefined;
      depth += 1;
    } else if (sign === ')') {
      depth -= 1;
      if (!operand) return undefined;
    } else {
      if (!operand && sign !== '-' && sign !== '+') return undefined;
      operand = false;
    }
    if (depth < 0 || depth > MAX_DEPTH) return undefined;
  }
  return depth === 0 && operand ? compact : undefined;
}
