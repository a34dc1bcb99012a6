/** Headers behind an address, as Kodi writes them: `http://provider/1.ts|User-Agent=Box&Referer=http%3A%2F%2Fsite`. Pure. */

export interface AddressWithHeaders {
  readonly uri: string;
  /** Undefined when there are none. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** A `|` stands in no URL; without a header behind it, it belongs to the address. */
const SUFFIX = /^([^|]*)\|([A-Za-z][\w-]*=.*)$/;

export function withoutHeaders(text: string): AddressWithHeaders {
  const [, uri, list] = SUFFIX.exec(text) ?? [];
  if (uri === undefined || list === undefined) return { uri: text, headers: undefined };
  return { uri, headers: Object.fromEntries(new URLSearchParams(list)) };
}
