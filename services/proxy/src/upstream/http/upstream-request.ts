/** A request to a provider, and the answer to it. */
import type { Readable } from 'node:stream';
import type { Clock } from '../../../../shared/clock.ts';
import type { EgressGuard } from '../egress/egress-guard.ts';
import type { PagePipe } from '../provider/page-pipe.ts';
import type { AccountWatch } from '../provider/provider-connections.ts';
import type { Hop } from './hop.ts';
import type { SourceConnections } from './kept-connections.ts';
import type { SourceMemory } from './source-memory.ts';

export interface UpstreamRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD';
  /** Sent as a JSON body. The method is then POST. */
  readonly json?: unknown;
  /** Sent as the body, whatever it is: the headers say that. The method is then POST. */
  readonly text?: string | undefined;
  /** The stream's own headers. `Authorization` and `Cookie` are not sent to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** Value of a `Range` header. */
  readonly range?: string | undefined;
  /** Value of an `If-Range` header; only with `range`. */
  readonly ifRange?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Limit for DNS lookup, TCP and TLS of one hop. */
  readonly connectTimeoutMs: number;
  /** Limit from then to the response headers of that hop. */
  readonly headersTimeoutMs: number;
  readonly guard: EgressGuard;
  /**
   * What the source's servers have said so far; the answer adds to it. Without it, nothing is kept after this request.
   */
  readonly memory?: SourceMemory | undefined;
  /**
   * The connections to the source's account. It learns of this connection. After a refusal it says whether another
   * connection is just being closed, so that a retry may work.
   */
  readonly account?: AccountWatch | undefined;
  /** Connections that stay open between requests. Unset: this one has its own, which is closed with its body. */
  readonly kept?: SourceConnections | undefined;
  /** Goes first to where the last redirects led, while that works. */
  readonly sticky?: boolean | undefined;
  readonly maxRedirects?: number;
  /** `Via` of the viewer's request, if this request serves only that viewer. */
  readonly via?: string | undefined;
  /** Unset: the system's. */
  readonly clock?: Clock | undefined;
  /** Unset: over the network, with the parser that the server's answers need. A simulation has a model of its providers. */
  readonly hop?: Hop | undefined;
  /** The origin to which `Authorization` and `Cookie` belong, if it differs from that of `url`. */
  readonly entryUrl?: string | undefined;
  /** See `SourceAddress`. A refusal does not pass then. */
  readonly isFound?: boolean | undefined;
  /** See `SourceAddress`. Then nobody is asked over HTTP here. */
  readonly pipe?: PagePipe | undefined;
  /** Unset: no source is a pipe. */
  readonly openPipe?: OpenPipe | undefined;
}

/** Starts a page resolver that puts media out. @throws {StreampoolError} when none comes */
export type OpenPipe = (
  pipe: PagePipe,
  signal: AbortSignal | undefined,
) => Promise<Pick<UpstreamResponse, 'body' | 'closed'>>;

export interface UpstreamResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body, without its own time limit (see `BodyReader`). Destroying it closes the connection at once; so does its
   * end, unless the connection is kept. Its errors are raw: `bodyFailure` turns them into messages. It never throws because an `error` listener is
   * missing.
   */
  readonly body: Readable;
  /** Resolves when the connection is closed, or is free for the next request. */
  readonly closed: Promise<void>;
  /** To be called with the number of bytes that are read of the body. */
  readonly received?: ((bytes: number) => void) | undefined;
  /** The URL that answered, after redirects. It may contain credentials. */
  readonly url: string;
}
