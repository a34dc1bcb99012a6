/** The cookies of one source (RFC 6265). What its servers set goes back only to where it belongs. */
import { CookieJar } from 'tough-cookie';

/** A source needs one or two. Beyond these limits cookies are not kept. */
const MAX_COOKIES = 50;
const MAX_COOKIE_BYTES = 4096;

export class Cookies {
  // Names without "=" and public suffixes as domain: players accept the first too, and the second is harmless.
  #jar = new CookieJar(undefined, { looseMode: true, allowSecureOnLocal: false });

  /** Stores the `Set-Cookie` headers of an answer from `url`. Ignores invalid cookies and those for another site. */
  store(setCookies: readonly string[], url: URL): void {
    for (const text of setCookies) {
      if (text.length > MAX_COOKIE_BYTES) continue;
      // At the limit a cookie may still replace or delete one that is there.
      const cookie = this.#jar.setCookieSync(text, url.href, { ignoreError: true });
      if (cookie !== undefined && this.#count > MAX_COOKIES) this.forget();
    }
  }

  /** The `Cookie` header for a request to `url`; undefined without cookies. */
  headerFor(url: URL): string | undefined {
    return this.#jar.getCookieStringSync(url.href) || undefined;
  }

  forget(): void {
    this.#jar.removeAllCookiesSync();
  }

  get #count(): number {
    return this.#jar.serializeSync()?.cookies.length ?? 0;
  }
}

/**
 * Merges a stream's own `Cookie` header with the cookies of its servers. The servers' cookies win, because they are
 * newer.
 */
export function mergedCookies(own: string | undefined, set: string | undefined): string | undefined {
  if (own === undefined || set === undefined) return own ?? set;
  const names = new Set(set.split(';').map(nameOf));
  const kept = own.split(';').filter((pair) => pair.trim() !== '' && !names.has(nameOf(pair)));
  return [...kept.map((pair) => pair.trim()), set].join('; ');
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0]?.trim() ?? '';
}
