/** What a channel with one viewer takes, beside FFmpeg that copies it; for sources that send in small slices and in large ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startLiveSourceProcess } from '../../support/live-source.ts';
import type { Measure } from './results.ts';
import { end, start } from './servers/programs.ts';
import { FLOOR, type Running, type Server, withFfmpeg } from './servers/servers.ts';
import { inTurn, type Order, Sheet } from './sheet.ts';
import { countCpu } from './usage.ts';
import { startViewers } from './viewers.ts';

/** How often the source sends what is due. */
const SLICES_MS = [25, 100];
const FFMPEG = 'ffmpeg -c copy';

export const CHANNEL_TIMES = { whole: { warmMs: 60_000, windowMs: 30_000 }, quick: { warmMs: 6_000, windowMs: 5_000 } };

/** All servers play at the same time, since each takes a few percent of a core. */
export async function oneChannel(servers: readonly Server[], { quick, rounds, say }: Order): Promise<Measure[]> {
  const { warmMs, windowMs } = quick ? CHANNEL_TIMES.quick : CHANNEL_TIMES.whole;
  const sheet = new Sheet(
    rounds,
    SLICES_MS.map((sliceMs) => ({
      id: `channel-${sliceMs}`,
      what: `a channel of 4 Mbit/s with one viewer, after ${warmMs / 1000} s; the source sends every ${sliceMs} ms`,
      unit: '% of a core',
      beside: FFMPEG,
      resolution: 0.05,
    })),
  );
  const all = [...servers.filter(({ name, isUnshared }) => name !== FLOOR && isUnshared !== true), copy];
  for (let round = 0; round < rounds; round++) {
    for (const sliceMs of inTurn(SLICES_MS, round)) {
      say(`one channel, round ${round + 1}: the source sends every ${sliceMs} ms`);
      await measure(inTurn(all, round), sliceMs, { warmMs, windowMs }, sheet, say);
    }
  }
  return sheet.measures();
}

async function measure(
  servers: readonly Server[],
  sliceMs: number,
  { warmMs, windowMs }: { warmMs: number; windowMs: number },
  sheet: Sheet,
  say: Order['say'],
): Promise<void> {
  const paths = servers.map((_, n) => `/${n}.ts`);
  const channels = Object.fromEntries(paths.map((path) => [path, {}]));
  const source = await startLiveSourceProcess({ fixture: 'heavy', burstSeconds: 1, tickMs: sliceMs, channels });
  const viewers = startViewers();
  const running: { name: string; server: Running }[] = [];
  try {
    for (const [n, { name, start }] of servers.entries()) {
      try {
        const server = await start(source.channel(paths[n] ?? '').url);
        running.push({ name, server });
        if (server.url !== '') await viewers.open(server.url, 1);
      } catch (error) {
        say(`${name} has failed: ${error}`);
      }
    }
    await sleep(warmMs);
    const [own, all] = [
      running.map(({ server }) => countCpu(server.pids())),
      running.map(({ server }) => countCpu([...server.pids(), ...server.ffmpegs()])),
    ];
    const startMs = performance.now();
    await sleep(windowMs);
    const percent = (used: number): number => (used / ((performance.now() - startMs) / 1000)) * 100;
    for (const [n, { name, server }] of running.entries()) {
      sheet.add(`channel-${sliceMs}`, name, percent(own[n]?.() ?? 0));
      if (server.ffmpegs().length > 0) sheet.add(`channel-${sliceMs}`, withFfmpeg(name), percent(all[n]?.() ?? 0));
    }
  } finally {
    await viewers.end();
    for (const { server } of running) await server.stop();
    await source.close();
  }
}

/** FFmpeg without a server, whose output nobody watches. */
const copy: Server = {
  name: FFMPEG,
  version: ['FFmpeg', ''],
  start(source) {
    const program = process.env.FFMPEG_PATH ?? 'ffmpeg';
    const output = ['-map', '0:v:0', '-map', '0:a:0', '-c', 'copy', '-f', 'mpegts', 'pipe:1'];
    const child = start(program, ['-v', 'error', '-i', source, ...output], { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout?.resume();
    const running = { url: '', pids: () => [child.pid ?? 0], ffmpegs: () => [], stop: () => end(child) };
    return Promise.resolve(running);
  },
};
