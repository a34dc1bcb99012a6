/** Long lists are answered whole, and nobody waits for their end. */
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { each, sendLong } from '../../../../services/proxy/src/api/http/long-answer.ts';

async function answerTo(head: object, lists: Record<string, Iterable<object>>) {
  const app = Fastify();
  app.get('/', async (_request, reply) => sendLong(reply, head, lists));
  return app.inject('/');
}

it.each([
  ['empty lists', { total: 0 }, { a: [], b: [] }],
  ['one item', { total: 1, more: { x: null } }, { a: [], b: [{ n: 1 }], c: [] }],
  [
    'several pieces',
    { total: 9_000 },
    { a: Array.from({ length: 9_000 }, (_, n) => ({ n, text: `"${n}\n` })), b: [{}] },
  ],
])('is the JSON that it would be in one piece: %s', async (_what, head, lists) => {
  const answer = await answerTo(head, lists);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.body).toBe(JSON.stringify({ ...head, ...lists }));
});

it('lets others go on while it makes a list', async () => {
  let others = 0;
  let timer = setImmediate(function next() {
    others++;
    timer = setImmediate(next);
  });
  const made: number[] = [];
  const items = each(Array(50).keys(), (n) => {
    const endMs = performance.now() + 2;
    while (performance.now() < endMs);
    made.push(others);
    return { n };
  });
  await answerTo({ total: 50 }, { items });
  clearImmediate(timer);
  // Turns of 5 ms, each of about three items.
  expect(new Set(made).size).toBeGreaterThan(12);
});
