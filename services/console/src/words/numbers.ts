/** Numbers, amounts and times as the reader's own language writes them. */

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2, minimumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

const DAY_MS = 86_400_000;

export function count(value: number): string {
  return whole.format(value);
}

export function megabits(bitsPerSecond: number): string {
  const value = bitsPerSecond / 1_000_000;
  return value < 100 ? tenths.format(value) : whole.format(value);
}

/** MB, as SI has it. */
export function megabytes(bytes: number): string {
  return whole.format(bytes / 1_000_000);
}

export function oneDecimal(value: number): string {
  return tenths.format(value);
}

export function speed(value: number): string {
  return `${hundredths.format(value)}×`;
}

/** Without the day if it was in the last 24 hours. */
export function localTime(ms: number, nowMs: number): string {
  return (Math.abs(nowMs - ms) < DAY_MS ? clock : dayAndClock).format(ms);
}

export function utc(ms: number): string {
  return `${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** Whether FFmpeg at this speed, in seconds of media a second, is too slow for the media to last. */
export function isSlow(speed: number): boolean {
  return speed < 0.97;
}
