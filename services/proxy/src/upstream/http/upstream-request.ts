/** A request to a provider, and the answer to it. */
import type { Readable } from 'node:stream';
import type { EgressGuard } from '../egress/egress-guard.ts';
import type { AccountWatch } from '../provider/provider-connections.ts';
import type { SourceMemory } from './source-memory.ts';

export interface UpstreamRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD';
  /** Sent as a JSON body; the method is POST then. */
  readonly json?: unknown;
  /** The stream's own headers. `Authorization` and `Cookie` are not sent to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** Value of a `Range` header. */
  readonly range?: string | undefined;
  /** Value of an `If-Range` header; only with `range`. */
  readonly ifRange?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For name, TCP and TLS of one hop. */
  readonly connectTimeoutMs: number;
  /** From then on to the response headers of that hop. */
  readonly headersTimeoutMs: number;
  readonly guard: EgressGuard;
  /** What the source's servers have said so far, and will say now; without it nothing is kept beyond this request. */
  readonly memory?: SourceMemory | undefined;
  /**
   * The connections to the source's account: told of this one, and asked whether a refusal may pass because another one is
   * just being closed. It is then tried again.
   */
  readonly account?: AccountWatch | undefined;
  /** Asks where the redirects led to the last time, as long as that works. */
  readonly sticky?: boolean | undefined;
  readonly maxRedirects?: number;
  /** `Via` of the viewer's request that this one is made for, where it is made for one alone. */
  readonly via?: string | undefined;
  /** The origin that `Authorization` and `Cookie` were given for, if it is not that of `url`. */
  readonly entryUrl?: string | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body, without a time limit of its own (see `BodyReader`). Destroying it closes the connection at once; so does its
   * end. Its errors are raw: `bodyFailure` puts them into words. It never throws for want of an `error` listener.
   */
  readonly body: Readable;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** The URL that answered, after redirects. It may carry credentials. */
  readonly url: string;
}
