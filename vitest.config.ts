// Vitest: pure unit tests run side by side. Then what has real processes: three files at a time, as it mostly waits for media, and two on a
// slow machine.
import { defineConfig } from 'vitest/config';

// On a machine that others share, a second try tells a moment without CPU from a fault; the report names each one.
const retry = process.env.CI === undefined ? 0 : 1;

/**
 * Whether a program waits long for memory that is new to it, as in some virtual machines: a worker then starts in two seconds of CPU, and
 * eight of them at once in ten seconds.
 */
function isSlowMachine(): boolean {
  const begun = performance.now();
  Buffer.alloc(64 << 20, 1);
  return performance.now() - begun > 150;
}
const atOnce = isSlowMachine() ? { maxWorkers: 2, maxConcurrency: 2 } : { maxWorkers: 3 };

const setupFiles = ['test/support/setup.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 20_000,
          maxWorkers: 2,
          retry,
          setupFiles,
        },
      },
      {
        test: {
          name: 'infra',
          include: ['test/infra/**/*.test.ts'],
          maxWorkers: 2,
          // A validated synthesis takes 10 s on a quiet machine.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          setupFiles,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Two cores of a fast machine are idle for a third of the time with two files.
          ...atOnce,
          // Every variant of a file at once would be more clusters than two cores play.
          ...(process.env.STREAMPOOL_LONG === '1' ? { maxConcurrency: 2 } : {}),
          sequence: { groupOrder: 1 },
          retry,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // Ten minutes each: `npm run test:soak`, not `npm test`. It sets its own time.
        test: {
          name: 'soak',
          include: ['test/soak/**/*.test.ts'],
          hookTimeout: 120_000,
          fileParallelism: false,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // Six minutes: `npm run test:deploy`, not `npm test`. Each file takes what the machine has.
        test: {
          name: 'deploy',
          include: ['test/deploy/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 400_000,
          hookTimeout: 120_000,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // Twenty minutes: `npm run test:players`, not `npm test`. One player at a time, so that a start shows what it takes.
        test: {
          name: 'players',
          include: ['test/players/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // Half an hour: `npm run test:takeover`, not `npm test`.
        test: {
          name: 'takeover',
          include: ['test/takeover/**/*.test.ts'],
          // Each has two workers and two FFmpegs.
          maxConcurrency: 2,
          hookTimeout: 120_000,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // A quarter of an hour: `npm run test:recordings`, not `npm test`.
        test: {
          name: 'recordings',
          include: ['test/recordings/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // Two Python programs, which take a second each time: `npm run test:page-resolvers`, not `npm test`.
        test: {
          name: 'page-resolvers',
          include: ['test/page-resolvers/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 120_000,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles,
        },
      },
      {
        // Builds images: `npm run test:compose`, not `npm test`. Each test goes on where the one before has ended.
        test: {
          name: 'compose',
          include: ['test/compose/**/*.test.ts'],
          testTimeout: 240_000,
          fileParallelism: false,
          setupFiles,
        },
      },
    ],
  },
});
