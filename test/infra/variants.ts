/**
 * The stages between which people change, and what AWS cannot do between two of them. An option that is new in a stage joins as
 * a line of VARIANTS; a change that AWS refuses joins as an entry of IMPOSSIBLE.
 */

import { addChecks } from '../../infra/checks.ts';
import type { StageConfig } from '../../infra/config.ts';
import { addStacks } from '../../infra/streampool.ts';
import { type StageStack, stacksOf } from '../../infra/transitions/stage-stacks.ts';
import { testApp, testStage } from './support.ts';

/** The region's zones, as CloudFormation lists them. */
export const REGION = 'eu-central-1';
export const ZONES: readonly string[] = ['a', 'b', 'c'].map((letter) => `${REGION}${letter}`);

const CERTIFICATE = `arn:aws:acm:${REGION}:123456789012:certificate/abc`;
const DOMAIN = { domain: 'tv.example.com', certificateArn: CERTIFICATE };
const JWT = { adminAuth: 'jwt', jwtIssuer: 'https://issuer.example', jwtAudience: ['streampool'] };

const existing = (...letters: string[]) => ({
  vpcId: 'vpc-0123456789abcdef0',
  zones: letters.map((letter) => `${REGION}${letter}`),
  publicSubnetIds: letters.map((letter) => `subnet-0123456789abcde0${letter}`),
  isolatedSubnetIds: letters.map((letter) => `subnet-0123456789abcde1${letter}`),
});

/** What each stage sets apart from the defaults. */
const SETTINGS = {
  defaults: {},
  'a domain': DOMAIN,
  'a domain with its record': { ...DOMAIN, hostedZoneId: 'Z0123456789' },
  'admins by IAM': { adminAuth: 'iam' },
  'admins by JWT': JWT,
  'three zones': { zones: 3 },
  'a list of two zones': { zones: ZONES.slice(0, 2) },
  'a list of three zones': { zones: ZONES },
  'a list of other zones': { zones: ZONES.slice(1) },
  'one Redis node': { redisReplicas: 0, redisMultiAz: false },
  'a replica without failover': { redisReplicas: 1, redisMultiAz: false },
  'an image that is built here': { image: undefined },
  'an image in ECR': { image: `123456789012.dkr.ecr.${REGION}.amazonaws.com/streampool:1` },
  'another range of the VPC': { vpcCidr: '10.80.0.0/16' },
  'a VPC that exists': existing('a', 'b'),
  'a VPC that exists, in three zones': existing('a', 'b', 'c'),
  'signed playback': { playbackAuth: 'signed' },
  'alarms by e-mail': { alarmEmail: 'ops@example.com' },
  arm64: { architecture: 'arm64' },
  'a shell in workers': { allowExec: true },
  'termination protection': { terminationProtection: true },
  'viewers of two ranges': { viewerRanges: ['203.0.113.0/24', '198.51.100.0/24'] },
  'recordings of a year': { recordingsDays: 365 },
  'other settings of workers': { settings: { ROOT_PATH: '/tv', STREAM_IDLE_TTL: 60 }, logRetentionDays: 90 },
  'everything at once': {
    ...DOMAIN,
    ...JWT,
    zones: ZONES,
    hostedZoneId: 'Z0123456789',
    playbackAuth: 'signed',
    architecture: 'arm64',
    workerCpu: 4096,
    workerMemoryMiB: 8192,
    redisReplicas: 2,
    alarmEmail: 'ops@example.com',
    allowExec: true,
    terminationProtection: true,
  },
} as const satisfies Record<string, object>;

export type VariantName = keyof typeof SETTINGS;
export const VARIANTS = Object.keys(SETTINGS) as VariantName[];

/** One step that AWS does not take, and the sentences that say so. */
export interface Impossible {
  readonly why: string;
  readonly isSo: (from: StageConfig, to: StageConfig) => boolean;
  /** Every refusal of such a step says this. */
  readonly says: RegExp;
  /** The stage in between, where two deployments get there. */
  readonly by?: VariantName;
}

const zonesOf = ({ zones }: StageConfig): readonly string[] =>
  typeof zones === 'number' ? ZONES.slice(0, zones) : zones;

const isSameVpc = (from: StageConfig, to: StageConfig): boolean =>
  from.vpcId === to.vpcId && from.vpcCidr === to.vpcCidr;

export const IMPOSSIBLE: readonly Impossible[] = [
  {
    why: 'a zone cannot be taken away',
    isSo: (from, to) => isSameVpc(from, to) && zonesOf(from).length > zonesOf(to).length,
    says: /Subnet3\S+ (?:would vanish, while .* still imports? it|would be removed)|^Redis may have a node in \S+,/,
  },
  {
    why: 'a zone cannot be exchanged, because the new subnet has the range of the old one',
    isSo: (from, to) =>
      isSameVpc(from, to) &&
      zonesOf(from).some((zone, index) => zonesOf(to).length > index && zonesOf(to)[index] !== zone),
    says: /Subnet\d\S+ (?:would get another value, while|would be replaced because of AvailabilityZone|wants the range)/,
  },
  {
    why: 'a VPC cannot be exchanged, because everything is in it',
    isSo: (from, to) => !isSameVpc(from, to),
    says: /(?:Vpc|Workers|SecurityGroup|RedisClients|RedisServer)\w* would (?:vanish|be removed|get another value|be replaced because of .*(?:VpcId|CidrBlock))|^Redis may have a node in \S+,/,
  },
  {
    why: 'failover is turned on only where a replica is',
    isSo: (from, to) => from.redisReplicas === 0 && to.redisMultiAz,
    says: /^ElastiCache turns failover on only for a Redis that has a replica already/,
    by: 'a replica without failover',
  },
  {
    why: 'the last replica is taken away only where failover is off',
    isSo: (from, to) => from.redisMultiAz && to.redisReplicas === 0,
    says: /^ElastiCache takes the last replica away only when failover is off already/,
    by: 'a replica without failover',
  },
];

const made = new Map<VariantName, readonly StageStack[]>();

export function stageOf(name: VariantName): StageConfig {
  return testStage(SETTINGS[name]);
}

/** The stacks of a variant, which have passed the checks; each is synthesised once in a test file. */
export function variant(name: VariantName): readonly StageStack[] {
  const known = made.get(name);
  if (known !== undefined) return known;
  const app = testApp();
  addChecks(app);
  addStacks(app, stageOf(name));
  const stacks = stacksOf(app);
  made.set(name, stacks);
  return stacks;
}
