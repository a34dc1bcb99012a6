/** Limits of AWS and the numbers that follow from them, each said once. */

/** Fargate kills a task this many seconds after SIGTERM; the most that it allows. */
export const STOP_TIMEOUT_S = 120;

/**
 * Seconds that a deregistered worker keeps its connections before ECS sends SIGTERM. ECS waits for all of it even when the
 * last viewer left long ago, so each replaced worker costs at least this; and the load balancer may cut what is open when
 * it ends. Long enough to go unnoticed by most viewers who leave
 * anyway, short enough for deployments of many workers.
 */
export const DEREGISTRATION_DELAY_S = 120;

/** The most that a load balancer takes for the two above: elbv2 refuses more, CDK does not. */
export const MAX_DEREGISTRATION_DELAY_S = 3600;

/** CloudFormation gives up on a service that is not steady after this, and rolls the deployment back. */
export const MAX_DEPLOYMENT_S = 3 * 3600;

/**
 * Seconds without a byte in either direction after which the load balancer closes a connection. Workers must keep idle
 * connections longer, or the load balancer sends a request into one that is just being closed, which is a 502.
 */
export const IDLE_TIMEOUT_S = 600;
export const WORKER_KEEP_ALIVE_S = IDLE_TIMEOUT_S + 60;

/** The collector beside each worker; hard limits, so that it can starve nobody. */
export const COLLECTOR = { cpu: 64, memoryMiB: 256 } as const;

/** The least memory that leaves a worker room for Node, a ring and one FFmpeg. */
export const MIN_WORKER_MEMORY_MIB = 768;

const gib = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => (from + index * step) * 1024);

/** Memory in MiB that Fargate sells with each CPU size. */
export const FARGATE_MEMORY_MIB: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: gib(1, 4),
  1024: gib(2, 8),
  2048: gib(4, 16),
  4096: gib(8, 30),
  8192: gib(16, 60, 4),
  16384: gib(32, 120, 8),
};
