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
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,15}$/, 'must be 1 to 16 lower-case letters and digits')
    .describe('Names the stacks, so that several stages fit into one account.'),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a region such as eu-central-1')
    .optional()
    .describe('Region; without it that of the AWS profile.'),
  zones: z
    .union([wholeNumber(2, 3), z.array(z.string()).min(2).max(3)])
    .default(2)
    .describe('How many availability zones, or which ones, as a list.'),

  domain: z
    .hostname('must be a host name such as tv.example.com')
    .optional()
    .describe('Name that viewers use; needs `certificateArn`.'),
  certificateArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/.+$/, 'must be the ARN of an ACM certificate')
    .optional()
    .describe('Certificate for it, in ACM of the same region. With it there is HTTPS, and HTTP leads there.'),
  hostedZoneId: z
    .string()
    .regex(/^Z[A-Z0-9]+$/, 'must be the id of a Route 53 zone')
    .optional()
    .describe('Route 53 zone that gets the record; without it the record is yours to make.'),

  workerCpu: z
    .int()
    .default(2048)
    .describe('CPU units of a worker, 1024 are one vCPU. A 1080p transcode takes about 1.5 vCPU.'),
  workerMemoryMiB: z.int().default(4096).describe('Memory of a worker, as Fargate sells it with that CPU.'),
  architecture: z
    .enum(['x86_64', 'arm64'])
    .default('x86_64')
    .describe(
      '`arm64` costs 20 % less; Docker must be able to build for it, which an x86 Linux machine cannot without emulation.',
    ),
  image: z
    .string()
    .optional()
    .describe('Image of the workers in a registry; without it Docker builds it from this repository.'),
  minWorkers: wholeNumber(1, 1000).default(2).describe('Workers there always are.'),
  maxWorkers: wholeNumber(1, 1000).default(10).describe('Workers there are at most.'),
  viewersPerWorker: wholeNumber(1, 100_000)
    .default(150)
    .describe('Viewers per worker that scaling aims at. 150 at 4 Mbit/s are 0.6 Gbit/s.'),
  cpuTarget: wholeNumber(10, 90).default(60).describe('Percent of CPU that scaling aims at.'),
  drainTimeout: wholeNumber(0, 3600)
    .default(110)
    .describe('Seconds that viewers may go on watching a worker that was told to stop; Fargate waits 120.'),
  deployDrain: wholeNumber(0, 86_400)
    .default(600)
    .describe(
      '`DEPLOY_DRAIN`: seconds that a deployment waits for the viewers of each old worker, one worker after the other.',
    ),
  maxClientsPerSharedStream: wholeNumber(0, 1_000_000)
    .default(0)
    .describe('`MAX_CLIENTS_PER_SHARED_STREAM`; 0: no cap.'),
  settings: z.record(z.string(), text).default({}).describe('Any other setting of the workers.'),

  redisNode: z
    .string()
    .regex(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, 'must be a node type such as cache.t4g.micro')
    .default('cache.t4g.micro')
    .describe('Node type of Redis (Valkey).'),
  redisReplicas: wholeNumber(0, 5).default(1).describe('Replicas beside the primary.'),
  redisMultiAz: z.boolean().default(true).describe('Whether a replica in another zone takes over.'),

  privateSources: text
    .default('false')
    .describe(
      '`ALLOW_PRIVATE_SOURCES`: private addresses that sources may have, such as `10.1.0.0/16` of a peered network.',
    ),
  viewerRanges: z
    .array(z.cidrv4('must be IPv4 ranges such as 203.0.113.0/24'))
    .min(1)
    .default(['0.0.0.0/0'])
    .describe('Who may connect to the load balancer at all.'),

  playbackAuth: z
    .enum(['open', 'signed'])
    .default('open')
    .describe(
      '`PLAYBACK_AUTH`: who may play a stream: whoever knows its id, or only who has a signed URL from the API, or its token.',
    ),

  adminAuth: z
    .enum(['token', 'iam', 'jwt'])
    .default('token')
    .describe('Who may call the admin API: whoever has the token, whom IAM lets, or who has a JWT.'),
  jwtIssuer: z
    .url({ protocol: /^https$/, error: 'must be an https URL' })
    .optional()
    .describe('Issuer, for `jwt`.'),
  jwtAudience: z.array(z.string()).min(1).optional().describe('Audiences, for `jwt`.'),

  alarmEmail: z.email().optional().describe('Who gets the alarms by e-mail; AWS asks that address first.'),
  egressAlarmGbPerHour: z
    .number()
    .positive()
    .default(500)
    .describe('GB to viewers in an hour from which on there is an alarm; 500 are 1.1 Gbit/s, about 45 USD.'),
  logRetentionDays: z
    .number()
    .refine((days) => retentionDays.includes(days), `must be one of ${retentionDays.join(', ')}`)
    .default(RetentionDays.ONE_MONTH)
    .describe('Days that logs are kept.'),
  allowExec: z
    .boolean()
    .default(false)
    .describe('A shell in workers (ECS Exec), for development: it cannot be had with a read-only file system.'),
  terminationProtection: z
    .boolean()
    .default(false)
    .describe('Refuses the deletion of network, load balancer and Redis.'),
  collectorImage: z
    .string()
    .default('public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0')
    .describe('Image of the collector beside each worker.'),
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
 * @example checkStage({ stage: 'prod', maxWorkers: 12 }).minWorkers // 2
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
 * (`-c stage=prod -c maxWorkers=12`).
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

/** `20` of `-c maxWorkers=12` is a number, `["a","b"]` a list, anything else a text. */
function fromCommandLine(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** The settings of a stage as a Markdown table; docs/deploy-aws.md holds exactly this. */
export function stageTable(): string {
  const rows = Object.entries(schema.shape).map(([name, field]) => {
    const fallback = field.safeParse(undefined).data;
    const shown = name === 'stage' ? DEFAULT_STAGE : (fallback ?? 'none');
    const code = typeof shown === 'object' ? JSON.stringify(shown) : String(shown);
    return `| \`${name}\` | ${code === 'none' ? code : `\`${code}\``} | ${field.description} |`;
  });
  return ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
}
