// `npm run test:recordings`: sets the machine up and plays recordings of minutes through everything that may happen to their workers,
// to Redis and to the source.
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

await run(() => {
  setup({ tests: true, bucket: true });
  return runVitest(['--project=recordings', ...process.argv.slice(2)]);
});
