// Which recordings a page has, in which order.
import { expect, it } from 'vitest';
import { type RecordingQuestion, recordingsOf } from '../../../../services/proxy/src/api/broadcasts/recording-list.ts';
import { recordingQuestion } from '../../../../services/proxy/src/api/broadcasts/recording-list-query.ts';
import { readCursor } from '../../../../services/proxy/src/api/lists/paging.ts';
import type { BroadcastProgress, ShownBroadcast } from '../../../../services/registry/broadcasts/broadcast.ts';

function broadcast(
  id: string,
  {
    kept = true,
    streamId = 's1',
    isStopped = false,
    title = id,
  }: Partial<Record<'streamId' | 'title', string>> & {
    kept?: boolean;
    isStopped?: boolean;
  },
  progress?: Partial<BroadcastProgress>,
): ShownBroadcast {
  return {
    ...{ id, isStopped },
    order: {
      ...{ programme: 1, streamId, streamUrl: 'http://provider.example/1.ts', kept, dvrMode: kept, listSize: 0 },
      ...{ segmentSeconds: 6, startNumber: 0, discontinuity: false, durationSeconds: 0, seekSeconds: 0 },
      metadata: { title },
    },
    progress: progress && {
      ...{ epoch: 1, programme: 1, state: 'running', startedAtMs: 1_000, next: 1, bytes: 10, seconds: 6 },
      ...{ programmeSeconds: 6, discontinuities: 0, pid: 1 },
      ...progress,
    },
  };
}

const ALL = [
  broadcast('old', { title: 'Abendschau' }, { startedAtMs: 1_000, seconds: 3_600, bytes: 900, state: 'stopped' }),
  broadcast('young', { title: 'Tagesschau' }, { startedAtMs: 5_000, seconds: 60, bytes: 100, worker: 'worker-2' }),
  broadcast('ending', { streamId: 's2', isStopped: true }, { startedAtMs: 3_000, seconds: 600 }),
  broadcast('bad', {}, { startedAtMs: 2_000, state: 'failed', seconds: 0 }),
  broadcast('channel', { kept: false }, { startedAtMs: 4_000, seconds: 30 }),
  broadcast('next', { title: 'Wetter' }),
];

function ids(question: Partial<RecordingQuestion>): string[] {
  const asked = recordingQuestion({ kind: 'all' });
  if (asked === undefined) throw new Error('no question');
  return recordingsOf(ALL, { ...asked, ...question }).items.map(({ id }) => id);
}

it.each<[string, Partial<RecordingQuestion>, string[]]>([
  ['the newest first, and before it what begins', {}, ['next', 'young', 'channel', 'ending', 'bad', 'old']],
  ['recordings', { kind: 'recording' }, ['next', 'young', 'ending', 'bad', 'old']],
  ['network channels', { kind: 'channel' }, ['channel']],
  ['what runs, also what is to end', { state: 'running' }, ['next', 'young', 'channel', 'ending']],
  ['what is over', { state: 'ended' }, ['old']],
  ['what has failed', { state: 'failed' }, ['bad']],
  ['those of a stream', { streamId: 's2' }, ['ending']],
  ['the longest', { sort: 'length', limit: 2 }, ['old', 'ending']],
  ['the largest', { sort: 'size', limit: 2 }, ['old', 'young']],
  ['by words of the title', { search: 'SCHAU tages' }, ['young']],
  ['by the worker', { search: 'worker-2' }, ['young']],
])('%s', (_, question, expected) => {
  expect(ids(question)).toEqual(expected);
});

it('goes on behind the last row, also behind one that has not begun', () => {
  const shown: string[] = [];
  let after: RecordingQuestion['after'];
  do {
    const asked = recordingQuestion({ kind: 'all', limit: 1 });
    if (asked === undefined) throw new Error('no question');
    const { items, total, next } = recordingsOf(ALL, { ...asked, after });
    expect([items.length, total]).toEqual([1, 6]);
    shown.push(...items.map(({ id }) => id));
    after = next === undefined ? undefined : readCursor(next);
  } while (after !== undefined);
  expect(shown).toEqual(ids({}));
});

it('without a question callers get all, whole', () => {
  expect(recordingQuestion({})).toBeUndefined();
  expect(recordingQuestion({ limit: 5 })).toMatchObject({ kind: 'recording', state: 'all', sort: 'age', limit: 5 });
});
