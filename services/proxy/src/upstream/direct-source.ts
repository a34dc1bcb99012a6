/** Where a direct stream's bytes come from right now, and how that changes when the source fails. */
import { advanceFailover, canFailOver, type FailoverPlan, type FailoverState, initialFailover } from './failover.ts';
import { askFailoverResolver, type ResolverDeps } from './failover-resolver.ts';

export interface SourceAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

/** Why a source was left. */
export interface FailoverCause {
  /** Snake case, as the resolver and events report it. */
  readonly reason: string;
  /** The provider's HTTP status, where there was one. */
  readonly status?: number | undefined;
}

/** A source that can be left for the next one. All readers of a stream share one, so that they move together. */
export interface SwitchableSource {
  readonly address: SourceAddress;
  /** -1: the primary URL. Changes with every move. */
  readonly index: number;
  readonly canFailOver: boolean;
  /** Moves on, unless somebody has moved on from `fromIndex` already. False when there is nothing left to try. */
  advance(fromIndex: number, cause: FailoverCause): Promise<boolean>;
}

export interface DirectSpec {
  readonly url: string;
  readonly failoverUrls: readonly string[];
  readonly failoverResolverUrl?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface FailoverEvent extends FailoverCause {
  readonly oldUrl: string;
  readonly newUrl: string;
  readonly index: number;
  readonly attempts: number;
}

export interface DirectSourceDeps extends ResolverDeps {
  readonly maxFailoverAttempts: number;
  readonly onFailover?: (event: FailoverEvent) => void;
}

/** A source whose failover state is kept here, in memory. */
export class DirectSource implements SwitchableSource {
  readonly #spec: DirectSpec;
  readonly #deps: DirectSourceDeps;
  readonly #plan: FailoverPlan;
  #state: FailoverState;
  #moving: Promise<boolean> | undefined;

  constructor(spec: DirectSpec, deps: DirectSourceDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.#plan = {
      url: spec.url,
      failoverUrls: spec.failoverUrls,
      hasResolver: spec.failoverResolverUrl !== undefined,
      maxAttempts: deps.maxFailoverAttempts,
    };
    this.#state = initialFailover(spec.url);
  }

  get address(): SourceAddress {
    const { headers, userAgent } = this.#spec;
    return { url: this.#state.currentUrl, headers, userAgent };
  }

  get state(): FailoverState {
    return this.#state;
  }

  get index(): number {
    return this.#state.index;
  }

  get canFailOver(): boolean {
    return canFailOver(this.#plan);
  }

  async advance(fromIndex: number, cause: FailoverCause): Promise<boolean> {
    if (this.#state.index !== fromIndex) return true;
    this.#moving ??= this.#move(cause).finally(() => {
      this.#moving = undefined;
    });
    return this.#moving;
  }

  async #move(cause: FailoverCause): Promise<boolean> {
    const from = this.#state;
    const { failoverResolverUrl, metadata } = this.#spec;
    const question = { currentUrl: from.currentUrl, metadata, failoverIndex: from.index, status: cause.status };
    const resolvedUrl =
      failoverResolverUrl === undefined
        ? undefined
        : await askFailoverResolver(
            { ...question, resolverUrl: failoverResolverUrl, reason: cause.reason },
            this.#deps,
          );
    const manual = cause.reason === 'manual';
    const next = advanceFailover(this.#plan, from, { nowMs: Date.now(), manual, resolvedUrl });
    if (next === undefined) return false;
    this.#state = next;
    const { index, attempts } = next;
    this.#deps.onFailover?.({ ...cause, oldUrl: from.currentUrl, newUrl: next.currentUrl, index, attempts });
    return true;
  }
}
