/** What a page resolver says: its whole output, within limits of time and length. */
import { SourceError } from '../errors.ts';
import { NAMES } from './page-resolver.ts';
import { failed } from './resolver-answer.ts';
import { type ResolverRun, startResolver } from './resolver-process.ts';

/** A page with hundreds of formats and entries takes a few. */
const MOST_OUTPUT = 16 * 1024 ** 2;

/**
 * What it wrote to its standard output.
 *
 * @throws {StreampoolError} 503 where the sandbox does not hold, 504 after the time limit, 502 with what the program said
 */
export async function runResolver(run: ResolverRun): Promise<string> {
  const { order, timeoutMs, signal } = run;
  const name = NAMES[order.resolver];
  const program = await startResolver(run);
  const output: Buffer[] = [];
  let [bytes, why]: [number, SourceError | undefined] = [0, undefined];
  const end = (error: SourceError): void => {
    why ??= error;
    program.kill();
  };
  const timer = setTimeout(() => {
    end(new SourceError('timeout', `${name} did not answer within ${timeoutMs / 1000} s.`));
  }, timeoutMs);
  const stop = () => end(new SourceError('stopped', `${name} is no longer wanted.`));
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  program.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_OUTPUT) end(failed(order.resolver, 'its answer is too long'));
    else output.push(chunk);
  });
  try {
    const code = await program.closed;
    if (why !== undefined) throw why;
    const text = Buffer.concat(output).toString('utf8');
    // Streamlink answers an error with JSON, too, and yt-dlp may fail after its answer when it puts its cookies away.
    if (text.trimStart().startsWith('{')) return text;
    throw program.failure(code);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
