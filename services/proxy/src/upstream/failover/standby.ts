/**
 * Make before break: when a source has been silent for half of the time that it may be, the next one of its group is opened beside
 * it. The first of the two that has a picture to begin with wins. The group moves only when that is the next one.
 */

import type { Clock, Timer } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { pauseBy } from '../../async.ts';
import { SourceError } from '../../errors.ts';
import { accountOf, mayBeConnectionLimit } from '../provider/provider-connections.ts';
import type { FailoverCause, Following, SwitchableSource } from '../provider/source-address.ts';
import { sourceFeedOf } from '../provider/source-key.ts';
import { isLiveByName } from '../provider/source-kind.ts';
import type { Silence } from './silence.ts';
import { failoverReason } from './source-recovery.ts';

/** The next source, entered beside the one of now. */
export interface Held {
  /**
   * Opens it, if its reader has to do that, and waits until a viewer could begin with it.
   * @throws when that fails or takes longer than `timeoutMs`
   */
  stage(timeoutMs: number): Promise<void>;
}

/** What is read now; the same object as long as that is the same source. */
export interface ReadNow {
  /** It is opened here. What another worker or group reads, they retry. */
  readonly isOwn: boolean;
  /** The provider account, in the terms of `accountOf`. */
  readonly account: string;
  readonly silence: Pick<Silence, 'limitMs'>;
}

export interface StandbyDeps {
  readonly source: Pick<SwitchableSource, 'following' | 'index'> | undefined;
  readonly moves: {
    /** Enters the next source beside the one of now. */
    hold(following: Following): Promise<Held>;
    /** Leaves it, unless the reader has moved there. */
    drop(held: Held): void;
    /** Moves to the next source. Returns false when there is none. */
    on(cause: FailoverCause): Promise<boolean>;
  };
  readonly current: () => ReadNow;
  /** What has been passed on. */
  readonly media: {
    /** Grows with each picture, or each sound without pictures. */
    readonly progress: number;
    /** When it grew last, monotonic ms; undefined before the first. */
    readonly progressMs: number | undefined;
  };
  /** Whether this outage may lead to another source. */
  readonly mayMove: () => boolean;
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'warn'>;
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
    const { silence } = current();
    if (media.progressMs === undefined) return;
    const sinceMs = this.#clock.monotonicMs() - media.progressMs;
    this.#clock.clearTimeout(this.#timer);
    const { progress } = media;
    const open = () => {
      if (media.progress === progress) this.#open(error);
    };
    this.#timer = this.#clock.setTimeout(open, Math.max(0, silence.limitMs / 2 - sinceMs));
  }

  /** The next source is being opened beside the one of now. */
  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** Resolves when nothing is open beside the source of now. Returns whether the next one has won. */
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
    next.stage(TRY_MS).then(hasBegun, failed);
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
    return sinceMs >= Math.min(LEAST_SILENCE_MS, current().silence.limitMs);
  }
}

/** Why a source that only stays silent is left. */
const SILENT = new SourceError('stalled', 'The source is silent.');
