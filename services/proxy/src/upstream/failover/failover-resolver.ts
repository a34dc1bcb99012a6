/** Asks a stream's failover resolver, an HTTP service of the operator, for the next source URL. */
import type { Clock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import type { EgressGuard } from '../egress/egress-guard.ts';
import { MAX_URL_CHARACTERS } from '../egress/source-url.ts';
import type { Hop } from '../http/hop.ts';
import { openUpstream, requireSuccess } from '../http/open-upstream.ts';
import { BodyReader } from '../messages/body-reader.ts';

export interface ResolverQuestion {
  readonly resolverUrl: string;
  readonly currentUrl: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** -1: the primary URL failed. */
  readonly failoverIndex: number;
  /** The provider's HTTP status, if there was one. */
  readonly status: number | undefined;
  /** Snake case, such as `low_bitrate` or `manual`. */
  readonly reason: string;
}

export interface ResolverDeps {
  readonly guard: EgressGuard;
  readonly userAgent: string;
  readonly clock: Clock;
  /** See `UpstreamRequest`. */
  readonly hop?: Hop | undefined;
  readonly log?: Pick<Logger, 'warn'>;
  readonly signal?: AbortSignal;
  /** Limit for the whole exchange. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const ANSWER_MAX_BYTES = 64 * 1024;

/**
 * The resolver's `next_url`. Undefined when it gives none, gives one that may not be opened, or does not answer within
 * 10 s. Never throws: it logs the failure, and the caller continues without a URL.
 */
export async function askFailoverResolver(question: ResolverQuestion, deps: ResolverDeps): Promise<string | undefined> {
  try {
    const nextUrl = await ask(question, deps);
    if ((nextUrl?.length ?? 0) > MAX_URL_CHARACTERS) throw new Error('Its next_url is too long.');
    if (nextUrl !== undefined) deps.guard.checkLiteral(new URL(nextUrl));
    return nextUrl;
  } catch (error) {
    deps.log?.warn(
      { err: error, resolver: maskUrl(question.resolverUrl) },
      'the failover resolver gave no usable answer',
    );
    return undefined;
  }
}

async function ask(question: ResolverQuestion, deps: ResolverDeps): Promise<string | undefined> {
  const timeoutMs = deps.timeoutMs ?? TIMEOUT_MS;
  const timeout = new AbortController();
  const stop = (): void => timeout.abort();
  const timer = deps.clock.setTimeout(stop, timeoutMs);
  deps.signal?.addEventListener('abort', stop, { once: true });
  if (deps.signal?.aborted === true) stop();
  try {
    const response = requireSuccess(
      await openUpstream({
        url: question.resolverUrl,
        json: {
          current_url: question.currentUrl,
          metadata: question.metadata,
          current_failover_index: question.failoverIndex,
          status_code: question.status ?? null,
          reason: question.reason,
        },
        headers: {},
        userAgent: deps.userAgent,
        guard: deps.guard,
        clock: deps.clock,
        hop: deps.hop,
        maxRedirects: 0,
        connectTimeoutMs: timeoutMs,
        headersTimeoutMs: timeoutMs,
        signal: timeout.signal,
      }),
    );
    const reader = new BodyReader(response.body, response.url, deps.clock);
    const answer = await reader.peek(ANSWER_MAX_BYTES, timeoutMs).finally(() => reader.close());
    return nextUrlOf(JSON.parse(answer.toString('utf8')));
  } finally {
    deps.clock.clearTimeout(timer);
    deps.signal?.removeEventListener('abort', stop);
  }
}

function nextUrlOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('next_url' in answer)) return undefined;
  return typeof answer.next_url === 'string' && answer.next_url !== '' ? answer.next_url : undefined;
}
