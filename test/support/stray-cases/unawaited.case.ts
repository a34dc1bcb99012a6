/** A test that never awaits what fails beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'vitest';

it.concurrent('leaves a promise alone', async () => {
  sleep(20).then(() => Promise.reject(new Error('refused')));
  await sleep(100);
});

it.concurrent('goes on beside it', () => sleep(150));
