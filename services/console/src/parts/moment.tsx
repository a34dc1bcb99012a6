/** A time, local, with UTC in its title. */

import { localTime, utc } from '../words/numbers.ts';

interface MomentProps {
  /** ms since 1970. */
  readonly ms: number;
}

export function Moment({ ms }: MomentProps) {
  if (!Number.isFinite(ms)) return null;
  return (
    <time dateTime={new Date(ms).toISOString()} title={utc(ms)}>
      {localTime(ms, Date.now())}
    </time>
  );
}
