/** How a cluster is: its numbers, what plays, and its workers. */

import { type Stream, streams, totals, type Worker, workers } from './answers.ts';
import type { Client } from './client.ts';
import { nameOf, shortId, sourceOf } from './streams.ts';
import { type Column, table } from './table.ts';

export interface Status {
  readonly atMs: number;
  readonly viewers: number;
  readonly playing: number;
  readonly processes: number;
  /** FFmpegs that would run, too, if no viewers shared one. */
  readonly saved: number;
  /** To providers. Streams that read one source share a connection, so that this is not the sum over streams. */
  readonly connections: number;
  /** To viewers, since the status before; undefined: there was none. */
  readonly mbpsOut: number | undefined;
  /** The most watched first. */
  readonly streams: readonly Playing[];
  readonly workers: readonly Worker[];
}

export interface Playing {
  readonly stream: Stream;
  readonly mbpsOut: number | undefined;
}

/** What a worker has answered. */
export interface Answers {
  readonly all: readonly Stream[];
  readonly members: readonly Worker[];
  readonly connections: number;
  readonly atMs: number;
}

export async function statusOf(client: Client, before?: Status): Promise<Status> {
  const [list, members, { total_connections: connections }] = await Promise.all([
    client.get('/streams', streams),
    client.get('/workers', workers),
    client.get('/stats', totals),
  ]);
  return summed({ all: list.streams, members: members.workers, connections, atMs: Date.now() }, before);
}

/** @param before the status of some seconds ago, for what flows since then */
export function summed({ all, members, connections, atMs }: Answers, before?: Status): Status {
  const active = all.filter(({ is_active: isActive }) => isActive);
  const bytesBefore = new Map(before?.streams.map(({ stream }) => [stream.stream_id, stream.total_bytes_served]));
  const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000;
  const rows = active
    .toSorted((a, b) => b.client_count - a.client_count || nameOf(a).localeCompare(nameOf(b)))
    .map((stream) => {
      const bytes = bytesBefore.get(stream.stream_id);
      const isKnown = bytes !== undefined && seconds > 0;
      const mbpsOut = isKnown
        ? Math.max(0, ((stream.total_bytes_served - bytes) * 8) / seconds / 1_000_000)
        : undefined;
      return { stream, mbpsOut };
    });
  const sum = <T>(values: readonly T[], of: (value: T) => number) =>
    values.reduce((total, value) => total + of(value), 0);
  const processes = sum(members, (worker) => worker.processes);
  const viewers = (of: readonly Stream[]) => sum(of, ({ client_count: count }) => count);
  const transcoded = viewers(active.filter(({ stream_type: type }) => type === 'Transcoding'));
  return {
    atMs,
    viewers: viewers(active),
    playing: active.length,
    processes,
    saved: Math.max(0, transcoded - processes),
    connections,
    mbpsOut: before === undefined ? undefined : sum(rows, ({ mbpsOut }) => mbpsOut ?? 0),
    streams: rows,
    workers: members,
  };
}

const PLAYING: readonly Column<Playing>[] = [
  { title: 'ID', of: ({ stream }) => shortId(stream) },
  { title: 'PLAYING', of: ({ stream }) => nameOf(stream) },
  { title: 'VIEWERS', of: ({ stream }) => stream.client_count },
  { title: 'MBIT/S OUT', of: ({ mbpsOut }) => mbpsOut?.toFixed(1) },
  { title: 'WHAT', of: ({ stream }) => outputOf(stream) },
  { title: 'SOURCE', of: ({ stream }) => sourceOf(stream) },
];

const WORKERS: readonly Column<Worker>[] = [
  { title: 'WORKER', of: ({ worker_id: id }) => id },
  { title: 'VIEWERS', of: ({ clients }) => clients },
  { title: 'FFMPEGS', of: ({ processes }) => processes },
  { title: 'CPU CORES', of: ({ cpu }) => cpu.toFixed(2) },
  { title: 'STATE', of: ({ draining }) => (draining ? 'draining' : 'serving') },
];

/** What viewers get, as far as it is known. */
function outputOf({ output_media_info: info, stream_type: type }: Stream): string {
  if (info === undefined || info === null) return type.toLowerCase();
  const { resolution, fps, video_codec: video, audio_codec: audio } = info;
  return [resolution, fps === null ? null : `${Math.round(fps)} fps`, video, audio].filter(Boolean).join(' ') || '-';
}

const counted = (n: number, one: string, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

/** The status as lines for people. @param url where it was asked */
export function statusLines(status: Status, url: string): string[] {
  const { atMs, viewers, playing, processes, saved, connections, mbpsOut, streams: rows, workers: members } = status;
  const numbers = [
    counted(viewers, 'viewer'),
    `${counted(playing, 'stream')} playing`,
    `${counted(processes, 'FFmpeg')}${saved > 0 ? ` (sharing saves ${saved})` : ''}`,
    counted(connections, 'provider connection'),
    ...(mbpsOut === undefined ? [] : [`${mbpsOut.toFixed(1)} Mbit/s out`]),
  ];
  return [
    `${url}  ${new Date(atMs).toLocaleTimeString()}`,
    numbers.join('   '),
    '',
    ...(rows.length === 0 ? ['Nothing plays.'] : table(PLAYING, rows)),
    '',
    ...table(WORKERS, members),
  ];
}
