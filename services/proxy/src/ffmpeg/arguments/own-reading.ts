/**
 * How the FFmpeg that runs reads options. Versions differ: what takes a value in one is a flag in the next, and its "value" is then
 * a second output. So FFmpeg is asked once, and a profile's option is refused where FFmpeg reads it otherwise than the table.
 */
import { execFile } from 'node:child_process';
import { StreampoolError } from '../../errors.ts';
import { INPUT_OPTIONS, OUTPUT_OPTIONS } from './option-rules.ts';

export interface OptionReading {
  /** @throws StreampoolError 422 where FFmpeg does not know the option, or reads it the other way. */
  assertReads(name: string, takesValue: boolean): void;
}

/** Before any FFmpeg was asked: the table is taken at its word. */
export const AS_THE_TABLE_SAYS: OptionReading = { assertReads: () => undefined };

const TIMEOUT_MS = 15_000;
const MAX_OUTPUT_BYTES = 1 << 26;
/** Ends FFmpeg's reading before it does anything. */
const END = '-streampool_end_of_question';

/** What FFmpeg said of each option: whether it takes a value. An option it does not know is absent. */
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
    const fault = own === undefined ? 'does not know it' : own ? 'takes a value behind it' : 'takes no value behind it';
    throw new StreampoolError(
      422,
      `The profile argument '-${name}' is refused: FFmpeg ${this.#version} on this worker ${fault}; remove it.`,
    );
  }
}

/**
 * Asks the FFmpeg at `path` about every option of the table. Its help (`-h full`) says which it knows, but not which take a value;
 * its log of reading a command line says that, and the line ends with an option it does not know, so that nothing runs.
 *
 * @throws StreampoolError 503 when it does not answer.
 */
export async function readOwnOptions(path: string, version: string): Promise<FfmpegReading> {
  const help = await outputOf(path, ['-hide_banner', '-h', 'full']);
  const known = new Set([...help.matchAll(/^ {0,4}-?([\w-]+)(?:\[:| |$)/gm)].map(([, name = '']) => name));
  // FFmpeg finds `vb` as the `b` of video.
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

/** Both outputs; FFmpeg fails on purpose here. */
function outputOf(path: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(path, args, { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}
