// `npm start`: sets the machine up, builds what changed and runs the worker. With `--demo` it adds a synthetic live source
// and a stream made from it.
import { parseArgs } from 'node:util';
import { buildIfStale } from './build.mjs';
import { demo } from './demo.mjs';
import { localAddress } from './ports.mjs';
import { exitCode, forwardSignals, runWorker } from './processes.mjs';
import { run, SetupError, setup } from './setup.mjs';
import { whereToLook } from './where-to-look.mjs';

const HELP = `
npm start -- [options]

  --demo   also a synthetic live source and a stream of it that plays
  --help   this text

Settings are taken from the environment, such as PORT=8090 npm start; docs/settings.md lists them.
Ctrl-C stops everything. "npx streampool" has more commands: status, events, streams, drain.
`;

await run(async () => {
  const options = parse(process.argv.slice(2));
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  setup();
  await buildIfStale();
  if (options.demo) return demo();
  const { child, listens } = runWorker();
  forwardSignals(child);
  void listens.then(({ port, ...there }) => {
    const lines = whereToLook(localAddress(port), there);
    console.log(['', '  Streampool is running.', '', ...lines, '', '  Ctrl-C stops it.', ''].join('\n'));
  });
  return exitCode(child);
});

function parse(args) {
  try {
    const flag = { type: 'boolean' };
    return parseArgs({ args, options: { demo: flag, help: { ...flag, short: 'h' } } }).values;
  } catch (error) {
    throw new SetupError(`${error.message}\n${HELP}`);
  }
}
