/** Carries out commands that another worker or the admin API sent to this worker. */

import type { StreamRecords, Viewers } from '../../../registry/registry.ts';
import type { Command } from '../../../registry/types.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Seating } from '../viewers/seating.ts';
import type { Sessions } from '../viewers/sessions/sessions.ts';
import type { Drain } from './drain.ts';

export interface CommandDeps {
  readonly registry: StreamRecords & Viewers;
  readonly seating: Seating;
  readonly playback: Playback;
  readonly sessions: Pick<Sessions, 'disconnect' | 'ended'>;
  readonly drain: Pick<Drain, 'begin' | 'takeBack'>;
  /** Asks for the secrets for playback that the cluster has replaced. */
  readonly learnSecrets: () => Promise<void>;
  /** Asks which webhooks there are now. */
  readonly refreshWebhooks: () => Promise<void>;
  /** Does what was asked of a broadcast. */
  readonly lookAtBroadcast: (asked: Extract<Command, { kind: 'broadcast' }>) => Promise<void>;
  /** Closes feeds that hold a connection to a provider account and serve nobody. */
  readonly reclaim: (account: string) => Promise<void>;
}

export async function carryOut(command: Command, deps: CommandDeps): Promise<void> {
  const { registry, seating, playback, sessions, drain, learnSecrets, refreshWebhooks, lookAtBroadcast, reclaim } =
    deps;
  switch (command.kind) {
    case 'delete': {
      // The stream may have been created anew since: then the viewers of the new one stay, and its feeds play the new one.
      const stream = await registry.stream(command.streamId);
      playback.disconnectStream(command.streamId, stream === undefined ? [] : await registry.clients(command.streamId));
      return stream === undefined ? seating.drop(command.streamId) : seating.feeds.follow(stream);
    }
    case 'failover':
      return seating.followFailover(command.streamId);
    case 'advance': {
      const stream = await registry.stream(command.streamId);
      if (stream === undefined || stream.failover.index !== command.fromIndex) return;
      if ((await seating.failover(stream)) === undefined)
        throw new Error(`stream ${stream.id} has no other source left`);
      return;
    }
    case 'disconnect':
      await sessions.disconnect(command.clientId, command.streamId, command.atMs);
      playback.disconnect(command.clientId, command.streamId);
      return;
    case 'ended':
      sessions.ended(command);
      return;
    case 'superseded':
      playback.hurry(command);
      return;
    case 'renamed':
      playback.rename(command);
      return;
    case 'reclaim':
      return reclaim(command.account);
    case 'secrets':
      return learnSecrets();
    case 'webhooks':
      return refreshWebhooks();
    case 'broadcast':
      return lookAtBroadcast(command);
    case 'drain':
      return drain.begin('told');
    case 'undrain':
      return drain.takeBack('told');
  }
}
