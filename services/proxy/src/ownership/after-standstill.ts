/**
 * Finds out who makes a feed after its owner has stood still past the end of its lease. Another worker may have taken it
 * over, so the owner passes nothing on before it knows.
 */

import { askAgain } from '../../../registry/ask-again.ts';
import type { FeedStarts } from '../../../registry/registry.ts';
import type { Clock } from '../../../shared/clock.ts';
import { pauseBy } from '../async.ts';
import type { KnownPlace } from './known-place.ts';
import type { Lease } from './lease.ts';
import type { PeerQuestions } from './peer-questions.ts';

export interface StandstillDeps {
  readonly feed: string;
  readonly registry: Pick<FeedStarts, 'confirm' | 'adopt'>;
  readonly lease: Pick<Lease, 'answered' | 'reachable' | 'awakeSinceMs'>;
  readonly questions: Pick<PeerQuestions, 'successorPlace'>;
  readonly clock: Clock;
}

/**
 * The registry knows. While it does not answer, the other workers are asked twice, as before a feed is started without
 * the registry.
 *
 * @param isWanted whether the feed is still made here, and wanted
 * @returns where the feed is made; `unclaimed` when the registry is away and no other worker has it, so that it goes on
 *   here; undefined when it is no longer wanted here
 */
export async function placeAfterStandstill(
  { feed, registry, lease, questions, clock }: StandstillDeps,
  isWanted: () => boolean,
): Promise<KnownPlace | 'unclaimed' | undefined> {
  for (;;) {
    const isAnswered = await lease.answered();
    if (!isWanted()) return undefined;
    if (isAnswered) {
      const place = await registry.confirm(feed).catch(() => undefined);
      if (place?.kind === 'own' || place?.kind === 'relay') return place;
      continue;
    }
    const { awakeSinceMs } = lease;
    const ask = () => questions.successorPlace();
    const peer = (await ask()) ?? (await askAgain(ask, clock, (ms) => pauseBy(clock, ms)));
    if (!isWanted()) return undefined;
    // The registry is back, or what was heard before another standstill says nothing.
    if (lease.reachable || lease.awakeSinceMs !== awakeSinceMs) continue;
    if (peer === undefined) return 'unclaimed';
    // Otherwise the returning registry would be told that the feed is made here.
    registry.adopt(feed, { kind: 'relay', owner: peer.owner });
    return { kind: 'relay', ...peer };
  }
}
