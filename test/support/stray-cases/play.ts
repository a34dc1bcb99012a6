/** Plays files of this folder in a Vitest of its own, with a second try of each test: `tsx play.ts PROJECT FILE…`. */
import { join } from 'node:path';
import { startVitest } from 'vitest/node';

const [name = '', ...include] = process.argv.slice(2);
const vitest = await startVitest('test', [], {
  config: false,
  root: import.meta.dirname,
  include,
  name,
  retry: 1,
  watch: false,
  reporters: ['verbose'],
  setupFiles: [join(import.meta.dirname, '..', 'setup.ts')],
});
await vitest.close();
