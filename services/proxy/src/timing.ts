/** Times that depend on each other, in ms. A test beside holds how they relate: change one, and it says which others to look at. */

/** How often a worker renews its lease. */
export const RENEW_MS = 1_000;
/** How long an incarnation that does not renew keeps what it owns. Several renewals in a row may be lost within it. */
export const LEASE_MS = 5_000;
/** What the clocks of two machines, and the way to Redis, may differ by: an owner stops this long before its lease ends. */
export const LEASE_MARGIN_MS = 500;
/** A lease ends by the registry's clock, and may have been renewed after a follower last heard of the owner. */
export const FOLLOWER_MARGIN_MS = 1_000;
/** A clock of the lease that ticks this late means that the process, not a callback, stood still. */
export const STANDSTILL_MS = 1_500;

/** A command to Redis. A renewal that takes longer has run out when it is answered. */
export const REDIS_COMMAND_TIMEOUT_MS = 4_000;
/**
 * A connection on which a command waits and nothing comes for this long is closed: the name may lead to another host by now.
 */
export const REDIS_SILENCE_MS = 6_000;
/** When Redis comes back, every worker is there within this. */
export const REDIS_RECONNECT_MAX_MS = 500;
/** How long a registry that has just come back waits for all workers to say what they own. */
export const YOUNG_MS = 2_000;

/** A relay that has no media to send says this often that it is there. */
export const RELAY_PING_MS = 500;
/** A relay from which nothing comes for this long is lost. */
export const RELAY_SILENCE_MS = 2_000;

/** Media to keep in a ring, memory allowing: what a viewer's network, or a takeover, may stand still for. */
export const RETAIN_MS = 20_000;
