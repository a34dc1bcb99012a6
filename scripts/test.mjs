// `npm test`: sets the machine up, runs Vitest with the arguments given, and ends with one line of totals.
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

/** The other projects take minutes and have their own commands. */
const PROJECTS = ['unit', 'infra', 'integration'];

await run(() => {
  setup({ tests: true });
  const given = process.argv.slice(2);
  const wanted = given.filter((arg) => arg !== '--long');
  // Runs every variant of the cluster tests, more often and with longer outages.
  if (given.includes('--long')) process.env.STREAMPOOL_LONG = '1';
  const isChosen = wanted.some((arg) => arg.startsWith('--project'));
  return runVitest([...(isChosen ? [] : PROJECTS.map((name) => `--project=${name}`)), ...wanted]);
});
