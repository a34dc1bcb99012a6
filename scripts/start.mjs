// `npm start`: sets the machine up, builds what changed and runs the worker. With `--demo` also a synthetic live source
// and a stream made from it.
import { buildIfStale } from './build.mjs';
import { demo } from './demo.mjs';
import { exitCode, forwardSignals, startNode } from './processes.mjs';
import { run, setup } from './setup.mjs';

await run(async () => {
  const args = process.argv.slice(2);
  setup();
  await buildIfStale();
  if (args.includes('--demo')) return demo(args.filter((arg) => arg !== '--demo'));
  const worker = startNode('dist/proxy/main.js', args);
  forwardSignals(worker);
  return exitCode(worker);
});
