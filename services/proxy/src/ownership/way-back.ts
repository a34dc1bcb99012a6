/** Ends a copy of a feed: finds out when the owner can be reached again, or when this worker may be the owner. */

import type { FeedOwners } from '../../../registry/registry.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy } from '../async.ts';
import type { KnownPlace } from './known-place.ts';
import { LAST_ASK_TIMEOUT_MS, type PeerQuestions } from './peer-questions.ts';

/** How often a worker with a copy of a feed looks for its owner, and how often in a row it must find it. */
export const SEEK_MS = 3_000;
const SEEN_TWICE = 2;

export interface WayBackDeps {
  readonly feed: string;
  readonly registry: FeedOwners;
  readonly questions: Pick<PeerQuestions, 'answersFrom' | 'peerPlace'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * @param isCopy whether the feed here is still a copy
 * @returns the place that ends the copy: the owner if it can be reached, this worker if the registry agrees; undefined when
 *   something else has ended it
 */
export async function wayBack(
  { feed, registry, questions, clock, log }: WayBackDeps,
  isCopy: () => boolean,
  signal: AbortSignal,
): Promise<KnownPlace | undefined> {
  let seen = 0;
  for (;;) {
    await pauseBy(clock, SEEK_MS, signal);
    if (signal.aborted || !isCopy()) return undefined;
    const place = await registry.acquire(feed).catch(() => undefined);
    if (place?.kind === 'own') return place;
    if (place?.kind !== 'relay') continue;
    const { owner } = place;
    const answers = (await questions.answersFrom(owner, LAST_ASK_TIMEOUT_MS)) === 'alive';
    const peer = answers ? { owner, via: undefined } : await questions.peerPlace(owner, LAST_ASK_TIMEOUT_MS);
    seen = peer?.owner.incarnation === owner.incarnation ? seen + 1 : 0;
    if (peer === undefined || seen < SEEN_TWICE) continue;
    log.debug({ feed, peer }, 'the owner of a feed can be reached again');
    return { kind: 'relay', ...peer };
  }
}
