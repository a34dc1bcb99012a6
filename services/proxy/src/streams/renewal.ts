/** When the address of a web page's media is found anew, so that the next one plays before this one stops working. Pure. */
import type { FailoverState } from '../../../registry/types.ts';

/** A page resolver may take 20 s, and the next source some seconds to open. */
const BEFORE_MS = 60_000;
/** A page that gives short-lived addresses is not asked all the time. */
const AT_LEAST_MS = 60_000;

/** ms of the wall clock; undefined: the address does not say when it ends, or it had ended before it was found and plays nevertheless. */
export function renewAtMs({ expiresAtMs, lastAtMs = 0 }: FailoverState): number | undefined {
  if (expiresAtMs === undefined || expiresAtMs <= lastAtMs) return undefined;
  return Math.max(expiresAtMs - BEFORE_MS, lastAtMs + AT_LEAST_MS);
}
