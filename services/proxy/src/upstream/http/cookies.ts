/** The cookies of one source (RFC 6265): what its servers set is sent back to where it belongs, and nowhere else. */
import { CookieJar } from 'tough-cookie';

/** A source needs one or two; more, or longer ones, are not kept. */
const MAX_COOKIES = 50;
const MAX_COOKIE_BYTES = 4096;

export class Cookies {
  // A name without "=" and a public suffix as domain are what players take too, or harmless.
  #jar = new CookieJar(undefined, { looseMode: true, allowSecureOnLocal: false });

  /** Takes in the `Set-Cookie` headers of an answer from `url`. What is not a cookie, or not for that site, is ignored. */
  store(setCookies: readonly string[], url: URL): void {
    for (const text of setCookies) {
      if (text.length > MAX_COOKIE_BYTES) continue;
      // It replaces or deletes cookies that are there at any number of them.
      const cookie = this.#jar.setCookieSync(text, url.href, { ignoreError: true });
      if (cookie !== undefined && this.#count > MAX_COOKIES) this.forget();
    }
  }

  /** The `Cookie` header for a request to `url`; undefined without any. */
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

/** What a stream's own `Cookie` header and the cookies of its servers are together: the servers' win, as the newer ones. */
export function mergedCookies(own: string | undefined, set: string | undefined): string | undefined {
  if (own === undefined || set === undefined) return own ?? set;
  const names = new Set(set.split(';').map(nameOf));
  const kept = own.split(';').filter((pair) => pair.trim() !== '' && !names.has(nameOf(pair)));
  return [...kept.map((pair) => pair.trim()), set].join('; ');
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0]?.trim() ?? '';
}
