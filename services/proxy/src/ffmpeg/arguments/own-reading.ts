/**
 * How the installed FFmpeg reads options. An option that takes a value in one version is a flag in another, and its
 * "value" then becomes a second output. So the worker asks FFmpeg once, and refuses an option that FFmpeg reads
 * differently from the table.
 */
import { execFile } from 'node:child_process';
import { StreampoolError } from '../../errors.ts';
import { INPUT_OPTIONS, OUTPUT_OPTIONS } from './option-rules.ts';

export interface OptionReading {
  /** @throws StreampoolError 422 when FFmpeg does not know the option or reads it differently. */
  assertReads(name: string, takesValue: boolean): void;
}

/** Used before any FFmpeg was asked: trusts the table. */
export const AS_THE_TABLE_SAYS: OptionReading = { assertReads: () => undefined };

const TIMEOUT_MS = 15_000;
const MAX_OUTPUT_BYTES = 1 << 26;
/** Makes FFmpeg stop reading before it does anything. */
const END = '-streampool_end_of_question';

/** FFmpeg's answer for each option: whether it takes a value. Unknown options are absent. */
export class FfmpegReading implements OptionReading {
  readonly #takesValue: ReadonlyMap<string, boolean>;
  readonly #version: string;

  constructor(takesValue: ReadonlyMap<string, boolean>, version: string) {
    this.#takesValue = takesValue;
    this.#version = version;
  }

  assertReads(name: string, takesValue: boolean): void {
    const own = this.#takesValue.get(name);
    if (own === takesValue) return;
    const fault = own === undefined ? 'does not know it' : own ? 'takes a value after it' : 'takes no value after it';
    throw new StreampoolError(
      422,
      `The profile argument '-${name}' is refused: FFmpeg ${this.#version} on this worker ${fault}; remove it.`,
    );
  }
}

/**
 * Asks the FFmpeg at `path` about every option of the table. Its help (`-h full`) lists the options that it knows, but
 * not which of them take a value. Its log of reading a command line does. The line ends with an unknown option, so that
 * nothing runs.
 *
 * @throws StreampoolError 503 when it does not answer.
 */
export async function readOwnOptions(path: string, version: string): Promise<FfmpegReading> {
  const help = await outputOf(path, ['-hide_banner', '-h', 'full']);
  const known = new Set([...help.matchAll(/^ {0,4}-?([\w-]+)(?:\[:| |$)/gm)].map(([, name = '']) => name));
  // FFmpeg reads `vb` as the `b` of video.
  let names = keptOptions().filter((name) => known.has(name) || known.has(name.replace(/^[vas]/, '')));
  if (names.length === 0) throw silent(path);
  const takesValue = new Map<string, boolean>();
  while (names.length > 0) {
    const question = names.flatMap((name) => [`-${name}`, '@']);
    const answer = await outputOf(path, ['-v', 'debug', '-hide_banner', '-nostdin', ...question, END]);
    for (const [, name = '', kind = '', value = ''] of answer.matchAll(
      /^Reading option '-([\w-]+)' \.\.\.(?:Routing option [^\n]*\n)? matched as (AVOption|option) '[^\n]* with argument '?([^'\n]*)'?\.$/gm,
    )) {
      takesValue.set(name, kind === 'AVOption' || value === '@');
    }
    const unknown = /Unrecognized option '([^']*)'/.exec(answer)?.[1];
    if (unknown === undefined) throw silent(path);
    const at = names.indexOf(unknown);
    names = at < 0 ? [] : names.slice(at + 1);
  }
  return new FfmpegReading(takesValue, version);
}

function silent(path: string): StreampoolError {
  return new StreampoolError(
    503,
    `FFmpeg at ${path} does not say how it reads its options (\`-h full\`, \`-v debug\`): set FFMPEG_PATH to one that does.`,
  );
}

/** The options that can reach FFmpeg. */
function keptOptions(): string[] {
  const names = [...INPUT_OPTIONS, ...OUTPUT_OPTIONS].filter(([, { fate }]) => fate !== 'drop').map(([name]) => name);
  return [...new Set(names)];
}

/** Returns stdout and stderr. FFmpeg fails here on purpose. */
function outputOf(path: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(path, args, { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}
