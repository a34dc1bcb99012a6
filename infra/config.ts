/** What a stage is: read from CDK context, checked as a whole, and refused with a sentence where it could not work. */

import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';
import { z } from 'zod';
import { stageProblems } from './config-rules.ts';

const wholeNumber = (min: number, max: number) => z.int().min(min).max(max);
const retentionDays = Object.values(RetentionDays).filter((value) => typeof value === 'number');

/** What a stage is called that nobody named. */
const DEFAULT_STAGE = 'main';

/** A value of `-c name=value` is text, also where a number or a flag is meant. */
const text = z.coerce.string();

const schema = z.strictObject({
  /** Names the stacks, so that several stages fit into one account. */
  stage: z.string().regex(/^[a-z][a-z0-9]{0,15}$/, 'must be 1 to 16 lower-case letters and digits'),
  /** Default: that of the AWS profile. */
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a region such as eu-central-1')
    .optional(),
  /** How many availability zones, or which ones. */
  zones: z.union([wholeNumber(2, 3), z.array(z.string()).min(2).max(3)]).default(2),

  /** Name that viewers use; needs `certificateArn`. */
  domain: z.hostname('must be a host name such as tv.example.com').optional(),
  certificateArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/.+$/, 'must be the ARN of an ACM certificate')
    .optional(),
  /** Route 53 zone that gets the record of `domain`; without it that record is yours to make. */
  hostedZoneId: z
    .string()
    .regex(/^Z[A-Z0-9]+$/, 'must be the id of a Route 53 zone')
    .optional(),

  /** CPU units of a worker; 1024 are one vCPU. One 1080p transcode takes about 1.5 vCPU. */
  workerCpu: z.int().default(2048),
  workerMemoryMiB: z.int().default(4096),
  /** arm64 costs 20 % less, but Docker must be able to build for it; an x86 Linux machine cannot without emulation. */
  architecture: z.enum(['x86_64', 'arm64']).default('x86_64'),
  /** An image of the workers from a registry; default: built from this repository, by Docker, when it is deployed. */
  image: z.string().optional(),
  minWorkers: wholeNumber(1, 1000).default(2),
  maxWorkers: wholeNumber(1, 1000).default(10),
  /** Viewers per worker that auto scaling aims at. 150 at 4 Mbit/s are 0.6 Gbit/s, which a small task carries. */
  viewersPerWorker: wholeNumber(1, 100_000).default(150),
  /** Percent of a worker's CPU that auto scaling aims at. */
  cpuTarget: wholeNumber(10, 90).default(60),
  /** Seconds that viewers may go on watching a worker that was told to stop. */
  drainTimeout: wholeNumber(0, 3600).default(110),
  /** 0, no cap: in the cloud a further viewer costs nothing but bytes, a further FFmpeg costs 1.5 vCPU. */
  maxClientsPerSharedStream: wholeNumber(0, 1_000_000).default(0),
  /** Any other setting of the workers. */
  settings: z.record(z.string(), text).default({}),

  redisNode: z
    .string()
    .regex(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, 'must be a node type such as cache.t4g.micro')
    .default('cache.t4g.micro'),
  redisReplicas: wholeNumber(0, 5).default(1),
  redisMultiAz: z.boolean().default(true),

  /** `ALLOW_PRIVATE_SOURCES` of the workers: which private addresses sources may have, `false` for none. */
  privateSources: text.default('false'),
  /** Who may connect to the load balancer at all. */
  viewerRanges: z.array(z.cidrv4('must be IPv4 ranges such as 203.0.113.0/24')).min(1).default(['0.0.0.0/0']),

  adminAuth: z.enum(['token', 'iam', 'jwt']).default('token'),
  jwtIssuer: z.url({ protocol: /^https$/, error: 'must be an https URL' }).optional(),
  jwtAudience: z.array(z.string()).min(1).optional(),

  /** GB to viewers in an hour from which on somebody is told; 500 are 1.1 Gbit/s all hour long, and about 45 USD. */
  egressAlarmGbPerHour: z.number().positive().default(500),
  alarmEmail: z.email().optional(),
  logRetentionDays: z
    .number()
    .refine((days) => retentionDays.includes(days), `must be one of ${retentionDays.join(', ')}`)
    .default(RetentionDays.ONE_MONTH),
  /** A shell in a running worker. ECS Exec cannot work with a read-only file system, so this gives that up. */
  allowExec: z.boolean().default(false),
  /** Refuses the deletion of what viewers and workers depend on (network, load balancer, Redis). */
  terminationProtection: z.boolean().default(false),
  collectorImage: z.string().default('public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0'),
});

export type StageConfig = Readonly<z.output<typeof schema>>;

/** A stage that cannot be: one sentence for each reason. */
export class StageError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`This stage cannot be deployed:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'StageError';
    this.problems = problems;
  }
}

/**
 * Checks one stage.
 *
 * @throws {StageError} naming everything that is wrong with it
 * @example checkStage({ stage: 'prod', maxWorkers: 20 }).minWorkers // 2
 */
export function checkStage(values: unknown): StageConfig {
  const result = schema.safeParse(values);
  if (!result.success) {
    throw new StageError(
      result.error.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => `${key}: there is no such setting of a stage.`)
          : [`${issue.path.join('.')}: ${issue.message}.`],
      ),
    );
  }
  const problems = stageProblems(result.data);
  if (problems.length > 0) throw new StageError(problems);
  return result.data;
}

/**
 * The stage that CDK's context describes: `stages.<stage>` of cdk.json, and over it what the command line says
 * (`-c stage=prod -c maxWorkers=20`).
 *
 * @throws {StageError}
 */
export function readStage(node: Node): StageConfig {
  const context = node.getAllContext() as Record<string, unknown>;
  const stages = (context.stages ?? {}) as Record<string, object>;
  const stage = String(context.stage ?? DEFAULT_STAGE);
  if (context.stage !== undefined && stages[stage] === undefined) {
    const known = Object.keys(stages).join(', ');
    throw new StageError([`stage: cdk.json has no stage "${stage}"; it has ${known || 'none'}.`]);
  }
  // CDK's own keys have a colon, a slash or a dash; a plain word is ours, so a mistyped one is refused, not ignored.
  const given = Object.entries(context)
    .filter(([key]) => /^[A-Za-z]\w*$/.test(key) && key !== 'stages')
    .map(([key, value]) => [key, fromCommandLine(value)]);
  return checkStage({ ...stages[stage], ...Object.fromEntries(given), stage });
}

/** `20` of `-c maxWorkers=20` is a number, `["a","b"]` a list, anything else a text. */
function fromCommandLine(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
