// Counts Vitest's results, for `npm test` and `.ci/run`; run by itself it prints "passed failed".
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The file into which `npm test` has Vitest write its results. */
export const RESULTS = join(dirname(dirname(fileURLToPath(import.meta.url))), '.cache', 'test-results.json');

/** A test file that did not load counts as one failure, and so does a run without results. */
export function totals() {
  if (!existsSync(RESULTS)) return { passed: 0, failed: 1, skipped: 0 };
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
  const broken = results.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken.length,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { passed, failed } = totals();
  console.log(`${passed} ${failed}`);
}
