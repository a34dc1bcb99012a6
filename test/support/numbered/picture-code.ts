/**
 * The number of a picture, drawn into it as black and white fields, and read from a decoded picture. A field is large enough for
 * low bitrates and for a deinterlacer. Check bits tell a number from what a decoder makes of missing references.
 */

/** The size that numbers are drawn at, and read at. */
export const CODE_WIDTH = 160;
export const CODE_HEIGHT = 96;
/** The upper third moves, so that two pictures never have the same bytes. */
const TOP = 32;
const COLUMNS = 8;
const FIELD_WIDTH = CODE_WIDTH / COLUMNS;
const FIELD_HEIGHT = 32;
const NUMBER_BITS = 11;
const CHECK_BITS = 5;
/** A prime, so that every single wrong bit changes the remainder. */
const CHECK_MODULUS = 31;
/** Of 255. What lies between is neither black nor white: two pictures mixed, or a broken one. */
const BLACK_BELOW = 100;
const WHITE_ABOVE = 155;

/** One more than the largest number that fits. */
export const NUMBERS = 2 ** NUMBER_BITS;

/** An FFmpeg filter that draws `n`, the number of the frame, over a picture of CODE_WIDTH x CODE_HEIGHT. */
export function numberFilter(): string {
  const fields = Array.from({ length: NUMBER_BITS + CHECK_BITS }, (_, bit) => {
    const value = bit < NUMBER_BITS ? 'n' : `mod(n*7+3,${CHECK_MODULUS})`;
    const power = 2 ** (bit < NUMBER_BITS ? bit : bit - NUMBER_BITS);
    const x = (bit % COLUMNS) * FIELD_WIDTH;
    const y = TOP + Math.floor(bit / COLUMNS) * FIELD_HEIGHT;
    const box = `drawbox=x=${x}:y=${y}:w=${FIELD_WIDTH}:h=${FIELD_HEIGHT}:c=white:t=fill`;
    return `${box}:enable='bitand(trunc(${value}/${power}),1)'`;
  });
  return [`drawbox=y=${TOP}:h=${CODE_HEIGHT - TOP}:c=black:t=fill`, ...fields].join(',');
}

/** The number in a grey picture of CODE_WIDTH x CODE_HEIGHT; undefined when it cannot be read. */
export function readNumber(grey: Uint8Array): number | undefined {
  let bits = 0;
  for (let bit = 0; bit < NUMBER_BITS + CHECK_BITS; bit++) {
    const brightness = brightnessOf(grey, bit);
    if (brightness >= BLACK_BELOW && brightness <= WHITE_ABOVE) return undefined;
    if (brightness > WHITE_ABOVE) bits |= 1 << bit;
  }
  const number = bits & (NUMBERS - 1);
  return (number * 7 + 3) % CHECK_MODULUS === bits >> NUMBER_BITS ? number : undefined;
}

/** The mean of the inner half of a bit's field, in each direction. */
function brightnessOf(grey: Uint8Array, bit: number): number {
  const left = (bit % COLUMNS) * FIELD_WIDTH + FIELD_WIDTH / 4;
  const top = TOP + Math.floor(bit / COLUMNS) * FIELD_HEIGHT + FIELD_HEIGHT / 4;
  let sum = 0;
  for (let y = top; y < top + FIELD_HEIGHT / 2; y++) {
    for (let x = left; x < left + FIELD_WIDTH / 2; x++) sum += grey[y * CODE_WIDTH + x] ?? 0;
  }
  return sum / ((FIELD_WIDTH / 2) * (FIELD_HEIGHT / 2));
}
