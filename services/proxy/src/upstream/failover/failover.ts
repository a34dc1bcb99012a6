/** The order in which a stream's sources are used: primary, then each failover URL. Pure. */
import type { FailoverState } from '../../../../registry/types.ts';

export type { FailoverState };

export interface FailoverPlan {
  readonly url: string;
  readonly failoverUrls: readonly string[];
  /** A resolver decides. The list is the fallback when the resolver does not answer. */
  readonly hasResolver: boolean;
  /** The primary URL is that of a web page, which cannot be played; the resolver's answer is its media. */
  readonly isPage?: boolean;
  /** `MAX_FAILOVER_ATTEMPTS`; 0: as many as there are failover URLs, or 999 with a resolver. */
  readonly maxAttempts: number;
}

export interface FailoverStep {
  readonly nowMs: number;
  /** An operator asked for it: exactly one step forward, and none beyond the end. */
  readonly manual?: boolean;
  /** The resolver's answer, if it was asked. */
  readonly resolvedUrl?: string | undefined;
}

const MAX_RESOLVER_ATTEMPTS = 999;

/** A stream that has played this long since its last failover starts the next outage with a fresh list. */
const STABLE_AFTER_MS = 60_000;

/** Whether a group has played for a while since it has moved. */
export function isStable({ lastAtMs }: FailoverState, nowMs: number): boolean {
  return lastAtMs !== undefined && nowMs - lastAtMs > STABLE_AFTER_MS;
}

export function canFailOver(plan: FailoverPlan): boolean {
  return plan.hasResolver || plan.failoverUrls.length > 0;
}

/**
 * Whether an outage may lead to another source. Within STREAM_TOTAL_TIMEOUT it may. After that each source of the list
 * still gets the one try that it has not had, and a resolver is asked only if it has not been.
 *
 * @param isOver the outage has lasted for STREAM_TOTAL_TIMEOUT
 * @param moves failovers that this outage has led to
 */
export function mayMoveOn(plan: FailoverPlan, isOver: boolean, moves: number): boolean {
  return canFailOver(plan) && (!isOver || moves < Math.max(1, plan.failoverUrls.length));
}

/** Number of failovers allowed in one outage. */
function failoverLimit(plan: FailoverPlan): number {
  return plan.maxAttempts || (plan.hasResolver ? MAX_RESOLVER_ATTEMPTS : plan.failoverUrls.length);
}

/**
 * The state after one more failover; undefined when none is left.
 *
 * An index beyond the list is a resolver's answer. A used-up list begins again with the primary URL in two cases only:
 * the stream has played for a while since, or `MAX_FAILOVER_ATTEMPTS` allows more steps than the list has. When it has played the
 * primary URL for a while, because no other source had delivered, it begins again with the one after that. A web page's list begins with
 * what the page gives then.
 */
export function advanceFailover(
  plan: FailoverPlan,
  from: FailoverState,
  step: FailoverStep,
): FailoverState | undefined {
  if (!canFailOver(plan)) return undefined;
  const { nowMs, manual = false, resolvedUrl } = step;
  const stable = isStable(from, nowMs);
  const isBack = stable && from.index === -1;
  const exhausted = from.attempts >= failoverLimit(plan) && !isBack;
  if (exhausted && (manual || !stable)) return undefined;
  const attempts = exhausted ? 0 : isBack ? 1 : from.attempts + 1;
  const index = from.index + 1;
  // What the page gave has taken indexes, and none of the list.
  const listed = plan.isPage === true ? plan.failoverUrls.indexOf(from.currentUrl) + 1 : index;
  const nextUrl = resolvedUrl ?? plan.failoverUrls[listed];
  if (nextUrl !== undefined && !exhausted) return { index, attempts, lastAtMs: nowMs, currentUrl: nextUrl };
  if (plan.isPage === true) {
    const firstUrl = exhausted ? (resolvedUrl ?? plan.failoverUrls[0]) : undefined;
    return firstUrl === undefined ? undefined : { index, attempts: 1, lastAtMs: nowMs, currentUrl: firstUrl };
  }
  // A resolver without an answer ends the failover, unless its stream has played since.
  return manual || (plan.hasResolver && !exhausted)
    ? undefined
    : { index: -1, attempts, lastAtMs: nowMs, currentUrl: plan.url };
}
