// `npm run cluster`: several workers on one machine, with the Redis they share and a load balancer in front.
import { parseArgs } from 'node:util';
import { buildIfStale } from './build.mjs';
import { runLocalCluster } from './local-cluster.mjs';
import { run, SetupError, setup } from './setup.mjs';

const MAX_WORKERS = 50;

const HELP = `
npm run cluster -- [options]

  --workers N   how many workers; 3 without it
  --port P      port of the load balancer; 8080 or, where that is taken, a free one without it
  --demo        also a synthetic live source and a stream of it that plays
  --help        this text

The workers take their settings from the environment, as with \`npm start\`. PORT is the port of the first worker.
Ctrl-C stops everything.
`;

await run(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  setup({ redis: true });
  await buildIfStale();
  return runLocalCluster(options);
});

function readOptions(args) {
  const { workers, port, demo, help } = parse(args);
  return {
    workers: wholeNumber('--workers', workers ?? '3', 1, MAX_WORKERS),
    port: port === undefined ? undefined : wholeNumber('--port', port, 1, 65_535),
    demo: demo === true,
    help: help === true,
  };
}

function parse(args) {
  try {
    const string = { type: 'string' };
    const boolean = { type: 'boolean' };
    return parseArgs({ args, options: { workers: string, port: string, demo: boolean, help: boolean } }).values;
  } catch (error) {
    // The rest of the message is about arguments that this program does not have.
    throw new SetupError(`${error.message.split('. ')[0]}.\n${HELP}`);
  }
}

function wholeNumber(name, text, min, max) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new SetupError(`${name} must be a whole number from ${min} to ${max}, not "${text}".\n${HELP}`);
}
