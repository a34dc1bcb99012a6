/**
 * Finds requests that come back to the workers that sent them: each request to a provider carries a `Via` of this cluster
 * (RFC 9110, section 7.6.3), with a comment that names the source it was sent for.
 *
 * A request that names us is no loop by itself: a stream may have another stream of this proxy as its source, once. It is one
 * when it would open the source again that it was sent for, or when it has passed through here twice. The first rule needs
 * one connection to find a loop, and finds it where viewers share a feed, whose requests are nobody's in particular. The
 * second one needs three, and finds loops over several streams.
 */
import { createHmac, randomBytes } from 'node:crypto';

/** 64 bits: enough that nobody meets another cluster's by chance. */
const HEX_DIGITS = 16;

export class HopMarker {
  readonly #secret: () => string;

  /** @param secret the cluster's; it cannot be told from the marker. It may become another one when a worker joins late. */
  constructor(secret: () => string) {
    this.#secret = secret;
  }

  /** Of a worker that nobody else has to know. */
  static alone(): HopMarker {
    const secret = randomBytes(32).toString('hex');
    return new HopMarker(() => secret);
  }

  /** `1.1 streampool-<id>`, the same for all workers of a cluster. */
  get own(): string {
    return `1.1 ${this.#name}`;
  }

  /**
   * The `Via` of a request to a provider. What the stream's own headers say in front of it stays.
   *
   * @param source the URL the stream has for its source, before redirects
   * @param received the `Via` of the viewer's request that this one is made for. Only our own markers go on to the provider:
   *   other proxies in front of this worker are not its business.
   */
  via(source: URL, received?: string): string {
    const before = [...(received ?? '').matchAll(this.#pattern)].map(([marker]) => `1.1 ${marker}`);
    return [...before, `${this.own} (${this.#tag(source.href)})`].join(', ');
  }

  /** How often a request has passed through this cluster. */
  count(via: string | undefined): number {
    return [...(via ?? '').matchAll(this.#pattern)].length;
  }

  /** Whether a request was sent for one of these sources. */
  names(via: string | undefined, sources: readonly string[]): boolean {
    const tags = new Set([...(via ?? '').matchAll(this.#pattern)].map(([, tag]) => tag));
    return tags.size > 0 && sources.some((source) => URL.canParse(source) && tags.has(this.#tag(new URL(source).href)));
  }

  get #name(): string {
    return `streampool-${this.#hash('hop marker: cluster')}`;
  }

  /** Searches instead of parsing, so that no unfinished comment or quote in front hides a marker. Proxies may drop comments. */
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
