/** Limits of AWS, and the numbers that follow from them. */

/** Fargate kills a task this many seconds after SIGTERM; AWS allows no more. */
export const STOP_TIMEOUT_S = 120;

/**
 * Seconds that a deregistered worker keeps its connections before ECS sends SIGTERM. ECS waits for all of it even when the
 * last viewer left long ago, so each replaced worker costs at least this time. The load balancer may cut open connections
 * when it ends. It is long enough for viewers who leave soon anyway, and short enough for deployments of many workers.
 */
export const DEREGISTRATION_DELAY_S = 120;

/** The most that a load balancer accepts for the delay above: elbv2 refuses more, CDK does not. */
export const MAX_DEREGISTRATION_DELAY_S = 3600;

/** CloudFormation rolls a deployment back when its service is not steady after this. */
export const MAX_DEPLOYMENT_S = 3 * 3600;

/**
 * Seconds without a byte in either direction after which the load balancer closes a connection. Workers must keep idle
 * connections longer, or the load balancer sends a request into one that is just being closed, which is a 502.
 */
export const IDLE_TIMEOUT_S = 600;
export const WORKER_KEEP_ALIVE_S = IDLE_TIMEOUT_S + 60;

/** The most zones that a stage can have. The ranges of subnets depend on it, so no deployed stage survives another number. */
export const MAX_ZONES = 3;

/** The range of a VPC that a stage makes, when the stage names none. */
export const DEFAULT_VPC_CIDR = '10.64.0.0/16';

/** The longest prefix of such a range: three zones with a /20 for workers and a /24 for Redis, and AWS accepts no shorter one than /16. */
export const VPC_PREFIX = { min: 16, max: 18 } as const;

/** The least memory with which Node, a ring and one FFmpeg fit into a worker. */
export const MIN_WORKER_MEMORY_MIB = 768;

const gib = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => (from + index * step) * 1024);

/** Memory in MiB that Fargate offers with each CPU size. */
export const FARGATE_MEMORY_MIB: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: gib(1, 4),
  1024: gib(2, 8),
  2048: gib(4, 16),
  4096: gib(8, 30),
  8192: gib(16, 60, 4),
  16384: gib(32, 120, 8),
};

/**
 * Days for which the bucket keeps objects after the workers should have removed them. A worker counts from the end of a recording, the
 * bucket from the writing of each object: a recording that runs for longer than this loses its first segments early.
 */
export const RECORDINGS_SLACK_DAYS = 7;
