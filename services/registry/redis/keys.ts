/** Every key in Redis; no other file spells one. People read `workers` and `stream:*`; the other keys begin with `sp:`. */

/** `cluster`: workers authenticate to each other with it; `playback`: it signs playback URLs. */
export type SharedSecret = 'cluster' | 'playback';

export const keys = {
  /** Hash: worker id → its record as JSON. */
  workers: 'workers',
  /** Hash, only while the stream is active: what people want to see of it. */
  stream: (id: string) => `stream:${id}`,

  /** Hash: a stream's record. */
  spec: (id: string) => `sp:spec:${id}`,
  /** Hash: where a group of streams plays, and which streams are in it; groups.lua says what its fields are. */
  groupPrefix: 'sp:group:',
  /** Sorted set: stream ids by last access, in ms. */
  streamIds: 'sp:streams',
  /** Hash: what is read of all streams at once; summary.lua says what its fields are. */
  summary: 'sp:summary',
  /** Hash: slot → clients. */
  slots: (id: string) => `sp:slots:${id}`,
  /** Hash: client id → its record as JSON. */
  clients: (id: string) => `sp:clients:${id}`,

  /** Hash with a time to live: name → what all workers say alike of a stream, such as the numbers after a failover of HLS. */
  agreedPrefix: 'sp:agreed:',

  /** Redis Stream: what has happened to workers and streams; events.lua says what its entries are. */
  events: 'sp:events',
  /** Redis Stream: the same of viewers. */
  clientEvents: 'sp:client-events',
  /** Hash: key of a Redis Stream of events → how many it has got. */
  eventCounts: 'sp:event-counts',
  /** Sorted set: streams that play without a viewer, by when the last one has left, in ms by the clock of Redis. */
  left: 'sp:left',
  /** Hash: incarnation → the number of the last event that it has told. */
  told: 'sp:told',

  /** Hash: URL of a webhook → the webhook as JSON. The field '' stays when all of them are removed: then none is lost. */
  webhooks: 'sp:webhooks',
  /** Hash: URL of a webhook → how far it is, as JSON. */
  webhookProgress: 'sp:webhook-progress',

  /** Hash: id of a broadcast → `<programme> <1: it is to end> <order as JSON>`. The field '' stays. */
  broadcasts: 'sp:broadcasts',
  /** Hash: id of a broadcast → how far it is, as JSON. */
  broadcastProgress: 'sp:broadcast-progress',
  /** Set: the broadcasts that are cut from the feed of a stream. */
  recordersPrefix: 'sp:recorders:',
  /** Set: the streams that have such broadcasts. */
  recorded: 'sp:recorded',

  /** String with a time to live: the last hour of an incarnation in samples, as JSON; sample.ts says how they are packed. */
  samplesPrefix: 'sp:samples:',
  /** Sorted set: incarnations that have samples, by when they have last written them, in ms by the clock of Redis. */
  sampled: 'sp:sampled',

  /** Sorted set: `<stream id> <client id>` of the sessions by when each is over, in ms by the clock of Redis. */
  sessions: 'sp:sessions',

  /** String with a time to live: the lease of an incarnation; its value is the worker id. */
  leasePrefix: 'sp:lease:',
  /** Sorted set: incarnations by when their lease ends, in ms by the clock of Redis. */
  leaseEnds: 'sp:lease-ends',
  stoodStill: 'sp:stood-still',
  /** Hash: incarnation that a peer has proved dead → `<when its lease would end> <when that was proved>`, in ms by the clock of Redis. */
  seized: 'sp:seized',
  /** Hash: incarnation → its worker id. */
  named: 'sp:named',
  /** String with a time to live: an incarnation, or a viewer of its, was counted out as dead. */
  endedPrefix: 'sp:ended:',
  /** Sorted set with a time to live: clients of an incarnation, or sessions, whose end was told with their stream's → when. */
  endedClientsPrefix: 'sp:ended-clients:',
  /** Set: every incarnation that has not been cleaned up. */
  incarnations: 'sp:incarnations',
  /** Counter: grows whenever an incarnation comes or goes. */
  members: 'sp:members',
  /** Hash: worker id → its newest incarnation. */
  newest: 'sp:newest',
  /** Set: `<stream id> <client id>` of an incarnation's clients. */
  clientsOfPrefix: 'sp:clients-of:',
  /** Set: the feeds that an incarnation owns. */
  feedsOfPrefix: 'sp:feeds-of:',
  /** Hash: `<stream id> <client id>` → what that client of the incarnation has got. Earlier versions keep theirs elsewhere. */
  countersPrefix: 'sp:counters-of:',
  /** Hash with a time to live: the same of clients that were counted out as dead, in case they live. */
  creditedPrefix: 'sp:credited-to:',
  /** List: commands that wait for an incarnation. */
  commandsPrefix: 'sp:commands:',
  /** Hash: connection → incarnation, for a provider account (a hash of it). */
  connectionsPrefix: 'sp:connections:',
  /** Set: `<account> <connection>` of an incarnation's connections to providers. */
  connectionsOfPrefix: 'sp:connections-of:',
  /** Sorted set: incarnations that take processes, by how many they run. */
  loads: 'sp:loads',
  /** Hash: incarnation → why it drains, or that it was told to end that. */
  drains: 'sp:drains',
  /** Hash: incarnation → when it started, in ms by the clock of Redis: the clocks of workers may differ. */
  started: 'sp:started',
  /** Hash: incarnation → the number of the last time that it wrote back what it holds. */
  restores: 'sp:restores',
  /** String with a time to live: what ECS wants to run, as JSON. */
  deployment: 'sp:deployment',

  /** Hash: the owner of a feed. */
  ownerPrefix: 'sp:owner:',
  /** String: since when this registry is complete, or is being completed, in ms. */
  born: 'sp:born',
  /** String: the id of the Redis process that `born` is about. Another one has been emptied, or was behind. */
  server: 'sp:server',
  /** String with a time to live: when a stream was deleted, in ms. */
  deletedPrefix: 'sp:deleted:',
  /** String: a secret that all workers share, where no setting gives it to them. */
  secret: (name: SharedSecret) => `sp:${name}-secret`,
  /** Sorted set with a time to live: secrets for playback that the cluster has replaced, by until when each one counts, in ms. */
  formerSecrets: 'sp:former-secrets',
} as const;
