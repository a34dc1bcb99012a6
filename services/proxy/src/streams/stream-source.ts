/** The current source of a stream: its primary URL, or the URL that failover chose. All slots of the stream share it. */

import type { StreamRecords } from '../../../registry/registry.ts';
import type { FailoverState, StreamRecord } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { advanceFailover, canFailOver, type FailoverPlan } from '../upstream/failover/failover.ts';
import type { ResolverQuestion } from '../upstream/failover/failover-resolver.ts';
import type { FailoverCause, SourceAddress, SwitchableSource } from '../upstream/provider/source-address.ts';

/** Asks a stream's failover resolver for the next URL; undefined when the resolver has none. */
export type AskResolver = (question: ResolverQuestion) => Promise<string | undefined>;

export interface StreamSourceDeps {
  readonly registry: StreamRecords;
  readonly askResolver: AskResolver;
  /** Failovers during one outage; 0: as many as there are URLs, or 999 with a resolver. */
  readonly maxFailoverAttempts: number;
  /** Called when the stream has moved to its next source. */
  readonly onMoved: () => Promise<void>;
  readonly log: Pick<Logger, 'warn'>;
}

export class StreamSource implements SwitchableSource {
  #stream: StreamRecord;
  readonly #deps: StreamSourceDeps;
  #state: FailoverState;
  #advancing: Promise<boolean> | undefined;

  constructor(stream: StreamRecord, deps: StreamSourceDeps) {
    this.#stream = stream;
    this.#deps = deps;
    this.#state = stream.failover;
  }

  /** -1: the primary URL. */
  get index(): number {
    return this.#state.index;
  }

  get state(): FailoverState {
    return this.#state;
  }

  /** Takes over a newer record: the source has moved, or the stream was created anew with other headers or failovers. */
  follow(stream: StreamRecord): void {
    this.#stream = stream;
    this.#state = stream.failover;
  }

  /** Whether the record comes from a later creation of the stream. */
  differsFrom({ createdAtMs }: StreamRecord): boolean {
    return this.#stream.createdAtMs !== createdAtMs;
  }

  get address(): SourceAddress {
    const { headers, userAgent, stickySession } = this.#stream;
    return { url: this.#state.currentUrl, headers, userAgent, sticky: stickySession === true };
  }

  get canFailOver(): boolean {
    return canFailOver(this.#plan);
  }

  /**
   * Moves on from `fromIndex`: by exactly one, however many slots ask. Does not move when another slot has done so already.
   * @returns whether there is now a source other than the one that failed
   */
  async advance(fromIndex: number, cause: FailoverCause): Promise<boolean> {
    if (this.#state.index !== fromIndex) return true;
    this.#advancing ??= this.#advance(cause).finally(() => {
      this.#advancing = undefined;
    });
    return this.#advancing;
  }

  async #advance(cause: FailoverCause): Promise<boolean> {
    const { registry, log } = this.#deps;
    const from = this.#state;
    const next = await this.#next(from, cause);
    if (next === undefined) return false;
    this.#state = (await registry.advanceFailover(this.#stream.id, from.index, next)) ?? next;
    log.warn(
      {
        stream: this.#stream.id,
        reason: cause.reason,
        from: maskUrl(from.currentUrl),
        to: maskUrl(this.#state.currentUrl),
        index: this.#state.index,
      },
      'source failover',
    );
    await this.#deps.onMoved();
    return true;
  }

  async #next(from: FailoverState, cause: FailoverCause): Promise<FailoverState | undefined> {
    const { failoverResolverUrl, metadata } = this.#stream;
    const resolvedUrl =
      failoverResolverUrl === undefined
        ? undefined
        : await this.#deps.askResolver({
            resolverUrl: failoverResolverUrl,
            currentUrl: from.currentUrl,
            metadata,
            failoverIndex: from.index,
            status: cause.status,
            reason: cause.reason,
          });
    return advanceFailover(this.#plan, from, { nowMs: Date.now(), manual: cause.reason === 'manual', resolvedUrl });
  }

  get #plan(): FailoverPlan {
    const { url, failoverUrls, failoverResolverUrl } = this.#stream;
    const maxAttempts = this.#deps.maxFailoverAttempts;
    return { url, failoverUrls, hasResolver: failoverResolverUrl !== undefined, maxAttempts };
  }
}
