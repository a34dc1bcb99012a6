/** Whether fragmented mp4 can carry what a feed has, and what it leaves out of that. */

import type { Logger } from '../../../shared/log.ts';
import { StreampoolError } from '../errors.ts';
import { cmafTracks } from '../feed/hls/cmaf-tracks.ts';
import type { ProgramMap } from '../mpegts/syntax/psi.ts';

const REFUSAL =
  'Fragmented mp4 has pictures of H.264 and HEVC here, and sound of AAC, AC-3 and E-AC-3. This stream has others. Play it with container=ts.';

export class CmafFit {
  readonly #log: Logger;
  #plays = true;
  /** As it was logged last. */
  #leftOut = '';

  constructor(log: Logger) {
    this.#log = log;
  }

  /** 422; undefined: the newest segment can be carried, as far as is known. */
  get refusal(): StreampoolError | undefined {
    return this.#plays ? undefined : new StreampoolError(422, REFUSAL);
  }

  /** A segment begins with this program. */
  see(program: Pick<ProgramMap, 'streams' | 'descriptors'>): void {
    const { plays, leftOut } = cmafTracks(program);
    this.#plays = plays;
    const said = JSON.stringify(leftOut);
    if (plays && said !== this.#leftOut && leftOut.sound + leftOut.other > 0) {
      this.#log.info({ leftOut }, 'fragmented mp4 leaves out tracks of this stream; ?container=ts has them');
    }
    this.#leftOut = said;
  }
}
