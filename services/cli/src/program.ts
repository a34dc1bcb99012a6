/** The command line of `streampool`: its commands and options, and what `--help` says of them. */

import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { VERSION } from '../../shared/version.ts';
import { Client } from './client.ts';
import {
  type Context,
  deleteRecording,
  drain,
  type EventsWanted,
  failover,
  listRecordings,
  listStreams,
  playUrl,
  type RecordingWanted,
  record,
  showEvents,
  status,
  stop,
  stopRecording,
  undrain,
} from './commands.ts';
import { EXIT, Failure } from './failures.ts';
import type { Output } from './output.ts';
import { secondsIn } from './recordings.ts';
import { type Source, sourceMeant } from './streams.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  /** Starts a worker in this process. */
  readonly startWorker: () => Promise<void>;
  readonly signal?: AbortSignal;
}

const AFTER_HELP = `
Settings:
  STREAMPOOL_URL, API_TOKEN  what --url and --token say, where they are not given

A stream or a recording is named by its id, by the beginning of its id, or by its name.

Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 nobody answers.
`;

interface Given {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/**
 * Runs a command.
 *
 * @param args without the program's name
 * @returns the exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { out } = surroundings;
  try {
    await programOf(surroundings).parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof Failure)) throw error;
    out.note(`${error.message}\n`);
    return error.exitCode;
  }
}

function programOf({ env, out, startWorker, signal }: Surroundings): Command {
  const program = new Command('streampool')
    .description('Starts workers of Streampool, and looks after a cluster of them.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: (text) => out.note(text) })
    .option('--url <url>', 'of a worker, or of the load balancer')
    .option('--token <token>', 'the API token')
    .option('--json', 'answer with JSON')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Add --help for what there is.')
    .addHelpText('after', AFTER_HELP);

  program
    .command('start')
    .description('start a worker; its settings come from the environment')
    .action(() => startWorker());
  program
    .command('cluster')
    .description('start several workers with a Redis and a load balancer, on this machine')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new Failure('A cluster starts in the folder of the project: npm run cluster -- --help');
    });

  /** A command that asks a cluster. */
  const asks = (name: string, description: string): Command => program.command(name).description(description);
  const context = (): Context => {
    const { url, token, json } = program.opts<Given>();
    return {
      client: new Client({ url: url ?? addressIn(env), token: token ?? (env.API_TOKEN || undefined) }),
      out,
      json: json === true,
      ...(signal === undefined ? {} : { signal }),
    };
  };

  asks('status', 'show the numbers, what plays, and the workers')
    .option('-w, --watch', 'go on, and draw it again')
    .option('--every <seconds>', 'how often, with --watch', seconds, 2)
    .action((options: { watch?: boolean; every: number }) =>
      status(context(), options.watch === true ? options.every * 1_000 : undefined),
    );
  asks('events', 'show what has happened, the newest last')
    .option('-f, --follow', 'show what happens from now on, too, and go on')
    .option('-n, --limit <count>', 'so many at most', wholeNumber)
    .option('--type <types>', 'only these, with commas between, such as takeover,worker_left')
    .option('--stream <stream>', 'only those about this stream')
    .option('--worker <worker>', 'only those in which this worker has a part')
    .action((options: EventsWanted) => showEvents(context(), options));
  asks('streams', 'list the streams')
    .option('--idle', 'those that are only kept for their address')
    .action((options: { idle?: boolean }) => listStreams(context(), options.idle === true));
  asks('stop', 'delete a stream, with its viewers and processes')
    .argument('<stream>')
    .action((stream: string) => stop(context(), stream));
  asks('failover', 'move a stream to its next source, or to a chosen one; its viewers stay')
    .argument('<stream>')
    .argument('[source]', 'primary, the number of a backup (1 is the first), or the URL of one', source)
    .action((stream: string, to: Source | undefined) => failover(context(), stream, to));
  asks('drain', 'let a worker take nothing new, and hand over what it makes')
    .argument('<worker>')
    .option('--force', 'also the last one that takes viewers')
    .action((worker: string, options: { force?: boolean }) => drain(context(), worker, options.force === true));
  asks('undrain', 'let a worker take viewers again')
    .argument('<worker>')
    .action((worker: string) => undrain(context(), worker));
  asks('play-url', 'print a URL that plays a stream, signed where that is needed')
    .argument('<stream>')
    .option('--ttl <seconds>', 'for how long it can start playback', wholeNumber)
    .action((stream: string, options: { ttl?: number }) => playUrl(context(), stream, options.ttl));
  asks('record', 'record a stream, and print the id of the recording')
    .argument('<stream>')
    .option('--for <time>', 'for so long, such as 90s, 45m or 1h30m; until it is stopped without this', time)
    .option('--name <name>', 'what people call it, and its file')
    .action((stream: string, options: RecordingWanted) => record(context(), stream, options));
  asks('recordings', 'list the recordings, the newest first').action(() => listRecordings(context()));
  asks('stop-recording', 'end a recording; what there is stays')
    .argument('<recording>')
    .action((meant: string) => stopRecording(context(), meant));
  asks('delete-recording', 'end a recording, and remove everything of it')
    .argument('<recording>')
    .action((meant: string) => deleteRecording(context(), meant));
  return program;
}

/** Where the worker of this machine listens, unless somebody says otherwise. */
function addressIn({ STREAMPOOL_URL: url, PORT: port }: Surroundings['env']): string {
  return url || `http://127.0.0.1:${port || 8085}`;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}

function source(text: string): Source {
  const meant = sourceMeant(text);
  if (meant === undefined) {
    throw new InvalidArgumentError('It must be "primary", the number of a backup, 1 or more, or a URL of the stream.');
  }
  return meant;
}

function time(text: string): number {
  const value = secondsIn(text);
  if (value === undefined) throw new InvalidArgumentError('It must be a time such as 90s, 45m or 1h30m.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.5 || value > 3_600) {
    throw new InvalidArgumentError('It must be a number of seconds from 0.5 to 3600.');
  }
  return value;
}
