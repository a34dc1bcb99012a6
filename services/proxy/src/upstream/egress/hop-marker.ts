/**
 * Recognises requests that come back to the cluster that sent them. Each request to a provider carries a `Via` of this
 * cluster (RFC 9110, section 7.6.3), with a comment that names its source.
 *
 * A request with our marker is not always a loop: a stream may use another stream of this proxy as its source, once. It
 * is a loop in two cases: it would open its own source again, or it has passed through here twice. The first rule finds
 * a loop with one connection, also where viewers share a feed and a request belongs to no viewer. The second rule needs
 * three connections and finds loops over several streams.
 */
import { createHmac, randomBytes } from 'node:crypto';

/** 64 bits: enough that two clusters never have the same marker by chance. */
const HEX_DIGITS = 16;

export class HopMarker {
  readonly #secret: () => string;

  /** @param secret the cluster's secret. The marker does not reveal it. It may change when a worker joins late. */
  constructor(secret: () => string) {
    this.#secret = secret;
  }

  /** The marker of a worker that works alone. */
  static alone(): HopMarker {
    const secret = randomBytes(32).toString('hex');
    return new HopMarker(() => secret);
  }

  /** `1.1 streampool-<id>`, the same for all workers of a cluster. */
  get own(): string {
    return `1.1 ${this.#name}`;
  }

  /**
   * The `Via` of a request to a provider, which follows the `Via` of the stream's own headers.
   *
   * @param source the stream's source URL, before redirects
   * @param received the `Via` of the viewer's request behind this one. Only our own markers go on to the provider;
   * other proxies before this worker do not concern it.
   */
  via(source: URL, received?: string): string {
    const before = [...(received ?? '').matchAll(this.#pattern)].map(([marker]) => `1.1 ${marker}`);
    return [...before, `${this.own} (${this.#tag(source.href)})`].join(', ');
  }

  /** How often a request has passed through this cluster. */
  count(via: string | undefined): number {
    return via === undefined ? 0 : [...via.matchAll(this.#pattern)].length;
  }

  /** Whether a request was sent for one of these sources. */
  names(via: string | undefined, sources: readonly string[]): boolean {
    if (via === undefined) return false;
    const tags = new Set([...via.matchAll(this.#pattern)].map(([, tag]) => tag));
    return tags.size > 0 && sources.some((source) => URL.canParse(source) && tags.has(this.#tag(new URL(source).href)));
  }

  get #name(): string {
    return `streampool-${this.#hash('hop marker: cluster')}`;
  }

  /**
   * Searches instead of parsing, so that an unfinished comment or quote cannot hide a marker. Proxies may drop
   * comments.
   */
  get #pattern(): RegExp {
    return new RegExp(`${this.#name}(?: \\(([0-9a-f]{${HEX_DIGITS}})\\))?`, 'g');
  }

  #tag(source: string): string {
    return this.#hash(`hop marker: source ${source}`);
  }

  #hash(text: string): string {
    return createHmac('sha256', this.#secret()).update(text).digest('hex').slice(0, HEX_DIGITS);
  }
}
