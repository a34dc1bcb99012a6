/** The marks that a worker holds for a feed: it is asked as another worker would ask. */

import type { Mark } from '../../services/proxy/src/feed/marks/mark.ts';
import { startRelayRun } from '../../services/proxy/src/relay/relay-run.ts';
import type { Owner, WorkerIdentity } from '../../services/registry/types.ts';
import type { TestCluster } from './cluster.ts';
import type { Worker } from './worker.ts';

/** What the workers of a cluster that is asked have to share: its `CLUSTER_SECRET`. */
export const MARKS_SECRET = 'what workers that are asked for marks share';

const ASKS: WorkerIdentity = { workerId: 'marks', incarnation: 'marks', address: '127.0.0.1:9', zone: undefined };

export interface HeldMarks {
  readonly marks: readonly Mark[];
  /** Who makes the feed, as this worker knows. */
  readonly ownerId: string;
}

/** Undefined when it has no such feed now, or no marks of it. */
export async function marksOf({ redis }: TestCluster, worker: Worker, feed: string): Promise<HeldMarks | undefined> {
  const workerId = String(worker.logged('joined the cluster')[0]?.worker);
  const via = JSON.parse(await redis.cli('HGET', 'workers', workerId)) as WorkerIdentity;
  const headers = { authorization: `Bearer ${MARKS_SECRET}` };
  const answer = await fetch(`http://${via.address}/places/${feed}`, { headers });
  if (answer.status !== 200) return undefined;
  const { owner } = (await answer.json()) as { owner: Owner };
  const hangUp = new AbortController();
  const run = startRelayRun({
    ...{ feed, owner, via, me: ASKS, secret: MARKS_SECRET, afterTicks: undefined, signal: hangUp.signal },
    onLineage: () => undefined,
  });
  const hello = await run.hello;
  hangUp.abort();
  const marks = hello?.marks?.marks;
  return marks === undefined || marks.length === 0 ? undefined : { marks, ownerId: owner.workerId };
}

/** The keys of feeds that somebody makes; `kind`: `s:` or `p:`. */
export async function feedsMade({ redis }: TestCluster, kind: 's:' | 'p:'): Promise<string[]> {
  const keys = await redis.cli('KEYS', `sp:owner:${kind}*`);
  return keys.split('\n').flatMap((key) => (key === '' ? [] : [key.slice('sp:owner:'.length)]));
}
