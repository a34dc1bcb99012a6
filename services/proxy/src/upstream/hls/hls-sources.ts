/** The HLS streams that viewers of this worker watch. */

import type { Agreements } from '../../../../registry/registry.ts';
import type { Agree } from './hls-numbers.ts';
import { HlsSource, type HlsSourceDeps } from './hls-source.ts';
import { PassedSources } from './passed-sources.ts';

export type HlsSourcesDeps = Omit<HlsSourceDeps, 'streamId' | 'source' | 'isSticky' | 'agree' | 'now'> & {
  /** What all workers have agreed on, by stream and name. */
  readonly registry: Agreements;
  /** How long a viewer may ask for nothing: CLIENT_TIMEOUT. */
  readonly clientTimeoutMs: number;
};

export class HlsSources extends PassedSources<HlsSource> {
  constructor(deps: HlsSourcesDeps) {
    super(deps.clientTimeoutMs, (streamId, source, isSticky) => {
      const agree: Agree = (name, offered) => deps.registry.agree(streamId, name, offered);
      return new HlsSource({ ...deps, streamId, source, isSticky, agree, now: () => performance.now() });
    });
  }

  /** Requests for playlists that wait for what comes next. */
  get blockedRequests(): number {
    return this.all.reduce((sum, { blockedRequests }) => sum + blockedRequests, 0);
  }
}
