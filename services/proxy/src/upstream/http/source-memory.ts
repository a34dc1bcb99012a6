/** What a source's servers have said and its next request needs. All readers of a source share it. */
import { createHash } from 'node:crypto';
import type { SourceAddress } from '../provider/source-address.ts';
import { Cookies } from './cookies.ts';
import type { DigestSession } from './digest-auth.ts';

/** Number of remembered servers of one source. */
const MAX_ORIGINS = 32;
/** Number of remembered sources, the most recently used. */
const MAX_SOURCES = 1_000;
/** After this long without a request a source counts as new, as it does for a player that starts. */
const FORGET_AFTER_MS = 10 * 60_000;

export class SourceMemory {
  readonly cookies = new Cookies();
  readonly #digests = new Map<string, DigestSession>();
  readonly #lenient = new Map<string, true>();
  readonly #targets = new Map<string, URL>();
  /** Called with the number of bytes that have come. */
  readonly received: (bytes: number) => void;

  constructor(received: (bytes: number) => void = () => undefined) {
    this.received = received;
  }

  /** The last challenge of a server. */
  digestOf({ origin }: URL): DigestSession | undefined {
    return this.#digests.get(origin);
  }

  noteDigest({ origin }: URL, session: DigestSession): void {
    remember(this.#digests, origin, session, MAX_ORIGINS);
  }

  /** Whether a server's answers need the lenient parser. */
  isLenient({ origin }: URL): boolean {
    return this.#lenient.has(origin);
  }

  /** Where the redirects of a URL last led. */
  targetOf({ href }: URL): URL | undefined {
    return this.#targets.get(href);
  }

  /** `target`: undefined when it has failed. */
  noteTarget({ href }: URL, target: URL | undefined): void {
    if (target === undefined) this.#targets.delete(href);
    else remember(this.#targets, href, target, MAX_ORIGINS);
  }

  noteLenient({ origin }: URL): void {
    remember(this.#lenient, origin, true, MAX_ORIGINS);
  }
}

/** The memories of a worker. */
export class SourceMemories {
  readonly #known = new Map<string, { readonly memory: SourceMemory; usedMs: number }>();
  readonly #now: () => number;
  #receivedBytes = 0;
  readonly #received = (bytes: number): void => {
    this.#receivedBytes += bytes;
  };

  /** `now`: a monotonic clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Bytes of media and playlists that all sources have sent, without compression. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The memory of a source. A source is a URL with the headers and the user agent that read it. */
  of({ url, headers, userAgent }: SourceAddress): SourceMemory {
    const nowMs = this.#now();
    const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = createHash('sha256')
      .update(JSON.stringify([url, sorted, userAgent]))
      .digest('base64');
    const known = this.#known.get(key);
    const isFresh = known !== undefined && nowMs - known.usedMs < FORGET_AFTER_MS;
    const memory = isFresh ? known.memory : new SourceMemory(this.#received);
    remember(this.#known, key, { memory, usedMs: nowMs }, MAX_SOURCES);
    return memory;
  }
}

/** Adds the newest entry and removes the oldest when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
