/** The DASH streams that viewers of this worker watch. */

import { PassedSources } from '../hls/passed-sources.ts';
import { DashSource, type DashSourceDeps } from './dash-source.ts';

export type DashSourcesDeps = Omit<DashSourceDeps, 'streamId' | 'source' | 'isSticky' | 'now' | 'wallMs'> & {
  /** How long a viewer may ask for nothing: CLIENT_TIMEOUT. */
  readonly clientTimeoutMs: number;
};

export class DashSources extends PassedSources<DashSource> {
  constructor(deps: DashSourcesDeps) {
    super(deps.clientTimeoutMs, (streamId, source, isSticky) => {
      const clocks = { now: () => performance.now(), wallMs: () => Date.now() };
      return new DashSource({ ...deps, ...clocks, streamId, source, isSticky });
    });
  }
}
