/** The page resolvers of this worker: which it has, and what they find. */
import { execFile } from 'node:child_process';
import { resolve as absolute, basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { LimitError, SourceError, StreampoolError } from '../errors.ts';
import { findOnPath } from '../ffmpeg/host/find-on-path.ts';
import type { Sandbox } from '../ffmpeg/host/sandbox.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import type { Gateway } from '../upstream/gateway/gateway.ts';
import { PAGE_LIMITS, type PageSessionLimits } from '../upstream/gateway/page-session.ts';
import { pipeUrl } from '../upstream/provider/page-pipe.ts';
import { checkedCookies, readCookiesFile } from './cookies-file.ts';
import { type MediaPipe, openMediaPipe } from './media-pipe.ts';
import { notInstalled, type PageResolver, switchedOff } from './page-resolver.ts';
import { type FoundMedia, failed, readStreamlink, readYtdlp } from './resolver-answer.ts';
import { readResolverArguments } from './resolver-arguments.ts';
import type { ResolverOrder } from './resolver-command.ts';
import { runResolver } from './run-resolver.ts';

const run = promisify(execFile);

export interface PageResolversDeps {
  readonly settings: Readonly<
    Record<PageResolver, { readonly enabled: boolean; readonly path: string }> & {
      readonly cookiesDir: string | undefined;
    }
  >;
  readonly sandbox: Sandbox;
  readonly gateway: Pick<Gateway, 'openPages'>;
  readonly guard: EgressGuard;
}

/** What a caller asks for. */
export interface PageOrder {
  readonly resolver: PageResolver;
  readonly url: string;
  /** `resolver_args`. */
  readonly args?: string | undefined;
  readonly cookies?: string | undefined;
  readonly cookiesPath?: string | undefined;
}

/** m3u-proxy gives a page as long. */
const METADATA_MS = 60_000;
/** A viewer waits for it, and one outage may last STREAM_TOTAL_TIMEOUT. */
const MEDIA_MS = 20_000;
const VERSION_MS = 10_000;
/** Each takes a core for a second and 100 MB. */
const MOST_AT_ONCE = 4;
/** Media has no end. */
const PIPE_LIMITS: PageSessionLimits = { ...PAGE_LIMITS, bytes: Number.POSITIVE_INFINITY };

export class PageResolvers {
  readonly #deps: PageResolversDeps;
  readonly #versions = new Map<PageResolver, Promise<string | undefined>>();
  #running = 0;

  constructor(deps: PageResolversDeps) {
    this.#deps = deps;
  }

  /** The version of a resolver that may be used here; undefined: it is switched off, or not installed. */
  version(resolver: PageResolver): Promise<string | undefined> {
    const known = this.#versions.get(resolver);
    if (known !== undefined) return known;
    const path = this.#deps.settings[resolver].enabled ? this.#find(resolver) : undefined;
    const version = path === undefined ? Promise.resolve(undefined) : versionOf(path);
    this.#versions.set(resolver, version);
    return version;
  }

  /**
   * Whether an order could be carried out here, without doing it.
   *
   * @throws {StreampoolError} 400 switched off or cookies refused, 422 arguments or URL refused, 503 not installed
   */
  async check(order: PageOrder): Promise<void> {
    this.#path(order.resolver);
    this.#deps.guard.checkLiteral(new URL(order.url));
    readResolverArguments(order.resolver, order.args);
    await this.#cookies(order);
  }

  /** The addresses of a page's media. @throws {StreampoolError} as `check`, and 502 or 504 when nothing was found */
  async media(order: PageOrder, signal?: AbortSignal): Promise<FoundMedia | 'piped'> {
    const asked = readResolverArguments(order.resolver, order.args);
    const text = await this.#run(order, { asked, isFlatList: false }, MEDIA_MS, signal);
    return order.resolver === 'streamlink' ? readStreamlink(text, asked.quality) : readYtdlp(text);
  }

  /** The same for the group of a stream. */
  async sourceOf(order: PageOrder) {
    const found = await this.media(order);
    if (found === 'piped') return { url: pipeUrl(order.url), headers: {}, userAgent: undefined };
    const { addresses, expiresAtMs } = found;
    const [{ url, headers, userAgent, variant }, audio] = addresses;
    return { url, headers, userAgent, variant, audio, expiresAtMs };
  }

  /**
   * The media of a page that has no address of its own.
   * @throws {StreampoolError} as `media`, when none comes
   */
  async openPipe(order: PageOrder, signal?: AbortSignal): Promise<MediaPipe> {
    const asked = readResolverArguments(order.resolver, order.args);
    const run = await this.#prepared(order, { asked, isPiped: true }, PIPE_LIMITS);
    try {
      const pipe = await openMediaPipe({ ...run, timeoutMs: MEDIA_MS, signal });
      void pipe.closed.then(() => run.page.close());
      return pipe;
    } catch (error) {
      run.page.close();
      throw error;
    }
  }

  /** What yt-dlp says of a page, as it says it. @throws {StreampoolError} as `check`, 422 when it failed, 504 after 60 s */
  async metadata(order: Omit<PageOrder, 'resolver'> & { isFlatList: boolean }): Promise<Record<string, unknown>> {
    const { isFlatList, ...rest } = order;
    const asked = readResolverArguments('ytdlp', order.args);
    try {
      return readJson(await this.#run({ ...rest, resolver: 'ytdlp' }, { asked, isFlatList }, METADATA_MS));
    } catch (error) {
      if (!(error instanceof SourceError) || error.status !== 502) throw error;
      throw new StreampoolError(422, error.message, { cause: error });
    }
  }

  /** @throws {StreampoolError} 400 that says why a cookies file is refused */
  async checkCookiesFile(path: string): Promise<void> {
    await readCookiesFile(this.#deps.settings.cookiesDir, path);
  }

  async #run(
    order: PageOrder,
    how: Pick<ResolverOrder, 'asked' | 'isFlatList'>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<string> {
    if (this.#running >= MOST_AT_ONCE) {
      const message = `This worker runs ${MOST_AT_ONCE} page resolvers already. Try again in a few seconds.`;
      throw new LimitError('processes', message, { retryAfterSeconds: 5 });
    }
    this.#running += 1;
    try {
      const run = await this.#prepared(order, how, PAGE_LIMITS);
      return await runResolver({ ...run, timeoutMs, signal }).finally(() => run.page.close());
    } finally {
      this.#running -= 1;
    }
  }

  async #prepared(
    order: PageOrder,
    how: Pick<ResolverOrder, 'asked' | 'isFlatList' | 'isPiped'>,
    limits: PageSessionLimits,
  ) {
    const { sandbox, gateway, guard } = this.#deps;
    const { resolver, url } = order;
    const path = this.#path(resolver);
    guard.checkLiteral(new URL(url));
    const cookies = await this.#cookies(order);
    return { path, sandbox, page: gateway.openPages(limits), order: { resolver, url, cookies, ...how } };
  }

  #path(resolver: PageResolver): string {
    if (!this.#deps.settings[resolver].enabled) throw switchedOff(resolver);
    const path = this.#find(resolver);
    if (path === undefined) throw notInstalled(resolver);
    return path;
  }

  #find(resolver: PageResolver): string | undefined {
    const { path } = this.#deps.settings[resolver];
    if (!path.includes('/')) return findOnPath(path);
    return findOnPath(basename(path), dirname(absolute(path)));
  }

  async #cookies({ cookies, cookiesPath }: PageOrder): Promise<string | undefined> {
    if (cookies !== undefined && cookies.trim() !== '') return checkedCookies(cookies);
    return cookiesPath === undefined || cookiesPath === ''
      ? undefined
      : readCookiesFile(this.#deps.settings.cookiesDir, cookiesPath);
  }
}

function readJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    throw failed('ytdlp', 'it answered with something other than JSON');
  }
}

/** `streamlink 5.2.1`, `2023.03.04`: the last word of the first line. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['--version'], {
      timeout: VERSION_MS,
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
    });
    return stdout.split('\n', 1)[0]?.trim().split(/\s+/).at(-1) || undefined;
  } catch {
    return undefined;
  }
}
