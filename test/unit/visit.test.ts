/** What is held for a caller goes back when it leaves: whenever it was taken, and whatever else fails. */

import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { deferred } from '../../services/proxy/src/async.ts';
import { Visit } from '../../services/proxy/src/visit.ts';

/** A visit, the end of its response, and what was given back and logged, in order. */
function visited({ hasLeft = false } = {}) {
  const socket = Object.assign(new EventEmitter(), { destroyed: hasLeft });
  const response = Object.assign(new EventEmitter(), { destroyed: hasLeft, req: { socket } });
  const events: string[] = [];
  const visit = new Visit(response, { warn: (...[, text]: unknown[]) => void events.push(`log: ${text}`) });
  return {
    visit,
    events,
    note: (what: string) => () => void events.push(what),
    leave: () => response.emit('close'),
    socket,
  };
}

it('gives back what it holds when the response closes, what was taken last first, and each thing once', async () => {
  const { visit, events, note, leave } = visited();
  visit.holds(note('first'));
  expect(await visit.take(Promise.resolve('second'), (taken) => void events.push(taken))).toBe('second');
  expect([visit.isOver, events]).toEqual([false, []]);
  leave();
  await visit.end();
  expect([visit.isOver, events]).toEqual([true, ['second', 'first']]);
});

it('gives back at once what comes after the caller has left, and does not let it wait for that', async () => {
  const { visit, events, note, leave } = visited();
  const late = deferred<string>();
  const taking = visit.take(late.promise, (taken) => void events.push(taken));
  leave();
  await expect(taking).rejects.toMatchObject({ reason: 'stopped' });
  expect(events).toEqual([]);
  late.resolve('late');
  await late.promise;
  visit.holds(note('later'));
  expect(events).toEqual(['late', 'later']);
});

it('is over from the beginning when the response has closed before', () => {
  const { visit, events, note } = visited({ hasLeft: true });
  visit.holds(note('held'));
  expect([visit.isOver, visit.signal.aborted, events]).toEqual([true, true, ['held']]);
});

it('gives the rest back when one thing cannot be given back, and says so', async () => {
  const { visit, events, note } = visited();
  visit.holds(note('first'));
  visit.holds(() => Promise.reject(new Error('Redis is away')));
  visit.holds(() => {
    throw new Error('a bug');
  });
  await visit.end();
  const said = 'log: could not give back everything that was held for a viewer or a relay';
  expect(events.sort()).toEqual(['first', said, said]);
});

it('holds nothing that could not be taken', async () => {
  const { visit, events, note } = visited();
  await expect(visit.take(Promise.reject(new Error('full')), note('taken'))).rejects.toThrow('full');
  await visit.end();
  expect(events).toEqual([]);
});

it('gives back what it holds when the connection closes of a response that never gets its turn', () => {
  const { visit, events, note, socket } = visited();
  visit.holds(note('first'));
  socket.emit('close');
  expect([visit.isOver, events]).toEqual([true, ['first']]);
});

it('leaves nothing at a connection that goes on with other requests', () => {
  const { visit, socket, leave } = visited();
  leave();
  expect([visit.isOver, socket.listenerCount('close')]).toEqual([true, 0]);
});
