/** The child process that is people at pages of the console: it asks what these ask, as often as they do, and throws the answers away. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveView } from '../../../services/shared/console/live.ts';
import { answerCalls } from '../remote.ts';

/** Pages that somebody looks at, by the name in their address. */
export type PageName = 'now' | 'streams' | 'viewers' | 'cluster' | 'providers';

export interface PagesOrder {
  readonly url: string;
  readonly name: PageName;
  readonly count: number;
}

/** What one page asks. */
const ASKS: Readonly<Record<PageName, { view: LiveView; path?: string; everyMs?: number }>> = {
  now: { view: 'now', path: '/stats/history?minutes=1', everyMs: 10_000 },
  streams: { view: 'events', path: '/streams?search=&state=all&sort=viewers', everyMs: 5_000 },
  viewers: { view: 'events', path: '/clients?search=&sort=since', everyMs: 5_000 },
  cluster: { view: 'cluster' },
  providers: { view: 'providers' },
};
/** Pages are opened by people, not all at once. */
const APART_MS = 40;

const end = new AbortController();
let bytes = 0;
const failures: string[] = [];

async function take(url: string): Promise<void> {
  const answer = await fetch(url, { signal: end.signal });
  if (!answer.ok || answer.body === null) throw new Error(`${url} answered ${answer.status}`);
  for await (const piece of answer.body) bytes += piece.length;
}

async function ask(url: string, everyMs: number): Promise<void> {
  for (;;) {
    await take(url);
    await sleep(everyMs, undefined, { signal: end.signal });
  }
}

function watch(asking: Promise<void>): void {
  asking.catch((error: unknown) => {
    if (!end.signal.aborted) failures.push(String(error));
  });
}

async function open({ url, name, count }: PagesOrder): Promise<void> {
  const { view, path, everyMs = 0 } = ASKS[name];
  for (let n = 0; n < count; n++) {
    watch(take(`${url}/console/live?view=${view}`));
    if (path !== undefined) watch(ask(url + path, everyMs));
    await sleep(APART_MS);
  }
}

/** @returns bytes that the pages have got since the last call. @throws {Error} when one has not got what it asked for */
function got(): number {
  if (failures.length > 0) throw new Error(failures.join('; '));
  const since = bytes;
  bytes = 0;
  return since;
}

answerCalls({ open, got });
