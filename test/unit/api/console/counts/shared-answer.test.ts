// An answer for all who ask within a short time: it costs a twentieth of the time at the most.
import { expect, it } from 'vitest';
import { SharedAnswer } from '../../../../../services/proxy/src/api/console/counts/shared-answer.ts';

function asked(tookMs: number) {
  let nowMs = 0;
  let count = 0;
  const shared = new SharedAnswer(
    async () => {
      nowMs += tookMs;
      count += 1;
      return count;
    },
    { monotonicMs: () => nowMs },
  );
  return {
    shared,
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

it('is the same for all who ask at once, and for a second', async () => {
  const { shared, wait } = asked(10);
  expect(await Promise.all([shared.get(), shared.get()])).toEqual([1, 1]);
  wait(999);
  expect(await shared.get()).toBe(1);
  wait(1);
  expect(await shared.get()).toBe(2);
});

it('is kept the longer the more it costs', async () => {
  const { shared, wait } = asked(300);
  await shared.get();
  wait(5_999);
  expect(await shared.get()).toBe(1);
  wait(1);
  expect(await shared.get()).toBe(2);
});

it('is asked for again after a failure', async () => {
  let fails = true;
  const shared = new SharedAnswer(async () => {
    if (fails) throw new Error('no answer');
    return 'there';
  });
  await expect(shared.get()).rejects.toThrow('no answer');
  fails = false;
  expect(await shared.get()).toBe('there');
});
