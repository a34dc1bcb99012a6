/** What only the shared registry knows, webhooks and broadcasts: without its answer each question fails. */

import type { BroadcastBook } from '../broadcasts/broadcast.ts';
import type { WebhookBook } from '../registry.ts';
import type { Reachability } from './reachability.ts';

export function insistingBook(shared: WebhookBook, reach: Reachability): WebhookBook {
  return {
    put: (webhooks, isRestoring) => reach.insist(() => shared.put(webhooks, isRestoring)),
    list: () => reach.insist(() => shared.list()),
    remove: (url) => reach.insist(() => shared.remove(url)),
    note: (url, progress, epoch) => reach.insist(() => shared.note(url, progress, epoch)),
  };
}

/** But which streams are recorded it also says without an answer: as it was last known. */
export function insistingBroadcasts(shared: BroadcastBook, reach: Reachability): BroadcastBook {
  let recorded: ReadonlySet<string> = new Set();
  return {
    recorded: async () => {
      recorded = await reach.ask(
        () => shared.recorded(),
        async () => recorded,
      );
      return recorded;
    },
    begin: (id, order, after) => reach.insist(() => shared.begin(id, order, after)),
    restore: (broadcast) => reach.insist(() => shared.restore(broadcast)),
    end: (id) => reach.insist(() => shared.end(id)),
    remove: (id) => reach.insist(() => shared.remove(id)),
    list: () => reach.insist(() => shared.list()),
    find: (id) => reach.insist(() => shared.find(id)),
    note: (id, progress) => reach.insist(() => shared.note(id, progress)),
  };
}
