// `npm run test:players`: sets the machine up and plays what Streampool makes in every player that is installed.
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

await run(() => {
  setup({ tests: true });
  return runVitest(['--project=players', ...process.argv.slice(2)]);
});
