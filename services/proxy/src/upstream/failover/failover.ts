/** The order in which a stream's sources are used: primary, then each failover URL. Pure. */
import type { FailoverState } from '../../../../registry/types.ts';

export type { FailoverState };

export interface FailoverPlan {
  readonly url: string;
  readonly failoverUrls: readonly string[];
  /** A resolver decides, and the list is what is left when it cannot be asked. */
  readonly hasResolver: boolean;
  /** `MAX_FAILOVER_ATTEMPTS`; 0: as many as there are failover URLs, or 999 with a resolver. */
  readonly maxAttempts: number;
}

export interface FailoverStep {
  readonly nowMs: number;
  /** Asked for by a person: exactly one step ahead, and none beyond the end. */
  readonly manual?: boolean;
  /** What the resolver answered, if it was asked. */
  readonly resolvedUrl?: string | undefined;
}

const MAX_RESOLVER_ATTEMPTS = 999;

/** Whoever has played this long since its last failover begins the next outage with a fresh list. */
const STABLE_AFTER_MS = 60_000;

export function canFailOver(plan: FailoverPlan): boolean {
  return plan.hasResolver || plan.failoverUrls.length > 0;
}

/** Failovers that one outage may have. */
export function failoverLimit(plan: FailoverPlan): number {
  return plan.maxAttempts || (plan.hasResolver ? MAX_RESOLVER_ATTEMPTS : plan.failoverUrls.length);
}

/**
 * The state after one more failover; undefined when there is none left.
 *
 * An index beyond the list is a resolver's answer. A list that is used up begins again with the primary URL in two cases only:
 * the stream has played for a while since, or `MAX_FAILOVER_ATTEMPTS` allows more steps than the list has.
 */
export function advanceFailover(
  plan: FailoverPlan,
  from: FailoverState,
  step: FailoverStep,
): FailoverState | undefined {
  if (!canFailOver(plan)) return undefined;
  const { nowMs, manual = false, resolvedUrl } = step;
  const stable = from.lastAtMs !== undefined && nowMs - from.lastAtMs > STABLE_AFTER_MS;
  const exhausted = from.attempts >= failoverLimit(plan);
  if (exhausted && (manual || !stable)) return undefined;
  const attempts = exhausted ? 0 : from.attempts + 1;
  const index = from.index + 1;
  const nextUrl = resolvedUrl ?? plan.failoverUrls[index];
  if (nextUrl !== undefined && !exhausted) return { index, attempts, lastAtMs: nowMs, currentUrl: nextUrl };
  // A resolver that names nothing has spoken, unless its stream has played since.
  return manual || (plan.hasResolver && !exhausted)
    ? undefined
    : { index: -1, attempts, lastAtMs: nowMs, currentUrl: plan.url };
}
