// `npm test`: sets the machine up, runs Vitest with the arguments given, and ends with one line of totals.
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

/** The others take minutes and have commands of their own. */
const PROJECTS = ['unit', 'infra', 'integration'];

await run(() => {
  setup({ tests: true });
  const given = process.argv.slice(2);
  const wanted = given.filter((arg) => arg !== '--long');
  // Every variant of the cluster's tests, more often and with longer outages.
  if (given.includes('--long')) process.env.STREAMPOOL_LONG = '1';
  const isChosen = wanted.some((arg) => arg.startsWith('--project'));
  return runVitest([...(isChosen ? [] : PROJECTS.map((name) => `--project=${name}`)), ...wanted]);
});
