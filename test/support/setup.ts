/** Runs in each test file before its tests: an error that nobody awaits fails the test that it comes from, not the run. */
import { aroundEach } from 'vitest';
import { StrayErrors } from './stray-errors.ts';

type Event = 'unhandledRejection' | 'uncaughtException';

/** Their tests run the program in their own process: an error of the program that nobody awaits would end a worker. */
const IN_PROCESS = new Set<string | undefined>(['unit', 'infra']);

const strays = new StrayErrors();
let isProgramHere = true;

function listen(event: Event): void {
  // They do nothing beside another listener, and fail the run when they are called.
  const ofVitest = process.listeners(event as never) as ((error: unknown) => void)[];
  process.removeAllListeners(event);
  process.on(event as never, (error: unknown, promise: unknown) => {
    const { kind, test } = strays.caught(error, event === 'unhandledRejection' ? promise : undefined);
    if (kind === 'late' && isProgramHere) for (const fail of ofVitest) fail(error);
    else if (kind !== 'kept') show(error, test);
  });
}

listen('unhandledRejection');
listen('uncaughtException');
process.on('rejectionHandled', (promise) => strays.handled(promise));

aroundEach(async (runTest, { task }) => {
  isProgramHere = IN_PROCESS.has(task.file.projectName);
  const hasPassed = (): boolean => task.result?.state === 'pass';
  const errors = await strays.during(task.name, runTest, hasPassed);
  if (errors.length === 0) return;
  if (hasPassed()) throw new AggregateError(errors.map(unawaited));
  for (const error of errors) show(error, task.name);
});

function unawaited(error: unknown): Error {
  return new Error(`the test has not awaited what failed with: ${String(error)}`, { cause: error });
}

function show(error: unknown, test: string): void {
  console.error(`Nobody awaited this error of "${test}", which is over or has failed:`, error);
}
