#!/usr/bin/env node
// `npx streampool`: the command in a checkout. What it asks a cluster is the program of services/cli; workers and clusters start as
// `npm start` and `npm run cluster` do.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleIfStale } from './build.mjs';
import { ensureNode, ensureNodeModules, ROOT, run } from './setup.mjs';

/** What stands for a command of its own. */
const SCRIPTS = { start: './start.mjs', cluster: './cluster.mjs' };

const [command = ''] = process.argv.slice(2);
if (Object.hasOwn(SCRIPTS, command)) {
  process.argv.splice(2, 1);
  await import(SCRIPTS[command]);
} else {
  await run(async () => {
    ensureNode();
    ensureNodeModules();
    await bundleIfStale('dist/cli/main.js', ['services/cli', 'services/shared']);
    await import(pathToFileURL(join(ROOT, 'dist/cli/main.js')).href);
    return process.exitCode;
  });
}
