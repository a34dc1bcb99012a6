/**
 * Streams that fail over together, on this worker: where they play, and how they all go to their next source. The registry has the
 * record that counts.
 */

import { isDeepStrictEqual } from 'node:util';
import { PAGE_OPENED, playedSource } from '../../../registry/groups.ts';
import { movedAtMs } from '../../../registry/new-stream.ts';
import type { StreamRecords } from '../../../registry/registry.ts';
import type { FailoverState, MediaSound, StreamPage, StreamRecord } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import { advanceFailover, type FailoverPlan, isStable } from '../upstream/failover/failover.ts';
import type { ResolverQuestion } from '../upstream/failover/failover-resolver.ts';
import { type FailoverCause, type Following, hasStoppedWorking } from '../upstream/provider/source-address.ts';

/** Asks a stream's failover resolver for the next URL; undefined when the resolver has none. */
export type AskResolver = (question: ResolverQuestion) => Promise<string | undefined>;

/** The media of a stream's web page. @throws {StreampoolError} when none is found */
export type AskPage = (page: StreamPage, url: string) => Promise<PageMedia>;

export interface PageMedia {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string | undefined;
  /** Of a master playlist: see `FailoverState`. */
  readonly variant?: string | undefined;
  /** Where sound and pictures have addresses of their own. */
  readonly audio?: MediaSound | undefined;
  /** When it stops working, ms since 1970. */
  readonly expiresAtMs?: number | undefined;
}

export interface FailoverGroupDeps {
  readonly registry: Pick<StreamRecords, 'advanceFailover' | 'isOnlyLookedAt' | 'stream'>;
  readonly askResolver: AskResolver;
  readonly askPage: AskPage;
  /** Failovers during one outage; 0: as many as there are URLs, or 999 with a resolver. */
  readonly maxFailoverAttempts: number;
  /** Called when the group has another source, before anybody else is told. */
  readonly onMoved: (group: FailoverGroup) => void;
  /** Called when this worker has moved the group. Unset: nobody counts that. */
  readonly onAdvanced?: (reason: string) => void;
  /** Tells the other workers that these streams have moved. */
  readonly tell: (streams: readonly string[]) => Promise<void>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Why a group moves whose address is about to stop working. */
export const ADDRESS_EXPIRES = 'address_expires';
/** Why a group moves whose address has stopped working. */
export const ADDRESS_REFUSED = 'address_refused';

const WHILE_IT_PLAYS: readonly string[] = [ADDRESS_EXPIRES, ADDRESS_REFUSED];

export class FailoverGroup {
  readonly #deps: FailoverGroupDeps;
  /** The streams of it that this worker knows. */
  readonly #streams = new Set<string>();
  #state: FailoverState;
  #advancing: Promise<readonly string[] | undefined> | undefined;
  /** Why the media of its page was not found last. */
  #pageFailure: StreampoolError | undefined;

  constructor(state: FailoverState, deps: FailoverGroupDeps) {
    this.#state = state;
    this.#deps = deps;
  }

  get state(): FailoverState {
    return this.#state;
  }

  /** A stream moves with it from now on. */
  enter({ id, failover }: StreamRecord): void {
    this.#streams.add(id);
    this.follow(failover);
  }

  /** A stream was deleted, or made anew with other sources. */
  leave(id: string): void {
    this.#streams.delete(id);
  }

  /** Takes over what the registry says. An answer that is older than what is known here does not count. */
  follow(state: FailoverState): void {
    if (movedAtMs(state) >= movedAtMs(this.#state)) this.#become(state);
  }

  /** Takes over what the registry has for the group now, if it answers. */
  async refresh(streamId: string): Promise<void> {
    const stream = await this.#ask(streamId, (id) => this.#deps.registry.stream(id)).catch(() => undefined);
    if (stream !== undefined) this.follow(stream.failover);
  }

  /**
   * The registry's answer about the group, which it knows by its streams. The stream that asks may be deleted, while a source feed that
   * it has opened goes on for the others.
   */
  async #ask<T>(asking: string, question: (streamId: string) => Promise<T | undefined>): Promise<T | undefined> {
    const others = [...this.#streams].filter((id) => id !== asking);
    for (const id of this.#streams.has(asking) ? [asking, ...others] : others) {
      const answer = await question(id);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /**
   * Moves on from `fromIndex`: by exactly one, however many streams and slots ask. Does not move when another one has done so
   * already. Nor when only pages of the console play the group: who looks whether a source plays must see that it does not.
   * @param asking the stream that asks; its metadata is the resolver's
   * @returns the streams that have moved with this call, or undefined when there is no other source for it
   */
  async advance(asking: StreamRecord, fromIndex: number, cause: FailoverCause): Promise<readonly string[] | undefined> {
    if (this.#state.index !== fromIndex) return [];
    this.#advancing ??= this.#advance(asking, cause).finally(() => {
      this.#advancing = undefined;
    });
    return this.#advancing;
  }

  /** Where the next failover of a stream leads; undefined when nowhere, or when only a resolver knows. */
  following(stream: StreamRecord): FailoverState | undefined {
    const plan = this.planOf(stream);
    return plan.hasResolver ? undefined : advanceFailover(plan, this.#state, { nowMs: this.#deps.clock.wallMs() });
  }

  planOf({ url, failoverUrls, failoverResolverUrl, page }: StreamRecord): FailoverPlan {
    const maxAttempts = this.#deps.maxFailoverAttempts;
    const isPage = page !== undefined;
    return { url, failoverUrls, hasResolver: failoverResolverUrl !== undefined || isPage, isPage, maxAttempts };
  }

  /**
   * Finds the media of a stream's web page, where the group has not got it yet. It is the first move of the group, so all workers play
   * the same address, and one that stops working is followed by another one that is found anew.
   *
   * @throws {StreampoolError} when none is found
   */
  async findMedia(asking: StreamRecord): Promise<void> {
    if (asking.page === undefined || this.#state.index !== -1) return;
    await this.advance(asking, -1, { reason: PAGE_OPENED });
    if (this.#state.index !== -1) return;
    throw this.#pageFailure ?? new SourceError('refused', 'The media of the page was not found.');
  }

  /**
   * Takes the group back to a source that still plays, because the one at `fromIndex` does not deliver and no other one is left. Else
   * whoever of the group begins anew would open that one. Only back: two feeds that play different sources would send the group to
   * and fro.
   * @param asking a stream that plays there
   */
  async goBack(asking: StreamRecord, fromIndex: number, { address, index }: Following): Promise<void> {
    await this.#advancing;
    const from = this.#state;
    if (from.index !== fromIndex || index >= fromIndex) return;
    // The attempts stay used up: the group tries the others again when it has played for a while.
    const { url: currentUrl, headers, userAgent, variant, audio } = address;
    const own = asking.page === undefined ? {} : { headers, userAgent, variant, audio, expiresAtMs: undefined };
    const next = { ...from, index, lastAtMs: this.#deps.clock.wallMs(), currentUrl, ...own };
    await this.#put(asking, from, next, 'next_source_failed');
  }

  /**
   * Moves the group to one of its sources because somebody has chosen it. The next outage begins with a fresh list.
   * @param index -1: the primary URL; else an index into `failoverUrls`
   * @returns the streams that have moved; none when they play there already. Undefined: there is no such source
   */
  async moveTo(asking: StreamRecord, index: number): Promise<readonly string[] | undefined> {
    await this.#advancing;
    const from = this.#state;
    const isPage = asking.page !== undefined;
    // A page is found anew.
    if (index === -1 && isPage) return this.advance(asking, from.index, { reason: 'manual' });
    const currentUrl = index === -1 ? asking.url : asking.failoverUrls[index];
    if (currentUrl === undefined) return undefined;
    if (isPage ? from.currentUrl === currentUrl : from.index === index) return [];
    // What a page's media wants to hear does not go on to another source.
    const next = {
      index: isPage ? from.index + 1 : index,
      attempts: 0,
      lastAtMs: this.#deps.clock.wallMs(),
      currentUrl,
      ...(from.begunAtMs === undefined ? {} : { begunAtMs: from.begunAtMs }),
    };
    return this.#put(asking, from, next, 'manual');
  }

  async #advance(asking: StreamRecord, cause: FailoverCause): Promise<readonly string[] | undefined> {
    const from = this.#state;
    const isAsked = cause.reason === 'manual' || cause.reason === PAGE_OPENED;
    if (!isAsked && (await this.#deps.registry.isOnlyLookedAt(asking.id))) return undefined;
    const next = await this.#next(asking, from, cause);
    const isOver = this.#isOfPage(asking, from) && hasStoppedWorking(cause.status);
    return next && this.#put(asking, from, next, isOver ? ADDRESS_REFUSED : cause.reason);
  }

  /** Moves all, unless somebody else has moved them meanwhile. @returns those that have moved with this call */
  async #put(
    asking: StreamRecord,
    from: FailoverState,
    next: FailoverState,
    reason: string,
  ): Promise<readonly string[]> {
    const { registry, log, tell } = this.#deps;
    const { page, failoverUrls } = asking;
    const why = {
      reason,
      oldUrl: maskUrl(from.currentUrl),
      newUrl: maskUrl(next.currentUrl),
      ...(page === undefined
        ? {}
        : { index: playedSource({ failover: next, failoverUrls, page }), page: page.resolver }),
    };
    const answer = await this.#ask(asking.id, (id) => registry.advanceFailover(id, from.index, next, why));
    const { state, streams } = answer ?? { state: next, streams: [asking.id] };
    const moved = {
      reason,
      from: maskUrl(from.currentUrl),
      to: maskUrl(state.currentUrl),
      index: state.index,
    };
    if (reason === PAGE_OPENED) log.info({ streams, ...moved }, 'the media of a page was found');
    else {
      if (streams.length > 0) this.#deps.onAdvanced?.(reason);
      for (const stream of streams) log.warn({ stream, ...moved }, 'source failover');
    }
    this.#become(state);
    await tell(streams);
    return streams;
  }

  async #next(asking: StreamRecord, from: FailoverState, cause: FailoverCause): Promise<FailoverState | undefined> {
    const { failoverResolverUrl, metadata } = asking;
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
    const isAsked = asking.page !== undefined && this.#asksPage(asking, from, cause);
    const media = asking.page !== undefined && isAsked ? await this.#mediaOf(asking.page, asking.url) : undefined;
    // What plays stays until there is something in its place.
    const isSame = media?.url === from.currentUrl && media.variant === from.variant;
    if (WHILE_IT_PLAYS.includes(cause.reason) && (media === undefined || isSame)) return undefined;
    const manual = cause.reason === 'manual';
    const step = { nowMs: this.#deps.clock.wallMs(), manual, resolvedUrl: media?.url ?? resolvedUrl };
    const next = advanceFailover(this.planOf(asking), from, step);
    if (next === undefined || media === undefined || next.currentUrl !== media.url) return next;
    // What the stream says goes before what the page says.
    const { userAgent, expiresAtMs, variant, audio } = media;
    return {
      ...next,
      headers: { ...media.headers, ...asking.headers },
      ...(userAgent === undefined ? {} : { userAgent }),
      ...(variant === undefined ? {} : { variant }),
      ...(audio === undefined ? {} : { audio: { ...audio, headers: { ...audio.headers, ...asking.headers } } }),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    };
  }

  /** Whether the group plays what its page gave. */
  #isOfPage({ page, failoverUrls }: StreamRecord, { index, currentUrl }: FailoverState): boolean {
    return page !== undefined && index !== -1 && !failoverUrls.includes(currentUrl);
  }

  /** What the page has just given again has failed, too: then the list is tried first, to its end. */
  #asksPage({ failoverUrls }: StreamRecord, from: FailoverState, { reason }: FailoverCause): boolean {
    if (reason === 'manual' || WHILE_IT_PLAYS.includes(reason)) return true;
    const isAgain = from.attempts > 1 && !isStable(from, this.#deps.clock.wallMs());
    return !isAgain || failoverUrls.indexOf(from.currentUrl) === failoverUrls.length - 1;
  }

  /** Undefined when none is found: the group goes on with its list of sources, if it has one. */
  async #mediaOf(page: StreamPage, url: string): Promise<PageMedia | undefined> {
    try {
      this.#pageFailure = undefined;
      return await this.#deps.askPage(page, url);
    } catch (error) {
      this.#pageFailure = error instanceof StreampoolError ? error : undefined;
      this.#deps.log.warn({ err: error, page: maskUrl(url) }, 'the media of a page was not found');
      return undefined;
    }
  }

  #become(state: FailoverState): void {
    const { currentUrl, index } = this.#state;
    // The same state again is no news: whoever prepares a source goes by the object that it began with.
    if (isDeepStrictEqual(state, this.#state)) return;
    this.#state = state;
    if (state.currentUrl !== currentUrl || state.index !== index) this.#deps.onMoved(this);
  }
}
