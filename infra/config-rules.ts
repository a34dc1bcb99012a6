/** Rules between the values of a stage: combinations that cannot work. Pure: a stage in, sentences out. */

import ipaddr from 'ipaddr.js';
import { ConfigError, loadConfig } from '../services/proxy/src/config/config.ts';
import { SETTINGS } from '../services/proxy/src/config/settings.ts';
import type { Setting } from '../services/shared/settings/setting.ts';
import type { StageConfig } from './config.ts';
import {
  DEREGISTRATION_DELAY_S,
  FARGATE_MEMORY_MIB,
  MAX_DEPLOYMENT_S,
  MIN_WORKER_MEMORY_MIB,
  STOP_TIMEOUT_S,
  VPC_PREFIX,
} from './limits.ts';
import { SECRET_SETTINGS, STACK_SETTINGS, WORKER_OWN_SETTINGS } from './worker-settings.ts';

export function stageProblems(stage: StageConfig): string[] {
  return [
    ...sizeProblems(stage),
    ...deploymentProblems(stage),
    ...nameProblems(stage),
    ...networkProblems(stage),
    ...redisProblems(stage),
    ...adminProblems(stage),
    ...playbackProblems(stage),
    ...settingProblems(stage),
    ...sourceProblems(stage),
  ];
}

function sizeProblems({ workerCpu, workerMemoryMiB, minWorkers, maxWorkers, drainTimeout }: StageConfig): string[] {
  const problems: string[] = [];
  const memory = FARGATE_MEMORY_MIB[workerCpu];
  if (memory === undefined) {
    problems.push(
      `workerCpu: Fargate has no tasks of ${workerCpu} CPU units, only ${Object.keys(FARGATE_MEMORY_MIB).join(', ')}.`,
    );
  } else if (!memory.includes(workerMemoryMiB)) {
    problems.push(
      `workerMemoryMiB: with ${workerCpu} CPU units, Fargate offers ${memory[0]} to ${memory.at(-1)} MiB in fixed steps, not ${workerMemoryMiB}.`,
    );
  } else if (workerMemoryMiB < MIN_WORKER_MEMORY_MIB) {
    problems.push(`workerMemoryMiB: a worker needs at least ${MIN_WORKER_MEMORY_MIB} MiB, not ${workerMemoryMiB}.`);
  }
  if (minWorkers > maxWorkers) problems.push(`minWorkers: ${minWorkers} is more than maxWorkers, ${maxWorkers}.`);
  if (drainTimeout >= STOP_TIMEOUT_S) {
    problems.push(
      `drainTimeout: Fargate kills a worker after ${STOP_TIMEOUT_S} s, before a drain of ${drainTimeout} s ends.`,
    );
  }
  return problems;
}

/** Old workers leave one after the other. Each may take the whole drain time if its viewers stay to the end. */
function deploymentProblems({ maxWorkers, deployDrain, drainTimeout }: StageConfig): string[] {
  const perWorker = deployDrain + DEREGISTRATION_DELAY_S + drainTimeout;
  if (maxWorkers * perWorker < MAX_DEPLOYMENT_S) return [];
  const hours = ((maxWorkers * perWorker) / 3600).toFixed(1);
  const most = Math.floor(MAX_DEPLOYMENT_S / maxWorkers) - DEREGISTRATION_DELAY_S - drainTimeout - 1;
  const way = most >= 0 ? `take a deployDrain of ${most} or less` : 'take fewer, larger workers';
  return [
    `deployDrain: a deployment over ${maxWorkers} workers could take ${hours} hours, and CloudFormation rolls it back after 3; ${way}.`,
  ];
}

function nameProblems({ domain, certificateArn, hostedZoneId, region, zones }: StageConfig): string[] {
  const problems: string[] = [];
  if (domain !== undefined && certificateArn === undefined) {
    problems.push('domain: it needs a certificateArn, because players expect HTTPS under a name.');
  }
  if (certificateArn !== undefined && domain === undefined) {
    problems.push("certificateArn: it needs a domain, since no certificate fits the load balancer's own name.");
  }
  if (hostedZoneId !== undefined && domain === undefined)
    problems.push('hostedZoneId: it needs a domain to write into the zone.');
  const certificateRegion = certificateArn?.split(':')[3];
  if (region !== undefined && certificateRegion !== undefined && certificateRegion !== region) {
    problems.push(
      `certificateArn: the certificate is in ${certificateRegion}, and a load balancer in ${region} cannot use it.`,
    );
  }
  if (typeof zones !== 'number') {
    const strangers = region === undefined ? [] : zones.filter((zone) => !zone.startsWith(region));
    if (strangers.length > 0) problems.push(`zones: ${strangers.join(', ')} cannot be in the region ${region}.`);
    if (new Set(zones).size < zones.length) problems.push('zones: a zone is named twice.');
  }
  return problems;
}

function networkProblems(stage: StageConfig): string[] {
  const { vpcId, vpcCidr, zones } = stage;
  const subnets = ['publicSubnetIds', 'isolatedSubnetIds'] as const;
  if (vpcId === undefined) {
    const useless = subnets.filter((name) => stage[name] !== undefined);
    return [
      ...useless.map((name) => `${name}: it has no effect without a vpcId.`),
      ...(vpcCidr === undefined ? [] : rangeProblems(vpcCidr)),
    ];
  }
  const problems = vpcCidr === undefined ? [] : ['vpcCidr: it has no effect with a vpcId, whose range exists.'];
  if (typeof zones === 'number') {
    return [...problems, 'zones: with a vpcId it must be the list of the zones of its subnets, in their order.'];
  }
  for (const name of subnets) {
    const count = stage[name]?.length ?? 0;
    if (count !== zones.length) problems.push(`${name}: it has ${count} subnets for ${zones.length} zones.`);
    if (new Set(stage[name]).size < count) problems.push(`${name}: a subnet is named twice.`);
  }
  return problems;
}

/** Workers believe what a proxy says of a viewer's address when the proxy's own is in one of these: TRUST_PROXY=uniquelocal. */
const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

function rangeProblems(vpcCidr: string): string[] {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(vpcCidr);
  const problems: string[] = [];
  if (prefix < VPC_PREFIX.min || prefix > VPC_PREFIX.max) {
    problems.push(
      `vpcCidr: it must be a /${VPC_PREFIX.min} to /${VPC_PREFIX.max}, so that the subnets of three zones fit.`,
    );
  }
  if (!PRIVATE_RANGES.some((range) => address.match(ipaddr.IPv4.parseCIDR(range)))) {
    problems.push(
      `vpcCidr: it must be in ${PRIVATE_RANGES.join(', ')}: workers trust the load balancer by its private address.`,
    );
  }
  return problems;
}

function redisProblems({ redisMultiAz, redisReplicas }: StageConfig): string[] {
  if (!redisMultiAz || redisReplicas > 0) return [];
  return ['redisMultiAz: it needs at least one replica (redisReplicas) to fail over to.'];
}

function adminProblems({ adminAuth, jwtIssuer, jwtAudience }: StageConfig): string[] {
  if (adminAuth === 'jwt' && (jwtIssuer === undefined || jwtAudience === undefined)) {
    return ['adminAuth: jwt needs jwtIssuer and jwtAudience, otherwise any token of that issuer would be valid.'];
  }
  if (adminAuth !== 'jwt' && (jwtIssuer !== undefined || jwtAudience !== undefined)) {
    return [`adminAuth: jwtIssuer and jwtAudience have no effect with "${adminAuth}".`];
  }
  return [];
}

function playbackProblems({ playbackAuth, settings }: StageConfig): string[] {
  if (playbackAuth === 'signed' || settings.PLAYBACK_URL_TTL === undefined) return [];
  return ['settings.PLAYBACK_URL_TTL: it has no effect with playbackAuth "open", where URLs do not expire.'];
}

function settingProblems({ settings }: StageConfig): string[] {
  const known = new Map(Object.values<Setting<unknown>>(SETTINGS).map((setting) => [setting.env, setting]));
  const refusals = Object.keys(settings).flatMap((name) => {
    const setting = known.get(name);
    if (setting === undefined) return [`settings.${name}: workers have no such setting.`];
    if (includes(SECRET_SETTINGS, name)) return [`settings.${name}: it comes from Secrets Manager.`];
    if (includes(STACK_SETTINGS, name)) return [`settings.${name}: the stack sets it from the stage's own settings.`];
    if (includes(WORKER_OWN_SETTINGS, name))
      return [`settings.${name}: it cannot be the same for all workers of a stage.`];
    if (setting.kind.secret === true) return [`settings.${name}: a secret would be readable in the template.`];
    return [];
  });
  return refusals.length > 0 ? refusals : valueProblems(settings);
}

/** Runs the worker's own checks, so that a bad value stops the synthesis and not the worker. */
function valueProblems(settings: Readonly<Record<string, string>>): string[] {
  try {
    loadConfig(settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => `settings.${problem}`);
    throw error;
  }
}

function sourceProblems({ privateSources }: StageConfig): string[] {
  const result = SETTINGS.allowPrivateSources.kind.schema.safeParse(privateSources);
  if (!result.success) return [`privateSources: must be ${SETTINGS.allowPrivateSources.kind.allowed}.`];
  if (!result.data.loopback) return [];
  return ['privateSources: true would let sources reach the worker itself and its VPC; name the ranges instead.'];
}

function includes(names: readonly string[], name: string): boolean {
  return names.includes(name);
}
