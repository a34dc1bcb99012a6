#!/usr/bin/env node
/** `streampool`: the command as a program. In the image it stands on the path. */

import { processOutput } from './output.ts';
import { run } from './program.ts';

// Whoever reads the answer, such as `head`, may have enough before its end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

/** The worker's bundle stands beside this one. */
const startWorker = async (): Promise<void> => {
  await import(new URL('../proxy/main.js', import.meta.url).href);
};

process.exitCode = await run(process.argv.slice(2), { env: process.env, out: processOutput(), startWorker });
