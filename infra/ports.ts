/** The ports of a worker inside the VPC. */

/** Viewers, API and health, by way of the load balancer. */
export const WORKER_PORT = 8085;

/** Worker to worker only: it is in no rule of the load balancer, and only the workers' own group may connect to it. */
export const RELAY_PORT = 9085;

/** Not the default port, which scanners try first and cdk-nag refuses (AEC5). */
export const REDIS_PORT = 6380;
