/** How English counts, measures time and gives reasons, for the console and the command alike. Pure. */

/** Who reads: a page writes numbers as its browser does, and shows what cannot be seen. */
export interface Reader {
  readonly count: (value: number) => string;
  /** A text from outside, harmless to look at. */
  readonly shown: (text: unknown) => string;
}

export const because = (reason: string): string => (reason === '' ? '' : `: ${reason}`);

/** Seconds, minutes, hours or days, the largest two of them: `2 h 5 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @returns for a reader: how many there are of something, and how long something took */
export function counting({ count }: Pick<Reader, 'count'>) {
  const several = (n: number, one: string, more: string): string => `${count(n)} ${n === 1 ? one : more}`;
  return {
    several,
    viewers: (n: number): string => several(n, 'viewer', 'viewers'),
    milliseconds: (ms: number): string => (ms < 10_000 ? `${count(ms)} ms` : duration(ms)),
  };
}
