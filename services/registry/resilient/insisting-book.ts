/** The webhooks of the cluster, which only the shared registry knows: without its answer each question fails. */

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
