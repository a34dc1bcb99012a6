/** What the command says of streams, and how it lines things up. */

import { expect, it } from 'vitest';
import type { Stream } from '../../../services/cli/src/answers.ts';
import { summed } from '../../../services/cli/src/status.ts';
import { nameOf, sourceMeant, sourceOf } from '../../../services/cli/src/streams.ts';
import { table } from '../../../services/cli/src/table.ts';

const stream = (id: string, more: Partial<Stream> = {}): Stream => ({
  ...{ stream_id: id, original_url: 'http://p.example/live/1.ts', current_url: 'http://p.example/live/1.ts' },
  ...{ client_count: 2, connection_count: 1, total_bytes_served: 0, error_count: 0, is_active: true },
  ...{ current_failover_index: -1, stream_type: 'Transcoding', metadata: {} },
  ...more,
});

it('a stream is called by its metadata, else by the last part of its URL, and its source by the host alone', () => {
  expect(nameOf(stream('a', { metadata: { name: ' News ' } }))).toBe('News');
  expect(nameOf(stream('a'))).toBe('1.ts');
  expect(nameOf(stream('a', { original_url: 'http://p.example/' }))).toBe('p.example');
  expect(sourceOf(stream('a', { current_url: 'http://joe:pw@b.example/joe/1.ts', current_failover_index: 1 }))).toBe(
    'b.example (backup 2)',
  );
});

it('columns are as wide as their longest text, and nothing in them reaches the terminal', () => {
  const rows = [
    { name: 'a\u001b[2Jb', n: 7 },
    { name: 'x'.repeat(60), n: 1_000 },
  ];
  const [title, first, second] = table(
    [
      { title: 'NAME', of: ({ name }) => name },
      { title: 'N', of: ({ n }) => n },
      { title: 'NONE', of: () => undefined },
    ],
    rows,
  );
  expect(title).toBe(`NAME${' '.repeat(36)}     N  NONE`);
  expect(first).toBe(`a\\u001b[2Jb${' '.repeat(29)}     7  -`);
  expect(second).toBe(`${'x'.repeat(39)}…  1000  -`);
});

it('a status adds up what there is, and says what has flowed since the one before', () => {
  const workers = [{ worker_id: 'w1', processes: 1, clients: 5, cpu: 0.5, draining: false }];
  const before = summed({
    all: [stream('a', { total_bytes_served: 1_000_000 }), stream('b')],
    ...{ members: workers, connections: 1, atMs: 10_000 },
  });
  expect(before).toMatchObject({ viewers: 4, playing: 2, processes: 1, saved: 3, connections: 1, mbpsOut: undefined });
  const later = summed(
    {
      all: [
        stream('a', { total_bytes_served: 2_000_000, client_count: 3 }),
        stream('c', { total_bytes_served: 9_000_000, is_active: false, client_count: 0 }),
      ],
      ...{ members: workers, connections: 1, atMs: 12_000 },
    },
    before,
  );
  expect(later).toMatchObject({ viewers: 3, playing: 1, mbpsOut: 4, streams: [{ mbpsOut: 4 }] });
});

it.each([
  ['primary', { index: -1 }],
  ['1', { index: 0 }],
  ['12', { index: 11 }],
  ['http://b.example/1.ts', { url: 'http://b.example/1.ts' }],
  ['0', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['second', undefined],
])('the source %s is %j', (meant, source) => {
  expect(sourceMeant(meant)).toEqual(source);
});
