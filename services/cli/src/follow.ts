/** Follows the events of a cluster: goes on where it was when the connection breaks, at whichever worker answers then. */

import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { type Event, event } from './answers.ts';
import type { Client, OpenAnswer } from './client.ts';

/** How long it waits before it tries again; the last one from then on. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 5_000] as const;

export interface Follower {
  event(event: Event): void;
  /** So many were no longer kept when it came back. */
  missed(count: number): void;
  /** The connection is lost; it tries again until it is back. */
  lost(): void;
  back(): void;
}

/** Workers send something every 15 s: when nothing comes for so long, the connection is dead. */
const SILENT_MS = 45_000;

/**
 * Reads until it is aborted.
 *
 * @param path of the events, with what is wanted of them
 * @throws {Failure} when the first connection is refused, or nobody answers
 */
export async function follow(client: Client, path: string, follower: Follower, signal?: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let hasBegun = false;
  let tries = 0;
  const parser = createParser({
    onEvent: ({ id, event: kind, data }) => {
      lastId = id ?? lastId;
      const read: unknown = JSON.parse(data);
      if (kind === 'missed') follower.missed((read as { missed: number }).missed);
      else follower.event(event.parse(read));
    },
  });
  const isOver = () => signal?.aborted === true;
  while (!isOver()) {
    try {
      const goesOn: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
      const answer = await client.open(path, { accept: 'text/event-stream', ...goesOn });
      if (hasBegun) follower.back();
      hasBegun = true;
      tries = 0;
      await readAll(answer, (text) => parser.feed(text), signal);
    } catch (error) {
      // At the beginning nobody waits for a cluster that is not there.
      if (!hasBegun) throw error;
    }
    if (isOver()) return;
    parser.reset();
    if (tries === 0) follower.lost();
    await sleep(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)], undefined, { signal }).catch(() => undefined);
    tries++;
  }
}

/** Resolves when the answer has ended, or is dead. */
async function readAll(
  { chunks, close }: OpenAnswer,
  feed: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const decoder = new TextDecoder();
  let silence: NodeJS.Timeout | undefined;
  const alive = () => {
    clearTimeout(silence);
    silence = setTimeout(close, SILENT_MS);
  };
  signal?.addEventListener('abort', close, { once: true });
  alive();
  try {
    for await (const chunk of chunks) {
      alive();
      feed(decoder.decode(chunk, { stream: true }));
    }
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener('abort', close);
  }
}
