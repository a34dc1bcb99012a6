/** Does what another worker, or the admin API, has left for this one to do. */

import type { Registry } from '../../../registry/registry.ts';
import type { Command } from '../../../registry/types.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Seating } from '../viewers/seating.ts';

export interface CommandDeps {
  readonly registry: Registry;
  readonly seating: Seating;
  readonly playback: Playback;
  /** Takes on nothing new, and hands over what others read. */
  readonly startDraining: () => void;
  /** Closes what holds a connection to a provider account and serves nobody. */
  readonly reclaim: (account: string) => Promise<void>;
}

export async function carryOut(command: Command, deps: CommandDeps): Promise<void> {
  const { registry, seating, playback, startDraining, reclaim } = deps;
  switch (command.kind) {
    case 'delete': {
      // It may have been created anew since: then those who watch the new one stay.
      const exists = (await registry.stream(command.streamId)) !== undefined;
      playback.disconnectStream(command.streamId, exists ? await registry.clients(command.streamId) : []);
      return exists ? undefined : seating.drop(command.streamId);
    }
    case 'failover':
      return seating.followFailover(command.streamId);
    case 'disconnect':
      playback.disconnect(command.clientId, command.streamId);
      return;
    case 'superseded':
      playback.hurry(command);
      return;
    case 'reclaim':
      return reclaim(command.account);
    case 'drain':
      startDraining();
  }
}
