/**
 * Make before break: when a source has been silent for half of the time that it may be, the next one of its group is opened beside
 * it. The first of the two that has a picture to begin with wins. The group moves only when that is the next one.
 */

import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { pauseBy } from '../async.ts';
import { SourceError } from '../errors.ts';
import type { Silence } from '../upstream/failover/silence.ts';
import { failoverReason } from '../upstream/failover/source-recovery.ts';
import { accountOf, mayBeConnectionLimit } from '../upstream/provider/provider-connections.ts';
import type { FailoverCause, Following, GroupSource } from '../upstream/provider/source-address.ts';
import { isLiveByName } from '../upstream/provider/source-kind.ts';
import type { Origin } from './origin.ts';
import type { SourceConnections } from './source-connections.ts';
import { sourceFeedOf } from './source-key.ts';

/** What the next source of a feed has to do here. */
export interface Held extends Pick<Origin, 'isOwn'> {
  readonly connections: Pick<SourceConnections, 'stage'>;
}

export interface StandbyDeps {
  readonly source: Pick<GroupSource, 'following' | 'index'> | undefined;
  /** As `SourceMoves` has them. */
  readonly moves: {
    hold(following: Following): Promise<Held>;
    drop(held: Held): void;
    on(cause: FailoverCause): Promise<boolean>;
  };
  /** What the feed reads now. */
  readonly current: () => Pick<Origin, 'isOwn' | 'account'> & {
    readonly watch: { readonly silence: Pick<Silence, 'limitMs'> };
  };
  /** What has been passed on. */
  readonly media: {
    /** Grows with each picture, or each sound without pictures. */
    readonly progress: number;
    /** When it grew last, monotonic ms; undefined before the first. */
    readonly progressMs: number | undefined;
  };
  /** Whether this outage may lead to another source. */
  readonly mayMove: () => boolean;
  /** Aborted when the feed is closed. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock: Clock;
}

/** How long the next source may take to its first picture. */
const TRY_MS = 5_000;
/** The source of now wins when it has a picture within this time after the next one. */
const GRACE_MS = 500;
/** No source is left before it has been silent for this long: networks have such pauses. */
const LEAST_SILENCE_MS = 3_000;
const STEP_MS = 50;

type Outcome = 'won' | 'not_needed' | Error;

export class Standby {
  readonly #deps: StandbyDeps;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #underWay: Promise<boolean> | undefined;
  /** The progress at which it was opened last: once for each outage. */
  #openedAt: number | undefined;
  /** Keys of sources that were refused beside the one of now: their provider may count both. */
  readonly #refused = new Set<string>();

  constructor(deps: StandbyDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
  }

  /** Half of what the source of now may be silent is over. */
  silent(): void {
    this.#open(undefined);
  }

  /**
   * The source of now has failed. What it may be silent is counted from its last media.
   * @param error why it has failed
   */
  failed(error: SourceError): void {
    const { media, current } = this.#deps;
    const { silence } = current().watch;
    if (media.progressMs === undefined) return;
    const sinceMs = this.#clock.monotonicMs() - media.progressMs;
    this.#clock.clearTimeout(this.#timer);
    const { progress } = media;
    const open = () => {
      if (media.progress === progress) this.#open(error);
    };
    this.#timer = this.#clock.setTimeout(open, Math.max(0, silence.limitMs / 2 - sinceMs));
  }

  /** Resolves when nothing is open beside the source of now. Returns whether the feed goes on at the next one. */
  async decided(): Promise<boolean> {
    return (await this.#underWay) === true;
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #open(error: SourceError | undefined): void {
    const { progress } = this.#deps.media;
    if (progress === 0 || this.#underWay !== undefined || this.#openedAt === progress) return;
    this.#underWay = this.#race(error)
      .catch((failure: unknown) => {
        this.#deps.log.warn({ err: failure }, 'the next source could not be opened beside the one of now');
        return false;
      })
      .finally(() => {
        this.#underWay = undefined;
      });
  }

  async #race(error: SourceError | undefined): Promise<boolean> {
    const { source, moves, current, media, mayMove, log } = this.#deps;
    const following = source?.following;
    if (source === undefined || following === undefined || !mayMove()) return false;
    const { address } = following;
    if (!this.#mayBeBeside(following)) return false;
    this.#openedAt = media.progress;
    const from = current();
    const { index } = source;
    const isNeeded = () =>
      media.progress === this.#openedAt && current() === from && from.isOwn && source.index === index;
    const next = await moves.hold(following);
    const outcome = await this.#outcome(next, isNeeded);
    if (outcome instanceof Error) {
      if (mayBeConnectionLimit(outcome)) this.#refused.add(sourceFeedOf(address));
      log.warn({ err: outcome, source: maskUrl(address.url) }, 'the next source could not be opened');
    }
    const cause = { reason: failoverReason(error ?? SILENT), status: error?.upstreamStatus };
    const hasMoved = outcome === 'won' && (await moves.on(cause));
    moves.drop(next);
    return hasMoved;
  }

  /** Whether a provider would not count it and the source of now for one account. */
  #mayBeBeside({ address }: Following): boolean {
    const from = this.#deps.current();
    if (!from.isOwn || !isLiveByName(address.url) || this.#refused.has(sourceFeedOf(address))) return false;
    return accountOf(address) !== from.account;
  }

  async #outcome(next: Held, isNeeded: () => boolean): Promise<Outcome> {
    const { signal } = this.#deps;
    const staged: { atMs?: number; error?: Error } = {};
    const hasBegun = () => {
      staged.atMs = this.#clock.monotonicMs();
    };
    const failed = (error: unknown) => {
      staged.error = error instanceof Error ? error : new Error(String(error));
    };
    // What another worker or group reads, that one has opened.
    const staging = next.isOwn ? next.connections.stage(TRY_MS) : Promise.resolve();
    staging.then(hasBegun, failed);
    const untilMs = this.#clock.monotonicMs() + TRY_MS;
    for (;;) {
      const { atMs, error } = staged;
      const nowMs = this.#clock.monotonicMs();
      if (!isNeeded() || signal.aborted) return 'not_needed';
      if (error !== undefined) return error;
      if (atMs === undefined && nowMs >= untilMs) return new SourceError('stalled', 'The source sent no keyframe.');
      if (atMs !== undefined && nowMs >= atMs + GRACE_MS && this.#isSilent) return 'won';
      await pauseBy(this.#clock, STEP_MS, signal);
    }
  }

  /** The source of now has been silent for long enough to be left. */
  get #isSilent(): boolean {
    const { media, current } = this.#deps;
    const sinceMs = this.#clock.monotonicMs() - (media.progressMs ?? 0);
    return sinceMs >= Math.min(LEAST_SILENCE_MS, current().watch.silence.limitMs);
  }
}

/** Why a source that only stays silent is left. */
const SILENT = new SourceError('stalled', 'The source is silent.');
