/** The secrets that all workers of a cluster share. A setting gives them, or the workers agree on one that a worker has drawn. */

import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';

type Name = 'cluster' | 'playback';

/** How long viewers may use what a former secret has made. It changes when a worker that started alone joins its cluster. */
export const FORMER_MS = 24 * 60 * 60_000;

/** Until the others have told a Redis that was emptied which secret they use: they look for what it has lost every two seconds. */
const LEARNT_MS = 5_000;

export class SharedSecrets {
  readonly #given: Readonly<Record<Name, string | undefined>>;
  readonly #secrets: Record<Name, string>;
  /** Secrets for playback that the cluster has replaced, the newest first. */
  #former: readonly { readonly secret: string; readonly untilMs: number }[] = [];
  readonly #now: () => number;
  /** Something may have been made with the present secret for playback. */
  #isUsed = false;
  #isAgreed = false;
  /** By the clock of `now`. */
  #doubtfulUntilMs = Number.NEGATIVE_INFINITY;

  /** @param now a monotonic clock in ms */
  constructor(
    { clusterSecret, playbackSecret }: Pick<Config, 'clusterSecret' | 'playbackSecret'>,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#given = { cluster: clusterSecret, playback: playbackSecret };
    this.#secrets = { cluster: clusterSecret ?? newSecret(), playback: playbackSecret ?? newSecret() };
  }

  /** What workers authenticate with. */
  get cluster(): string {
    return this.#secrets.cluster;
  }

  /** What signs playback URLs. */
  get playback(): string {
    this.#isUsed = true;
    return this.#secrets.playback;
  }

  /** The secret for playback, and those that it was in the last 24 hours. */
  get playbackSoFar(): readonly [string, ...string[]] {
    const nowMs = this.#now();
    return [this.playback, ...this.#former.flatMap(({ secret, untilMs }) => (untilMs > nowMs ? [secret] : []))];
  }

  /** This worker serves viewers before it has asked the cluster. */
  beginAlone(): void {
    this.#doubtfulUntilMs = Number.POSITIVE_INFINITY;
  }

  /** Whether viewers may have something that the cluster has made with a secret for playback that this worker does not know yet. */
  get isDoubtful(): boolean {
    return this.#given.playback === undefined && this.#now() < this.#doubtfulUntilMs;
  }

  /**
   * @param agreeOn returns the secret of the cluster, given the one of this worker
   * @returns the secret for playback that was replaced, if viewers may have something that was made with it
   */
  async agree(agreeOn: (name: Name, own: string) => Promise<string>): Promise<string | undefined> {
    let replaced: string | undefined;
    const { playback } = this.#secrets;
    for (const name of ['cluster', 'playback'] as const) {
      if (this.#given[name] !== undefined) continue;
      const own = this.#secrets[name];
      this.#secrets[name] = await agreeOn(name, own);
      if (name !== 'playback' || this.#secrets[name] === own || !this.#isUsed) continue;
      this.#keep(own);
      replaced = own;
    }
    // No worker had one, or Redis has lost it and the others are about to tell it.
    if (!this.#isAgreed && this.#secrets.playback === playback) this.#doubtfulUntilMs = Number.POSITIVE_INFINITY;
    this.#isAgreed = true;
    this.#doubtfulUntilMs = Math.min(this.#doubtfulUntilMs, this.#now() + LEARNT_MS);
    return replaced;
  }

  /** @param former secrets for playback that the cluster has replaced, the newest first */
  learn(former: readonly string[]): void {
    if (this.#given.playback !== undefined) return;
    const known = new Set([this.#secrets.playback, ...this.#former.map(({ secret }) => secret)]);
    for (const secret of former.toReversed()) if (!known.has(secret)) this.#keep(secret);
  }

  #keep(secret: string): void {
    const nowMs = this.#now();
    const kept = this.#former.filter((former) => former.untilMs > nowMs && former.secret !== secret);
    this.#former = [{ secret, untilMs: nowMs + FORMER_MS }, ...kept];
  }
}

/**
 * Begins with the time, so that the oldest of several secrets is the smallest. The letter makes it larger than those of earlier
 * versions: they have hexadecimal digits alone, and their workers keep what they have.
 */
function newSecret(): string {
  return `t${Date.now().toString(16).padStart(12, '0')}${randomBytes(24).toString('hex')}`;
}
