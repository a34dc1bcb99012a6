/** What pages may look at: one board for each view, whose cost does not depend on the number of pages. */

import type { ClusterState, EventsState, LiveView, NowState, ProvidersState } from '../../../../shared/console/live.ts';
import type { OneStreamState } from '../../../../shared/console/one-stream.ts';
import type { Services } from '../../worker/services.ts';
import { ClusterBoard } from './cluster-board.ts';
import { aboutOf } from './counts/about.ts';
import type { Glance } from './counts/glance.ts';
import { LiveBoard } from './live-board.ts';
import { NowBoard } from './now-board.ts';
import { OneStreamBoard } from './one-stream-board.ts';
import { ProvidersBoard } from './providers-board.ts';

type Shown = Pick<LiveBoard<object>, 'show'>;

/** The board of a view. @param streamId of the view of one stream */
export function boardsOf(services: Services, glance: Glance): (view: LiveView, streamId: string) => Shown {
  const onError = (error: unknown): void => services.log.error({ err: error }, 'the console could not be composed');
  const now = new NowBoard(services, glance);
  const cluster = new ClusterBoard(services, glance);
  const providers = new ProvidersBoard(services, glance);
  const boards = {
    now: new LiveBoard<NowState>({ compose: () => now.compose(), rest: () => now.rest(), onError }),
    cluster: new LiveBoard<ClusterState>({ compose: () => cluster.compose(), rest: () => cluster.rest(), onError }),
    providers: new LiveBoard<ProvidersState>({
      compose: () => providers.compose(),
      rest: () => providers.rest(),
      onError,
    }),
    events: new LiveBoard<EventsState>({
      compose: async () => ({ about: aboutOf(services, (await glance.overview('board')).workers) }),
      rest: () => glance.rest(),
      onError,
    }),
  };
  // A stream has one while somebody looks at it.
  const streams = new Map<string, Shown>();
  const newStreamBoard = (id: string): Shown => {
    const one = new OneStreamBoard(services, glance, id);
    const rest = (): void => {
      one.rest();
      if (streams.get(id) === board) streams.delete(id);
    };
    const board: Shown = new LiveBoard<OneStreamState>({ compose: () => one.compose(), rest, onError });
    streams.set(id, board);
    return board;
  };
  return (view, id) => (view === 'stream' ? (streams.get(id) ?? newStreamBoard(id)) : boards[view]);
}
