/** The servers that are compared: each takes a source and gives it to many. */
import { startWorker } from '../../../support/worker.ts';
import { COPY_PROFILE } from '../../profiles.ts';
import { OURS } from '../results.ts';
import { withDescendants } from '../usage.ts';
import { startFloor } from '../viewers.ts';
import { icecast, nginx, vlc } from './debian.ts';
import { type Given, givenServers } from './given.ts';

/** A server that plays a source. */
export interface Running {
  /** What viewers ask for. */
  readonly url: string;
  /** Its processes, without the FFmpegs that it needs. */
  pids(): number[];
  ffmpegs(): number[];
  /** Says how many viewers come now. */
  serve?(viewers: number): void;
  stop(): Promise<void>;
}

export interface Server {
  readonly name: string;
  /** What its version is called, and how to find out. */
  readonly version: readonly [program: string, version: string];
  /** It opens the source once for each viewer, in place of once for all. */
  readonly isUnshared?: boolean;
  start(source: string): Promise<Running>;
}

export const FLOOR = 'a loop that writes from memory';
export const DIRECT = `${OURS}, direct`;
export const COPIED = `${OURS}, copied`;
/** What a server takes together with its FFmpeg. */
export const withFfmpeg = (server: string): string => `${server}, FFmpeg included`;

const SETTINGS = { MAX_CLIENTS_PER_SHARED_STREAM: '0', MAX_PROCESSES: '0', SHARED_STREAM_GRACE: '600' };

/** All that can be started here. The floor comes first. */
export function serversHere(given: Given): Server[] {
  return [floor, streampool(DIRECT), streampool(COPIED), vlc(), icecast(), nginx(), ...givenServers(given)].filter(
    (server) => server !== undefined,
  );
}

const floor: Server = {
  name: FLOOR,
  version: ['Node', process.version],
  async start() {
    const { pid, url, serve, end } = await startFloor(1);
    return { url, pids: () => [pid], ffmpegs: () => [], serve, stop: end };
  },
};

function streampool(name: typeof DIRECT | typeof COPIED): Server {
  return {
    name,
    version: ['Node', process.version],
    async start(source) {
      const worker = await startWorker(SETTINGS, { timeoutMs: 60_000 });
      const { playUrl } =
        name === COPIED
          ? await worker.api.createTranscode({ url: source, profile: COPY_PROFILE })
          : await worker.api.createStream({ url: source, share: true });
      return {
        url: playUrl,
        pids: () => [worker.pid],
        ffmpegs: () => worker.ffmpegPids().flatMap(withDescendants),
        stop: async () => void (await worker.stop('SIGINT')),
      };
    },
  };
}
