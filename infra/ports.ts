/** The ports of a worker inside the VPC. */

/** Viewers, API and health, through the load balancer. */
export const WORKER_PORT = 8085;

/** Between workers only: no rule of the load balancer has it, and only the workers' own group may connect to it. */
export const RELAY_PORT = 9085;

/** Not the default port: scanners try that first, and cdk-nag refuses it (AEC5). */
export const REDIS_PORT = 6380;
