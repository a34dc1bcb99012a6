/** The container of segments for a viewer who asks for none: what the profile says, else what plays on most players. */

import type { Clock } from '../../../shared/clock.ts';
import type { Feed } from '../feed/feed.ts';
import { cmafTracks } from '../feed/hls/cmaf-tracks.ts';
import { FeedProgram } from '../feed/hls/feed-program.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import { UnitScanner } from '../mpegts/segmenting/unit-scanner.ts';

export interface ContainerChoiceDeps {
  readonly feed: Feed;
  /** What the profile says. */
  readonly said: Container | undefined;
  /** What all workers agree on under a name: what was offered first. One address must not play in two containers in turn. */
  readonly agree: (name: string, offered: string) => Promise<string | undefined>;
  /** HLS_WAIT_TIME */
  readonly waitMs: number;
  readonly clock: Clock;
}

const NAME = 'hls-container';

export class ContainerChoice {
  readonly #deps: ContainerChoiceDeps;
  #agreed: Promise<Container> | undefined;
  #decided: Container | undefined;

  constructor(deps: ContainerChoiceDeps) {
    this.#deps = deps;
  }

  /** What it is, once that is known. */
  get decided(): Container | undefined {
    return this.#deps.said ?? this.#decided;
  }

  /** Waits for the first picture of the feed. Where none comes, the wait for segments says what is wrong. */
  async of(signal: AbortSignal): Promise<Container> {
    const { feed, said } = this.#deps;
    if (said !== undefined) return said;
    await this.#begun(signal);
    const [oldest] = feed.ring.entries;
    if (oldest === undefined) return 'ts';
    this.#agreed ??= this.#agreeOn(suitable(oldest.prefix));
    return this.#agreed;
  }

  async #agreeOn(offered: Container): Promise<Container> {
    const agreed = await this.#deps.agree(NAME, offered);
    this.#decided = agreed === 'ts' || agreed === 'fmp4' ? agreed : offered;
    return this.#decided;
  }

  #begun(signal: AbortSignal): Promise<void> {
    const { feed, waitMs, clock } = this.#deps;
    const isOver = () => feed.ring.entries.length > 0 || feed.end !== undefined || signal.aborted;
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clock.clearTimeout(timer);
        unsubscribe();
        unsubscribeEnd();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const unsubscribe = feed.onPublish(() => {
        if (isOver()) end();
      });
      const unsubscribeEnd = feed.onEnd(end);
      const timer = clock.setTimeout(end, waitMs);
      signal.addEventListener('abort', end);
    });
  }
}

/** Apple's players take HEVC from fragmented mp4 only. Everything else plays on more players as MPEG-TS. @param prefix tables of the feed */
function suitable(prefix: Buffer): Container {
  const program = new FeedProgram();
  const scanner = new UnitScanner((unit) => void program.isTable(unit));
  scanner.push(prefix);
  scanner.flush();
  const { current } = program;
  return current !== undefined && cmafTracks(current.map).isHevc ? 'fmp4' : 'ts';
}

/** What a profile says. @param args of its template; undefined where it does not say it */
export function saidContainer(args: readonly string[]): Container | undefined {
  const at = args.lastIndexOf('-hls_segment_type');
  if (at < 0) return undefined;
  return args[at + 1] === 'fmp4' ? 'fmp4' : 'ts';
}
