/** What is asked of the other workers in an outage, and how often. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type OtherWorkers, PeerReports } from '../../../services/registry/resilient/peer-reports.ts';
import type { RegisteredPlace } from '../../../services/registry/types.ts';

const THEIRS: RegisteredPlace = {
  kind: 'relay',
  owner: { workerId: 'w2', incarnation: 'i2', address: 'w2:9085', epoch: 3 },
};

/** Others who answer a question for a feed with these places, one after another. */
function asked(places: (RegisteredPlace | undefined)[], exist = true) {
  const questions: string[] = [];
  const others: OtherWorkers = {
    exist,
    streamReports: async (id) => {
      questions.push(id);
      return [];
    },
    place: async (feed) => places[questions.push(feed) - 1],
  };
  return { peerReports: new PeerReports(others), questions };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('takes a feed from who has it at once', async () => {
  const { peerReports, questions } = asked([THEIRS]);
  expect(await peerReports.place('p:a:0')).toEqual(THEIRS);
  expect(questions).toEqual(['p:a:0']);
});

it('asks again after a moment of chance: somebody else may have been asked for the feed at the same time', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.9);
  const { peerReports, questions } = asked([undefined, THEIRS]);
  const found = vi.fn();
  const place = peerReports.place('p:a:0').then(found);
  await vi.advanceTimersByTimeAsync(440);
  expect(questions).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(20);
  await place;
  expect(found).toHaveBeenCalledWith(THEIRS);
  expect(questions).toHaveLength(2);
});

it('finds nobody within half a second and two answers', async () => {
  const { peerReports, questions } = asked([]);
  const found = vi.fn();
  void peerReports.place('p:a:0').then(found);
  await vi.advanceTimersByTimeAsync(500);
  expect(found).toHaveBeenCalledWith(undefined);
  expect(questions).toHaveLength(2);
});

it('waits for nobody where there is nobody', async () => {
  const { peerReports, questions } = asked([THEIRS], false);
  expect(await peerReports.place('p:a:0')).toBeUndefined();
  expect(questions).toEqual([]);
});

it('asks once for all who want to know the same, and anew for those who come later', async () => {
  const { peerReports, questions } = asked([THEIRS, THEIRS, THEIRS]);
  await Promise.all([peerReports.place('p:a:0'), peerReports.place('p:a:0'), peerReports.place('p:b:0')]);
  expect(questions).toEqual(['p:a:0', 'p:b:0']);
  await peerReports.place('p:a:0');
  expect(questions).toHaveLength(3);
  questions.length = 0;
  await Promise.all([peerReports.stream('x', () => ({})), peerReports.stream('x', () => ({}))]);
  expect(questions).toEqual(['x']);
});
