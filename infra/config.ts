/** What a stage is: read from the CDK context, checked as a whole, and refused with a reason if it cannot work. */

import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';
import { z } from 'zod';
import { stageProblems } from './config-rules.ts';
import { MAX_ZONES } from './limits.ts';

const wholeNumber = (min: number, max: number) => z.int().min(min).max(max);
const retentionDays = Object.values(RetentionDays).filter((value) => typeof value === 'number');

/** The name of a stage without a name. */
const DEFAULT_STAGE = 'main';

/** The value of `-c name=value` is text, even for a number or a flag. */
const text = z.coerce.string();

const subnetIds = z.array(z.string().regex(/^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/, 'must be ids of subnets')).optional();

const schema = z.strictObject({
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,15}$/, 'must be 1 to 16 lower-case letters and digits')
    .describe('Name of the stage; part of the names of its stacks, so that one account can hold several stages.'),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a region such as eu-central-1')
    .optional()
    .describe('AWS region; that of the AWS profile when absent.'),
  zones: z
    .union([wholeNumber(2, MAX_ZONES), z.array(z.string()).min(2).max(MAX_ZONES)])
    .default(2)
    .describe('Number of availability zones, or a list of their names.'),
  vpcCidr: z
    .cidrv4('must be an IPv4 range such as 10.64.0.0/16')
    .optional()
    .describe(
      'Range of the VPC that the stage makes, `10.64.0.0/16` when absent; a private one of /16 to /18. It cannot change later.',
    ),
  vpcId: z
    .string()
    .regex(/^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/, 'must be the id of a VPC')
    .optional()
    .describe('A VPC that exists already, see [a VPC of your own](#a-vpc-of-your-own). It cannot change later.'),
  publicSubnetIds: subnetIds.describe(
    'Subnets of that VPC for workers and load balancer, one for each of the `zones`.',
  ),
  isolatedSubnetIds: subnetIds.describe('Subnets of that VPC for Redis, one for each of the `zones`.'),

  domain: z
    .hostname('must be a host name such as tv.example.com')
    .optional()
    .describe('Host name that viewers use; needs `certificateArn`.'),
  certificateArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/.+$/, 'must be the ARN of an ACM certificate')
    .optional()
    .describe('Certificate for the domain, in ACM of the same region. It enables HTTPS, and HTTP redirects there.'),
  hostedZoneId: z
    .string()
    .regex(/^Z[A-Z0-9]+$/, 'must be the id of a Route 53 zone')
    .optional()
    .describe('Route 53 zone in which the stack creates the record; without it, create the record yourself.'),
  insecureHttp: z
    .boolean()
    .default(false)
    .describe('Allows a stage without a certificate: tokens and everything that people watch then go over plain HTTP.'),

  workerCpu: z
    .int()
    .default(2048)
    .describe('CPU units of a worker; 1024 are one vCPU. A 1080p transcode takes about 1.5 vCPU.'),
  workerMemoryMiB: z
    .int()
    .default(4096)
    .describe('Memory of a worker in MiB; Fargate offers certain sizes for each CPU size.'),
  architecture: z
    .enum(['x86_64', 'arm64'])
    .default('x86_64')
    .describe(
      '`arm64` costs 20 % less. Docker must be able to build for it; on an x86 Linux machine that needs emulation.',
    ),
  image: z
    .string()
    .optional()
    .describe(
      'Image of the workers, in a public registry or in ECR; when absent, Docker builds it from this repository. For ECR of another account see [an image of your own](#an-image-of-your-own).',
    ),
  minWorkers: wholeNumber(1, 1000).default(2).describe('Minimum number of workers.'),
  maxWorkers: wholeNumber(1, 1000).default(10).describe('Maximum number of workers.'),
  viewersPerWorker: wholeNumber(1, 100_000)
    .default(150)
    .describe('Target of scaling: viewers per worker. 150 viewers at 4 Mbit/s are 0.6 Gbit/s.'),
  cpuTarget: wholeNumber(10, 90).default(60).describe('Target of scaling: percent of CPU.'),
  drainTimeout: wholeNumber(0, 3600)
    .default(110)
    .describe('Seconds that viewers may still watch after their worker is told to stop; Fargate kills it after 120.'),
  deployDrain: wholeNumber(0, 86_400)
    .default(600)
    .describe(
      '`DEPLOY_DRAIN`: seconds that a deployment waits for the viewers of each old worker. Workers leave one after the other.',
    ),
  maxClientsPerSharedStream: wholeNumber(0, 1_000_000)
    .default(0)
    .describe('`MAX_CLIENTS_PER_SHARED_STREAM`; 0: no cap.'),
  settings: z.record(z.string(), text).default({}).describe('Other settings of the workers.'),

  redisNode: z
    .string()
    .regex(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, 'must be a node type such as cache.t4g.micro')
    .default('cache.t4g.micro')
    .describe('Node type of Redis (Valkey).'),
  redisReplicas: wholeNumber(0, 5).default(1).describe('Replicas in addition to the primary.'),
  redisMultiAz: z
    .boolean()
    .default(true)
    .describe('Whether a replica in another zone takes over when the primary fails.'),

  privateSources: text
    .default('false')
    .describe(
      '`ALLOW_PRIVATE_SOURCES`: private addresses that sources may use, such as `10.1.0.0/16` of a peered network.',
    ),
  viewerRanges: z
    .array(z.cidrv4('must be IPv4 ranges such as 203.0.113.0/24'))
    .min(1)
    .default(['0.0.0.0/0'])
    .describe('Address ranges that may connect to the load balancer.'),

  playbackAuth: z
    .enum(['open', 'signed'])
    .default('open')
    .describe(
      '`PLAYBACK_AUTH`: who may play a stream. `open`: anybody with its id. `signed`: only holders of a signed URL or of the API token.',
    ),

  recordingsDays: wholeNumber(1, 3650)
    .default(30)
    .describe('Days for which [recordings](#recordings-in-a-bucket) are kept after their end.'),

  adminAuth: z
    .enum(['token', 'iam', 'jwt'])
    .default('token')
    .describe('How callers of the admin API prove who they are: with the token, with IAM, or with a JWT.'),
  jwtIssuer: z
    .url({ protocol: /^https$/, error: 'must be an https URL' })
    .optional()
    .describe('JWT issuer, for `jwt`.'),
  jwtAudience: z.array(z.string()).min(1).optional().describe('Accepted JWT audiences, for `jwt`.'),

  alarmEmail: z.email().optional().describe('E-mail address for alarms; AWS first asks it for confirmation.'),
  egressAlarmGbPerHour: z
    .number()
    .positive()
    .default(500)
    .describe('GB to viewers in an hour that raise an alarm; 500 GB are 1.1 Gbit/s and cost about 45 USD.'),
  logRetentionDays: z
    .number()
    .refine((days) => retentionDays.includes(days), `must be one of ${retentionDays.join(', ')}`)
    .default(RetentionDays.ONE_MONTH)
    .describe('Number of days that logs are kept.'),
  allowExec: z
    .boolean()
    .default(false)
    .describe('Allows a shell in workers (ECS Exec), for development. It makes their file system writable.'),
  terminationProtection: z
    .boolean()
    .default(false)
    .describe('Protects network, load balancer and Redis from deletion.'),
});

export type StageConfig = Readonly<z.output<typeof schema>>;

/** A stage that cannot be deployed, with one sentence for each reason. */
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
 * @throws {StageError} that names every problem
 * @example checkStage({ stage: 'prod', maxWorkers: 12 }).minWorkers // 2
 */
export function checkStage(values: unknown): StageConfig {
  const result = schema.safeParse(withoutComment(values));
  if (!result.success) {
    throw new StageError(
      result.error.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => `${key}: a stage has no such setting.`)
          : [`${issue.path.join('.')}: ${issue.message}.`],
      ),
    );
  }
  const problems = stageProblems(result.data);
  if (problems.length > 0) throw new StageError(problems);
  return result.data;
}

/** JSON has no comments, so a stage in cdk.json may say why it is as it is under `//`. */
function withoutComment(values: unknown): unknown {
  if (typeof values !== 'object' || values === null) return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== '//'));
}

/**
 * The stage in CDK's context: `stages.<stage>` of cdk.json, overridden by the command line
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
  // CDK's own keys have a colon, a slash or a dash. A plain word is a stage setting, so a mistyped one is refused.
  const given = Object.entries(context)
    .filter(([key]) => /^[A-Za-z]\w*$/.test(key) && key !== 'stages')
    .map(([key, value]) => [key, fromCommandLine(value)]);
  return checkStage({ ...stages[stage], ...Object.fromEntries(given), stage });
}

/** In `-c maxWorkers=12`, `12` is a number, `["a","b"]` a list, anything else a text. */
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
