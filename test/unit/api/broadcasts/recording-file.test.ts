/** Which bytes of which segments a part of a recording is. */

import Fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { piecesOf, sendRecording } from '../../../../services/proxy/src/api/broadcasts/recording-file.ts';
import type { Part } from '../../../../services/proxy/src/upstream/messages/byte-range.ts';
import { indexOf } from '../../broadcasts/support.ts';

const segments = [
  { n: 4, bytes: 10 },
  { n: 5, bytes: 10 },
  { n: 6, bytes: 1 },
];

it.each([
  [
    'all',
    0,
    21,
    [
      [4, 0, 10],
      [5, 0, 10],
      [6, 0, 1],
    ],
  ],
  ['one byte', 0, 1, [[4, 0, 1]]],
  ['a whole segment', 10, 20, [[5, 0, 10]]],
  [
    'across an edge',
    8,
    12,
    [
      [4, 8, 10],
      [5, 0, 2],
    ],
  ],
  [
    'across a whole segment',
    9,
    21,
    [
      [4, 9, 10],
      [5, 0, 10],
      [6, 0, 1],
    ],
  ],
  ['the last byte', 20, 21, [[6, 0, 1]]],
])('%s', (_, start, end, expected) => {
  expect(piecesOf(segments, { start, end }).map((piece) => [piece.n, piece.start, piece.end])).toEqual(expected);
});

it('breaks off when a segment is gone: nobody takes half a file for a whole one', async () => {
  const segments = Array.from({ length: 3 }, () => ({ bytes: 1_000 }));
  const app = Fastify();
  onTestFinished(() => app.close());
  const isGone = (name: string) => name === 'live000001.ts';
  const media = async (name: string, { start, end }: Part = { start: 0, end: 1_000 }) =>
    isGone(name) ? undefined : Buffer.alloc(end - start);
  app.get('/file.ts', (request, reply) =>
    sendRecording({ index: indexOf(segments), media, stallTimeoutMs: 5_000 }, request, reply),
  );
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/file.ts`;
  await expect(fetch(url).then((answer) => answer.arrayBuffer())).rejects.toThrow();
  expect((await fetch(url, { headers: { range: 'bytes=2000-' } })).status).toBe(206);
  // What begins in it is refused before the answer has a head.
  expect((await fetch(url, { headers: { range: 'bytes=1500-' } })).status).toBe(503);
});

it('reads whole segments as they are, and of the others what is asked for', async () => {
  const segments = Array.from({ length: 4 }, () => ({ bytes: 1_000 }));
  const app = Fastify();
  onTestFinished(() => app.close());
  const read: string[] = [];
  const media = async (name: string, part?: Part) => {
    read.push(part === undefined ? name : `${name} ${part.start}-${part.end}`);
    return Buffer.alloc(1_000).subarray(part?.start, part?.end);
  };
  app.get('/file.ts', (request, reply) =>
    sendRecording({ index: indexOf(segments), media, stallTimeoutMs: 5_000 }, request, reply),
  );
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/file.ts`;
  const answer = await fetch(url, { headers: { range: 'bytes=1999-3000' } });
  expect((await answer.arrayBuffer()).byteLength).toBe(1_002);
  expect(read).toEqual(['live000001.ts 999-1000', 'live000002.ts', 'live000003.ts 0-1']);
});
