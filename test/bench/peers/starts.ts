/** How long the first viewer waits for a picture, and for the answer that there is none. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type LiveSource, startLiveSourceProcess } from '../../support/live-source.ts';
import { timeToPicture, watch } from '../../support/picture-probe.ts';
import { startWorker } from '../../support/worker.ts';
import { median } from '../numbers.ts';
import { COPY_PROFILE } from '../profiles.ts';
import type { Measure } from './results.ts';
import { nginx } from './servers/debian.ts';
import { startM3uProxy } from './servers/given.ts';
import { end, start } from './servers/programs.ts';
import { COPIED, DIRECT } from './servers/servers.ts';
import { inTurn, type Order, Sheet } from './sheet.ts';

/** 2 s from keyframe to keyframe, at 640x360. */
const LOOP = '640x360';
const GOP_SECONDS = 2;
const PHASES = 5;
/** FFmpeg still finds both tracks of this source with these. */
const SMALL_PROBES = ['-fflags', 'nobuffer', '-probesize', '200000', '-analyzeduration', '200000'];
const SMALL = 'ffmpeg -c copy with small probe values';
const ASKS = 5;
const MISSING = '/missing.ts';

/** Answers the address of what it plays from this source, which it has not opened yet. */
type Prepare = (source: string) => Promise<string>;

interface Ready {
  readonly name: string;
  readonly prepare: Prepare;
  stop(): Promise<unknown>;
}

/** Every start has a channel of its own whose clock starts with its connection, so that all see the same. */
export async function coldStarts(m3uProxy: string | undefined, { quick, rounds, say }: Order): Promise<Measure[]> {
  const phases = Array.from({ length: quick ? 2 : PHASES }, (_, n) => ((n + 0.5) / PHASES) * GOP_SECONDS);
  const what = 'a cold start between two keyframes, to the first whole keyframe';
  const sheet = new Sheet(rounds, [{ id: 'cold-start', what, unit: 'ms', beside: SMALL, resolution: 20 }]);
  const servers = await startAll(m3uProxy, say);
  const names = [...servers.map(({ name }) => name), SMALL];
  const path = (name: string, round: number, n: number) => `/${names.indexOf(name)}-${round}-${n}.ts`;
  const channels = Object.fromEntries(
    names.flatMap((name) =>
      Array.from({ length: rounds }, (_, round) =>
        phases.map((startPhaseSeconds, n) => [path(name, round, n), { startPhaseSeconds }] as const),
      ).flat(),
    ),
  );
  const source = await startLiveSourceProcess({
    fixture: LOOP,
    clockStarts: 'first-connection',
    join: 'packet',
    channels: { ...channels, '/warm.ts': { startPhaseSeconds: 0 } },
  });
  try {
    // The first stream of a server's life takes longer.
    for (const { prepare } of servers) await timeToPicture(await prepare(source.channel('/warm.ts').url));
    for (let round = 0; round < rounds; round++) {
      for (const name of inTurn(names, round)) {
        say(`cold start, round ${round + 1}: ${name}`);
        const prepare = servers.find((server) => server.name === name)?.prepare;
        const waits: number[] = [];
        for (const n of phases.keys()) waits.push(await pictureAfter(prepare, source, path(name, round, n)));
        sheet.add('cold-start', name, median(waits));
      }
    }
  } finally {
    for (const server of servers) await server.stop();
    await source.close();
  }
  return sheet.measures();
}

async function pictureAfter(prepare: Prepare | undefined, source: LiveSource, path: string): Promise<number> {
  const { url } = source.channel(path);
  const { keyframeMs } = prepare === undefined ? await bareFfmpeg(url) : await timeToPicture(await prepare(url));
  // What was left behind has ended then.
  await sleep(300);
  return keyframeMs;
}

async function bareFfmpeg(url: string) {
  const output = ['-map', '0:v:0', '-map', '0:a:0', '-c', 'copy', '-f', 'mpegts', '-flush_packets', '1', 'pipe:1'];
  const args = ['-v', 'error', ...SMALL_PROBES, '-i', url, ...output];
  const startMs = performance.now();
  const child = start(process.env.FFMPEG_PATH ?? 'ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    if (child.stdout === null) throw new Error('FFmpeg has no output');
    return await watch(child.stdout, startMs);
  } finally {
    await end(child);
  }
}

/** From the request to the whole answer, when the source answers 404. */
export async function missingSources(m3uProxy: string | undefined, { quick, rounds, say }: Order): Promise<Measure[]> {
  const what = 'answer to a viewer when the source answers 404';
  const sheet = new Sheet(rounds, [{ id: 'missing', what, unit: 'ms', beside: 'nginx', resolution: 5 }]);
  const source = await startLiveSourceProcess({ fixture: LOOP });
  const servers = await startAll(m3uProxy, say);
  const viaNginx = await nginx()?.start(source.origin + MISSING);
  if (viaNginx !== undefined)
    servers.push({ name: 'nginx', prepare: async () => viaNginx.url, stop: () => viaNginx.stop() });
  let asked = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { name, prepare } of inTurn(servers, round)) {
        say(`source that answers 404, round ${round + 1}: ${name}`);
        const waits: number[] = [];
        for (let n = 0; n < (quick ? 2 : ASKS); n++) {
          // Another address each time: what a server remembers of one is not asked for.
          const url = await prepare(`${source.origin}/missing${asked++}.ts`);
          const startMs = performance.now();
          await (await fetch(url)).arrayBuffer();
          waits.push(performance.now() - startMs);
        }
        sheet.add('missing', name, median(waits));
      }
    }
  } finally {
    for (const server of servers) await server.stop();
    await source.close();
  }
  return sheet.measures();
}

async function startAll(m3uProxy: string | undefined, say: Order['say']): Promise<Ready[]> {
  const worker = await startWorker({ SHARED_STREAM_GRACE: '0' }, { timeoutMs: 60_000 });
  const { api } = worker;
  const ours: Ready[] = [
    {
      name: COPIED,
      prepare: async (url) => (await api.createTranscode({ url, profile: COPY_PROFILE })).playUrl,
      stop: () => worker.stop('SIGINT'),
    },
    {
      name: DIRECT,
      prepare: async (url) => (await api.createStream({ url, share: true })).playUrl,
      stop: () => Promise.resolve(),
    },
  ];
  if (m3uProxy === undefined) return ours;
  try {
    const proxy = await startM3uProxy(m3uProxy);
    const prepare: Prepare = async (url) => (await proxy.api.createStream({ url })).playUrl;
    return [...ours, { name: 'm3u-proxy', prepare, stop: () => proxy.stop() }];
  } catch (error) {
    say(`m3u-proxy has failed: ${error}`);
    return ours;
  }
}
