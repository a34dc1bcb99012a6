/** What must hold, seen from outside: by HTTP answers, by Redis, by the processes and sockets of this machine, by what viewers got. */
import { setTimeout as sleep } from 'node:timers/promises';
import { registryIsEmpty } from '../support/cluster.ts';
import { arrivalOf, faultsOf, judgeTs, jumpsOf } from '../support/judge/index.ts';
import { leakCheck } from '../support/leaks.ts';
import { allProcesses, ffmpegProcesses } from '../support/processes.ts';
import type { Recording } from '../support/recorder.ts';
import { tcpConnections } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import type { Audience, Viewer } from './audience.ts';
import { CAP, type Ground, type SoakStream, type WorkerPlace } from './ground.ts';
import type { Journal } from './journal.ts';

export interface RunningFfmpeg {
  readonly pid: number;
  readonly state: string;
  readonly session: number;
  /** Of its stream. */
  readonly mark: string;
}

/** Every FFmpeg that any worker, dead ones included, has started and that still runs. */
export function ffmpegsNow({ cluster, streams, hls }: Ground): RunningFfmpeg[] {
  const sessions = new Set(cluster.workers.map(({ pid }) => pid));
  return ffmpegProcesses(allProcesses())
    .filter(({ session, args }) => sessions.has(session) && args.includes('-i'))
    .map(({ pid, state, session, args }) => {
      const mark = [...streams, hls].find((stream) => args.includes(stream.mark))?.mark ?? args.join(' ');
      return { pid, state, session, mark };
    });
}

const CALM_TIMEOUT_MS = 15_000;
/** What is right has to stay so for this long. */
const STEADY_MS = 2_000;
/** Nobody waits longer for a byte when all is well: a GOP, and a noisy machine. */
const SILENCE_MS = 2_500;
/** The same for a segment of 2 s, and the reload that finds it. */
const HLS_SILENCE_MS = SILENCE_MS + 2_500;

/** Waits until everything is as it should be, and looks again a little later. */
export async function expectCalm(ground: Ground, audience: Audience, journal: Journal): Promise<void> {
  const wrong = () => wrongNow(ground, audience, journal);
  const demand = async (timeoutMs: number) => {
    for (const untilMs = Date.now() + timeoutMs; ; await sleep(250)) {
      // On a busy machine a look takes a second or more: what is wrong has to be so in one that began after the time.
      const isLast = Date.now() >= untilMs;
      const found = await wrong();
      if (found.length === 0) return;
      if (isLast) throw new Error(`waited ${timeoutMs} ms for everything to be right again:\n  ${found.join('\n  ')}`);
    }
  };
  await demand(CALM_TIMEOUT_MS);
  await sleep(STEADY_MS);
  // A look may fall between a change and its report, which takes a second.
  await demand(1_500);
}

/** A viewer is counted in within this time after it has asked. */
const JOINING_MS = 1_000;

/** Everything that is not as it should be. */
async function wrongNow(ground: Ground, audience: Audience, journal: Journal): Promise<string[]> {
  const nowMs = Date.now();
  const silent = [...audience.viewers].filter(({ grownAtMs }) => nowMs - grownAtMs > SILENCE_MS);
  return [
    ...audience.hls
      .silentMs()
      .filter(({ ms }) => ms > HLS_SILENCE_MS)
      .map(({ who, ms }) => `${who} has got no new segment for ${ms} ms`),
    ...silent.map((viewer) => `${nameOf(viewer)} has got nothing for ${nowMs - viewer.grownAtMs} ms`),
    ...(
      await Promise.all([...ground.streams, ground.hls].map((stream) => wrongStream(ground, audience, journal, stream)))
    ).flat(),
    ...(await wrongSources(ground, audience)),
    ...(await Promise.all(ground.places.map((place) => wrongWorkers(ground, audience, place)))).flat(),
  ];
}

async function wrongStream(
  ground: Ground,
  audience: Audience,
  journal: Journal,
  stream: SoakStream,
): Promise<string[]> {
  const { redis } = ground.cluster;
  // While Redis is away, each worker counts only its own viewers.
  const isCapKept = !audience
    .watching(stream)
    .some(({ startedAtMs }) => journal.redisFailed(startedAtMs, startedAtMs + JOINING_MS));
  const viewers = audience.countOf(stream);
  const counted = Number(await redis.cli('HGET', `stream:${stream.id}`, 'clients'));
  const slots = (await redis.cli('HVALS', `sp:slots:${stream.id}`))
    .split('\n')
    .map(Number)
    .filter((count) => count > 0);
  const ffmpegs = ffmpegsNow(ground).filter(({ mark }) => mark === stream.mark);
  const wrong: string[] = [];
  if (counted !== viewers) wrong.push(`${stream.mark}: Redis counts ${counted} clients, there are ${viewers}`);
  if (slots.reduce((all, count) => all + count, 0) !== viewers || (isCapKept && slots.some((count) => count > CAP))) {
    wrong.push(`${stream.mark}: ${viewers} viewers are in slots of ${slots.join(', ')}`);
  }
  if (ffmpegs.length !== slots.length) {
    const where = ffmpegs.map(({ pid, session }) => `${pid} of ${session}`).join(', ');
    wrong.push(`${stream.mark}: ${ffmpegs.length} FFmpegs (${where}) for ${slots.length} slots`);
  }
  return wrong;
}

/** One connection to each source that a watched stream is on, and none to others. */
async function wrongSources(ground: Ground, audience: Audience): Promise<string[]> {
  const [place] = ground.up();
  if (place === undefined) return ['no worker is up'];
  const { body } = await place.worker.api.get<{ streams: { stream_id: string; current_url: string }[] }>('/streams');
  const watched = [...ground.streams, ground.hls].filter((stream) => audience.countOf(stream) > 0).map(({ id }) => id);
  const wanted = new Set(body.streams.filter(({ stream_id }) => watched.includes(stream_id)).map((s) => s.current_url));
  const stats = await Promise.all(ground.channels.map(async (channel) => ({ channel, ...(await channel.stats()) })));
  return stats
    .filter(({ channel, open }) => open !== (wanted.has(channel.url) ? 1 : 0))
    .map(({ channel, open }) => `${channel.url} has ${open} connections; in use: ${[...wanted].join(', ')}`);
}

interface WorkersAnswer {
  workers: { worker_id: string; processes: number; clients: number; draining: boolean }[];
}

/** What one worker says of all of them. */
async function wrongWorkers(ground: Ground, audience: Audience, asked: WorkerPlace): Promise<string[]> {
  const { body } = await asked.worker.api.get<WorkersAnswer>('/workers');
  const ffmpegs = ffmpegsNow(ground);
  const expected = ground.places.map(({ id, worker }) => ({
    id,
    // Each worker that a session asks in turn has it.
    clients: audience.of(worker).length + audience.hls.count,
    processes: ffmpegs.filter(({ session }) => session === worker.pid).length,
    draining: false,
  }));
  const said = body.workers
    .map(({ worker_id: id, clients, processes, draining }) => ({ id, clients, processes, draining }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const [is, should] = [JSON.stringify(said), JSON.stringify(expected)];
  return is === should ? [] : [`GET /workers of ${asked.id}: ${is}, but there are ${should}`];
}

/** DTS steps longer than this are gaps: FFmpeg puts up to 0.7 s of sound into one unit. */
const GAP_MS = 1_000;
const PACKET = 188;

/** What is wrong with a recording that is over. */
export function wrongRecording(viewer: Viewer, recording: Recording, journal: Journal): string[] {
  const wrong = wrongEnd(viewer, recording, journal);
  if (recording.status !== 200 || recording.byteCount === 0) return wrong;
  const verdict = judgeTs(recording, { gapMs: GAP_MS });
  wrong.push(...faultsOf(verdict, { maxGapMs: Number.POSITIVE_INFINITY }));
  for (const pid of verdict.pids) {
    for (const { gapMs, packetIndex, fromDts, toDts, signalled } of jumpsOf(pid)) {
      const atMs = recording.startedAt + (arrivalOf(recording.arrivals, (packetIndex + 1) * PACKET) ?? 0);
      const what = `a gap of ${gapMs.toFixed(0)} ms in ${pid.kind}, DTS ${fromDts} -> ${toDts}, at ${journal.time(atMs)}`;
      if (!signalled && pid.kind === 'video') wrong.push(`${what} is not signalled`);
      const { ms, why } = journal.allowedGap(atMs, gapMs, viewer.stream.copies);
      if (gapMs > ms)
        wrong.push(`${what}; ${ms} ms allowed for ${why.map(({ event }) => event.kind).join(', ') || 'nothing'}`);
    }
  }
  return wrong;
}

/** A viewer who did not leave was disconnected. */
function wrongEnd({ excuse, startedAtMs }: Viewer, { endedBy, status, error }: Recording, journal: Journal): string[] {
  if (endedBy === 'limit' || excuse !== undefined) return [];
  // A worker that has not met the stream cannot ask what it is.
  if (status === 503 && journal.redisFailed(startedAtMs, Date.now())) return [];
  if (status === 404 && journal.mayBeForgotten(startedAtMs)) return [];
  return [`disconnected (${endedBy}, status ${status}${error === undefined ? '' : `, ${error}`})`];
}

export function nameOf({ number, stream, workerId }: Viewer): string {
  return `viewer ${number} of ${stream.mark} on ${workerId}`;
}

/** After everybody has left: no process, connection, client, counter or dead worker's key is there any more. */
export async function expectNothingLeft(ground: Ground): Promise<void> {
  const { cluster, source, places } = ground;
  await leakCheck({ workers: cluster.workers, sources: [source] });
  await registryIsEmpty(cluster);
  const wrong = async () => [...(await foreignKeys(ground)), ...places.flatMap((place) => openSockets(ground, place))];
  await until(async () => (await wrong()).length === 0, {
    timeoutMs: 10_000,
    everyMs: 250,
    what: async () => `nothing to be left; there is\n  ${(await wrong()).join('\n  ')}`,
  });
}

/** The HLS sessions of all workers stand under this name, with a lease that every renewal writes. */
const SESSIONS = 'sessions';

/** Keys in Redis that name an incarnation which does not live. */
async function foreignKeys({ cluster: { redis }, places }: Ground): Promise<string[]> {
  const records = (await redis.cli('HVALS', 'workers')).split('\n').filter((line) => line !== '');
  const living = records.map((line) => (JSON.parse(line) as { incarnation: string }).incarnation);
  const known = (await redis.cli('SMEMBERS', 'sp:incarnations')).split('\n').filter((line) => line !== '');
  const keys = (await redis.cli('KEYS', 'sp:*')).split('\n');
  const ofIncarnations = keys.filter((key) => /^sp:(lease|clients-of|feeds-of|counters-of|commands):/.test(key));
  return [
    ...(living.length === places.length ? [] : [`${living.length} worker records`]),
    ...known.filter((each) => !living.includes(each)).map((each) => `incarnation ${each}`),
    ...ofIncarnations.filter((key) => ![...living, SESSIONS].some((each) => key.endsWith(`:${each}`))),
  ];
}

/** Connections of an idle worker, but those to Redis and those of this process's own API calls. */
function openSockets({ cluster: { redis } }: Ground, { id, worker, proxy }: WorkerPlace): string[] {
  const own = new Set(tcpConnections(process.pid).map(({ localPort }) => localPort));
  const left = tcpConnections(worker.pid).filter(({ remotePort }) => remotePort !== redis.port && !own.has(remotePort));
  const relays = proxy?.openCount ?? 0;
  return [
    ...left.map(({ localPort, remotePort, state }) => `${id}: a connection ${localPort} -> ${remotePort}, ${state}`),
    ...(relays === 0 ? [] : [`${relays} connections to the relay of ${id}`]),
  ];
}
