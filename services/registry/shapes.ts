/**
 * The shapes that data of other workers and records must have to be accepted. Another version or a person may have written
 * them. Unknown fields are accepted, so that newer workers can send more.
 */

import { z } from 'zod';
import type { StreamReport } from './stream-report.ts';
import {
  type ClientRecord,
  type ClientReport,
  type Command,
  DRAIN_REASONS,
  type EarlierConnection,
  type FailoverState,
  type Owner,
  type Place,
  type SeenDeployment,
  type SilenceOrder,
  type StreamProfile,
  type StreamRecord,
  type StreamSpec,
  type WorkerIdentity,
  type WorkerRecord,
} from './types.ts';

const MAX_PORT = 65_535;
/** A host name or an IP address that can stand in a URL, and a port. */
const address = z.string().refine((text) => {
  const [, port] = /^(?:\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text) ?? [];
  return port !== undefined && Number(port) <= MAX_PORT;
});
const name = z.string().min(1);
const count = z.number().nonnegative();
const texts = z.record(z.string(), z.string());

const peerShape = z.looseObject({ workerId: name, incarnation: name, address });

const identity = {
  ...peerShape.shape,
  zone: z
    .string()
    .nullish()
    .transform((zone) => zone ?? undefined),
  revision: z.number().optional(),
};

export const identityShape: z.ZodType<WorkerIdentity> = z.looseObject({
  ...identity,
});

export const ownerShape: z.ZodType<Owner> = z.looseObject({ ...peerShape.shape, epoch: count });

export const placeShape: z.ZodType<Place> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('own'), epoch: count }),
  z.looseObject({ kind: z.literal('relay'), owner: ownerShape, via: peerShape.optional() }),
  z.looseObject({ kind: z.literal('wait'), ms: count }),
  z.looseObject({ kind: z.literal('full'), draining: z.boolean().optional() }),
]);

export const failoverShape: z.ZodType<FailoverState> = z.object({
  index: z.number().int().min(-1),
  attempts: count,
  lastAtMs: count.nullish().transform((ms) => ms ?? undefined),
  currentUrl: z.string(),
  headers: texts.optional(),
  userAgent: z.string().optional(),
  variant: z.string().optional(),
  audio: z.object({ url: z.string(), headers: texts, userAgent: z.string().optional() }).optional(),
  expiresAtMs: count.optional(),
  begunAtMs: count.optional(),
});

const coding = z.enum(['encode', 'copy', 'none']);

const profileShape: z.ZodType<StreamProfile> = z.looseObject({
  name: z.string(),
  variables: texts,
  args: z.array(z.string()),
  inputOptions: z.array(z.string()),
  outputOptions: z.array(z.string()),
  container: z.string(),
  hls: z.boolean(),
  video: coding,
  audio: coding,
  audioLanguage: z.string().optional(),
});

const silenceShape: z.ZodType<SilenceOrder> = z.looseObject({
  enabled: z.boolean().exactOptional(),
  thresholdDb: z.number().exactOptional(),
  durationMs: z.number().exactOptional(),
  checkIntervalMs: z.number().exactOptional(),
  failoverThreshold: z.number().exactOptional(),
  graceMs: z.number().exactOptional(),
});

const spec = {
  id: name,
  url: z.string(),
  failoverUrls: z.array(z.string()),
  failoverResolverUrl: z.string().optional(),
  userAgent: z.string(),
  headers: texts,
  stickySession: z.boolean().optional(),
  share: z.boolean().optional(),
  silence: silenceShape.optional(),
  metadata: texts,
  profile: profileShape.optional(),
  page: z
    .object({
      resolver: z.enum(['streamlink', 'ytdlp']),
      args: z.string(),
      cookies: z.string().optional(),
      cookiesPath: z.string().optional(),
      key: z.string(),
    })
    .optional(),
};

/** Restores fields that JSON leaves out, as undefined. */
const whole = <T extends { failoverResolverUrl?: string | undefined; profile?: StreamProfile | undefined }>(
  read: T,
) => {
  return { ...read, failoverResolverUrl: read.failoverResolverUrl, profile: read.profile };
};

export const specShape: z.ZodType<StreamSpec> = z.looseObject(spec).transform(whole);

const streamShape: z.ZodType<StreamRecord> = z
  .looseObject({
    ...spec,
    createdAtMs: count,
    lastAccessMs: count,
    failover: failoverShape,
    // Earlier versions do not send it.
    watched: z.boolean().default(true),
    unshareable: z.boolean(),
    dashUrl: z.string().optional(),
    errorCount: count,
    bytesServed: count,
    segmentsServed: count,
  })
  .transform(whole);

export const streamReportShape: z.ZodType<StreamReport> = z.looseObject({
  stream: streamShape.optional(),
  viewers: count.optional(),
  deletedAtMs: count.optional(),
});

const counters = { connectedAtMs: count, lastAccessMs: count, bytesServed: count, segmentsServed: count };

/** A client, with the incarnation that serves it. */
export const clientShape: z.ZodType<ClientRecord & { incarnation: string }> = z
  .looseObject({
    id: name,
    streamId: name,
    slot: count.optional(),
    workerId: name,
    incarnation: name,
    userAgent: z.string(),
    ipAddress: z.string(),
    username: z.string().optional(),
    session: z.literal(true).optional().catch(undefined),
    ...counters,
  })
  .transform((client) => ({ ...client, slot: client.slot, username: client.username }));

/** Leaves out unreadable entries: no worker could be told of them. */
export const earlierShape: z.ZodType<EarlierConnection[]> = z
  .array(z.object({ streamId: name, clientId: name, connectedAtMs: count, workerId: name }))
  .catch([]);

export const reportShape: z.ZodType<ClientReport> = z.looseObject({ streamId: name, clientId: name, ...counters });

/** An unreadable value does not hide the worker. */
const heldConnections = z
  .object({ held: z.record(z.string(), count), reads: z.record(z.string(), z.array(z.string())) })
  .optional()
  .catch(undefined);

/** What a playlist names: no quotes and no line ends. */
const codecName = z.string().regex(/^[\w.-]{1,64}$/);
const madeVariant = z
  .object({
    peakBitsPerSecond: count,
    codecs: z.array(codecName).max(16),
    size: z.object({ width: count, height: count }).optional(),
    frameRate: count.optional(),
  })
  .optional()
  .catch(undefined);

/** What people read. A text of another worker is not longer than any that this one makes. */
const fact = z.string().max(64).optional().catch(undefined);
const measured = count.optional().catch(undefined);
const facts = { resolution: fact, videoCodec: fact, fps: measured, audioCodec: fact, audioChannels: fact };
const madeInput = z
  .object({ ...facts, bitsPerSecond: measured, bufferMs: measured, lastByteAgoMs: measured, repairs: measured })
  .optional()
  .catch(undefined);

const madeStreams = z
  .record(
    z.string(),
    z.object({
      bitsPerSecond: count.optional(),
      speed: count.optional(),
      failures: count,
      variant: madeVariant,
      epoch: measured,
      input: madeInput,
      output: z.object(facts).optional().catch(undefined),
    }),
  )
  .optional()
  .catch(undefined);

/** Names of workers, hosts and hashes: no worker sends longer ones. */
const short = z.string().max(300);
const relays = z
  .record(short, z.object({ feeds: count, bitsPerSecond: count.optional() }))
  .optional()
  .catch(undefined);
const accounts = z
  .record(short, z.object({ host: short, held: z.record(z.string(), count), refused: count.optional() }))
  .optional()
  .catch(undefined);

export const workerShape: z.ZodType<WorkerRecord> = z.looseObject({
  ...identity,
  startedAtMs: count,
  lastSeenMs: count,
  cpu: z.number(),
  processes: count,
  clients: count,
  processFeeds: count,
  sourceFeeds: count,
  bufferedBytes: count,
  restarts: count,
  skips: count,
  stalls: count,
  draining: z.boolean(),
  // A later version may have other reasons: those do not hide the worker.
  drainReason: z.enum(DRAIN_REASONS).optional().catch(undefined),
  connections: heldConnections,
  bytesPerSecond: count.optional().catch(undefined),
  making: madeStreams,
  relays,
  accounts,
  version: short.optional().catch(undefined),
  cores: count.optional().catch(undefined),
  clockAheadMs: z.number().optional().catch(undefined),
});

export const commandShape: z.ZodType<Command> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('delete'), streamId: name }),
  z.looseObject({ kind: z.literal('failover'), streamId: name }),
  z.looseObject({ kind: z.literal('advance'), streamId: name, fromIndex: z.int().min(-1) }),
  z.looseObject({
    kind: z.literal('disconnect'),
    clientId: name,
    streamId: name.optional(),
    atMs: count.optional().catch(undefined),
  }),
  z.looseObject({ kind: z.literal('ended'), streamId: name, clientId: name }),
  z.looseObject({ kind: z.literal('superseded'), streamId: name, clientId: name, connectedAtMs: count }),
  z.looseObject({ kind: z.literal('renamed'), streamId: name, clientId: name, connectedAtMs: count, newId: name }),
  z.looseObject({ kind: z.literal('reclaim'), account: name }),
  z.looseObject({ kind: z.literal('secrets') }),
  z.looseObject({ kind: z.literal('webhooks') }),
  z.looseObject({ kind: z.literal('broadcast'), id: name, removed: z.boolean().optional() }),
  z.looseObject({ kind: z.literal('drain') }),
  z.looseObject({ kind: z.literal('undrain') }),
]);

export const deploymentShape: z.ZodType<SeenDeployment> = z.looseObject({
  revision: count,
  createdAtMs: count,
  desiredCount: count,
  seenAtMs: count,
});

/** The parsed JSON if it has this shape, else undefined. */
export function parsed<T>(shape: z.ZodType<T>, text: string): T | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
