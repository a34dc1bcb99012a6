/** The media of a web page that has no address of its own: it comes out of the page resolver itself. Pure. */
import type { StreamPage } from '../../../../registry/types.ts';

/** What the page resolver is asked. */
export interface PagePipe extends StreamPage {
  /** Of the page. */
  readonly url: string;
}

/** No server gets a fragment, so the address of the page can say it. */
const MARK = '#resolver-pipe';

/** In place of an address of media, for all that has to name a source. */
export function pipeUrl(pageUrl: string): string {
  return `${pageUrl.split('#', 1)[0]}${MARK}`;
}

export function isPipeUrl(url: string): boolean {
  return url.endsWith(MARK);
}
