/** The bit rate that a profile asks of its encoders. Pure. */

const LIMITS = ['-maxrate', '-maxrate:v', '-b:v', '-b:v:0'];
const SOUND = ['-b:a', '-b:a:0', '-ab'];
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9 };

/** bit/s of pictures and sound; undefined when it does not say how many pictures may take. @param args of FFmpeg */
export function askedBitrate(args: readonly string[]): number | undefined {
  const of = (options: readonly string[]): number | undefined => {
    for (const option of options) {
      const at = args.lastIndexOf(option);
      const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([kKMG]?)$/.exec(at < 0 ? '' : (args[at + 1] ?? '')) ?? [];
      const bits = Number(digits) * (UNITS[unit] as number);
      // 0 lets the encoder choose.
      if (bits > 0) return bits;
    }
    return undefined;
  };
  const pictures = of(LIMITS);
  return pictures && pictures + (of(SOUND) ?? 0);
}
