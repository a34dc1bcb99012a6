/**
 * Faults that the simulation must find: each takes one guard or one mend back, as text of the source. The command that looks for
 * them (`npm run test:simulation -- --planted`) builds the simulation anew with each.
 */

export interface PlantedFault {
  readonly name: string;
  /** From the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const guard = (name: string, file: string, find: string, replace: string): PlantedFault => ({
  name,
  file,
  find,
  replace,
});

export const PLANTED: readonly PlantedFault[] = [
  guard(
    'a worker that writes back wins whatever its epoch',
    'services/registry/redis/scripts/restore.lua',
    'if other and epoch >= own.epoch then',
    'if other and epoch < 0 then',
  ),
  guard(
    'whoever asks may transfer a feed, whatever its epoch',
    'services/registry/redis/scripts/transfer.lua',
    'if stored[1] ~= ARGV[3] or stored[2] ~= ARGV[4] or not is_alive(to.incarnation) then',
    'if not is_alive(to.incarnation) then',
  ),
  guard(
    'a late transfer ends a later ownership of the same worker',
    'services/registry/redis/scripts/transfer.lua',
    'or stored[2] ~= ARGV[4] or',
    'or',
  ),
  guard(
    'a question that has waited too long takes a feed all the same',
    'services/registry/redis/scripts/ownership.lua',
    'return me.lateAtMs ~= nil and now_ms() > me.lateAtMs',
    'return false',
  ),
  guard(
    'what a late request has brought back to Redis stays there',
    'services/registry/redis/scripts/missing.lua',
    "demand((held[name] or is_coming) and 1, 'not held', what, name)",
    'demand(1)',
  ),
  guard(
    'a worker that stood still passes media on at once',
    'services/proxy/src/ownership/feed-place.ts',
    "if (this.#current.split === true || lease.state !== 'in_doubt') return true;",
    'return true;',
  ),
  guard(
    'a relay goes on within the pictures of any owner',
    'services/proxy/src/feed/feed-history.ts',
    'if (mine.epoch > theirs.epoch) return false;',
    'return true;',
  ),
  guard(
    'what is taken for a caller that has left stays taken',
    'services/proxy/src/visit.ts',
    'if (this.isOver) void this.#call(giveBack);',
    'if (this.isOver) return;',
  ),
  guard(
    'a viewer that leaves before its response is listened to is counted for ever',
    'services/proxy/src/visit.ts',
    'if (response.destroyed || socket.destroyed) {',
    'if (socket !== socket) {',
  ),
  guard(
    'a client that leaves during an outage is counted on',
    'services/registry/resilient/resilient-registry.ts',
    'this.#shared.forgetCounters(report);',
    '',
  ),
  guard(
    'a viewer that leaves before it has a feed keeps the slot',
    'services/proxy/src/viewers/seating.ts',
    "if (!isFeedAsked && place?.kind === 'own') await",
    'if (!isFeedAsked && slot === -1) await',
  ),
  guard(
    'a viewer that comes while a slot is given up gets the feed that ends',
    'services/proxy/src/processes/process-feeds.ts',
    '?.closing ?? this.#releases.decision(streamId, slot);',
    '&& undefined;',
  ),
  guard(
    'a viewer that comes after a feed has ended owns it while its slot is still being given up',
    'services/proxy/src/processes/process-feeds.ts',
    '?.closing ?? this.#releases.decision(streamId, slot);',
    '?.closing;',
  ),
  guard(
    'a slot that could not be released is not tried again',
    'services/proxy/src/processes/process-feeds.ts',
    'if (entry.users === 0) this.#startGrace(entry);\n      })',
    '})',
  ),
  guard(
    'a connection that was opened beside another one stays open when its source is left',
    'services/proxy/src/sources/origin.ts',
    '    this.connections.dropPrepared();\n    this.connections.close();',
    '    this.connections.close();',
  ),
];
