/** The secrets that all workers of a cluster share. A setting gives them, or the workers agree on one that a worker has drawn. */

import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';

type Name = 'cluster' | 'playback';

export class SharedSecrets {
  readonly #given: Readonly<Record<Name, string | undefined>>;
  readonly #secrets: Record<Name, string>;

  constructor({ clusterSecret, playbackSecret }: Pick<Config, 'clusterSecret' | 'playbackSecret'>) {
    this.#given = { cluster: clusterSecret, playback: playbackSecret };
    this.#secrets = { cluster: clusterSecret ?? newSecret(), playback: playbackSecret ?? newSecret() };
  }

  /** What workers authenticate with. */
  get cluster(): string {
    return this.#secrets.cluster;
  }

  /** What signs playback URLs. */
  get playback(): string {
    return this.#secrets.playback;
  }

  /** @param agreeOn returns the secret of the cluster, given the one of this worker */
  async agree(agreeOn: (name: Name, own: string) => Promise<string>): Promise<void> {
    for (const name of ['cluster', 'playback'] as const) {
      if (this.#given[name] === undefined) this.#secrets[name] = await agreeOn(name, this.#secrets[name]);
    }
  }
}

/**
 * Begins with the time, so that the oldest of several secrets is the smallest. The letter makes it larger than those of earlier
 * versions: they have hexadecimal digits alone, and their workers keep what they have.
 */
function newSecret(): string {
  return `t${Date.now().toString(16).padStart(12, '0')}${randomBytes(24).toString('hex')}`;
}
