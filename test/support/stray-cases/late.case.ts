/** A promise that fails when its test has passed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'vitest';

it('passes', () => {
  sleep(20).then(() => Promise.reject(new Error('late')));
});

it('waits for it', () => sleep(100));
